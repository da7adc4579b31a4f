"""Everything that validation has to say of a model with side chains, as a whole and residue by residue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.validation_figures import C_BETA_LIMIT
from .amino_acids import SIDE_CHAIN_BONDS, chi_count
from .atoms import Atoms
from .clashscore import Clashscore
from .geometry import BackboneGeometry
from .ramachandran import ALLOWED, FAVOURED, OUTLIER, RamachandranReport
from .rotamers import RotamerReport
from .torsions import BackboneTorsions

__all__ = ["MapFit", "ModelReport", "molprobity_score"]

Array = NDArray[np.float64]

_BACKBONE = ("N", "CA", "C", "O", "OXT")
_CLASSES = {FAVOURED: "favoured", ALLOWED: "allowed", OUTLIER: "outlier"}


@dataclass(frozen=True)
class MapFit:
    """Fit to a map: Q-score of each atom (A,), CC_mask, and the resolution in A that this was computed for."""

    q: Array
    cc_mask: float
    resolution: float


@dataclass(frozen=True)
class ModelReport:
    """Validation of one model.

    Parameters
    ----------
    atoms : Atoms
        What was looked at.
    rows : ndarray of int64, shape (N,)
        Its protein residues.
    ramachandran : RamachandranReport
    torsions : BackboneTorsions
    rotamers : RotamerReport
    chi : ndarray, shape (N, 4)
        Degrees.
    c_beta : ndarray, shape (N,)
        Deviation in A.
    geometry : BackboneGeometry
    clashscore : Clashscore
    fit : MapFit or None
    """

    atoms: Atoms
    rows: NDArray[np.int64]
    ramachandran: RamachandranReport
    torsions: BackboneTorsions
    rotamers: RotamerReport
    chi: Array
    c_beta: Array
    geometry: BackboneGeometry
    clashscore: Clashscore
    fit: MapFit | None = None

    def figures(self) -> dict[str, Any]:
        """Figures of the whole model, plain values; None where something is not defined."""
        rama, rota, geometry = self.ramachandran, self.rotamers, self.geometry
        favoured, outliers = 100 * float(rama.favoured), 100 * rota.outliers
        figures: dict[str, Any] = {
            "residues": len(self.rows),
            "atoms": len(self.atoms),
            "incomplete_side_chains": self._incomplete(),
            "hydrogens_placed": self.clashscore.hydrogens,
            "residues_without_hydrogens": self.clashscore.without_hydrogens,
            "molprobity_score": _rounded(molprobity_score(self.clashscore.per_1000_atoms, outliers, favoured)),
            "clashscore": _rounded(self.clashscore.per_1000_atoms),
            "clashes": len(self.clashscore.clashes),
            "ramachandran_favoured_percent": _rounded(favoured),
            "ramachandran_outliers_percent": _rounded(100 * float(rama.outliers)),
            "rotamers_favoured_percent": _rounded(100 * rota.favoured),
            "rotamer_outliers_percent": _rounded(outliers),
            "rotamers_judged": int((rota.classes >= 0).sum()),
            "c_beta_outliers": int((self.c_beta >= C_BETA_LIMIT).sum()),
            "cis_not_proline": len(geometry.cis_other),
            "cis_proline": len(geometry.cis_proline),
            "twisted_peptides": len(geometry.twisted),
            "d_amino_acids": len(geometry.d_residues),
            "bond_rmsz": _rounded(geometry.rmsz_bonds, 3),
            "angle_rmsz": _rounded(geometry.rmsz_angles, 3),
        }
        if self.fit is not None:
            backbone, side = self._parts()
            figures |= {
                "q_score": _rounded(_mean(self.fit.q[backbone | side]), 3),
                "q_score_backbone": _rounded(_mean(self.fit.q[backbone]), 3),
                "q_score_side_chains": _rounded(_mean(self.fit.q[side]), 3),
                "cc_mask": _rounded(self.fit.cc_mask, 3),
                "resolution": _rounded(self.fit.resolution),
            }
        return figures

    def residues(self) -> list[dict[str, Any]]:
        """One row of plain values for each protein residue; None where something is not defined."""
        count = len(self.atoms.residues)
        clashes = np.zeros(count, np.int64)
        worst = np.zeros(count)
        for clash in self.clashscore.clashes:
            for residue in set(clash.residues):
                clashes[residue] += 1
                worst[residue] = max(worst[residue], clash.overlap)
        fits = self._residue_fits()
        peptides = self._peptides()
        d_forms = set(self.geometry.d_residues)
        table = []
        for index, row in enumerate(self.rows.tolist()):
            residue = self.atoms.residues[row]
            table.append(
                {
                    "chain": residue.chain,
                    "number": residue.number,
                    "name": residue.name,
                    "ramachandran": _CLASSES.get(int(self.ramachandran.classes[index])),
                    "phi": _rounded(self.torsions.phi[index], 1),
                    "psi": _rounded(self.torsions.psi[index], 1),
                    "omega": _rounded(self.torsions.omega[index], 1),
                    "peptide": peptides.get(index),
                    "rotamer": _CLASSES.get(int(self.rotamers.classes[index])),
                    "chi": [_rounded(value, 1) for value in self.chi[index, : chi_count(residue.kind)]],
                    "c_beta_deviation": _rounded(self.c_beta[index], 3),
                    "d_amino_acid": index in d_forms,
                    "clashes": int(clashes[row]),
                    "worst_overlap": _rounded(worst[row]) if clashes[row] else None,
                    **{name: _rounded(values[row], 3) for name, values in fits.items()},
                }
            )
        return table

    def clashes(self) -> list[dict[str, Any]]:
        """Clashing atoms, worst first: ``first`` and ``second``, such as ``A 52 LEU HD11``, and ``overlap`` in A."""
        names = self.atoms.residues
        return [
            {
                "first": f"{names[clash.residues[0]]} {clash.names[0]}",
                "second": f"{names[clash.residues[1]]} {clash.names[1]}",
                "overlap": _rounded(clash.overlap),
            }
            for clash in self.clashscore.clashes
        ]

    def to_dict(self) -> dict[str, Any]:
        """``figures``, ``residues`` and ``clashes`` as plain values for a JSON report."""
        return {"figures": self.figures(), "residues": self.residues(), "clashes": self.clashes()}

    def outliers(self) -> list[str]:
        """Residues with something wrong, clashes apart, one line each in the order of the model."""
        found = []
        for row in self.residues():
            said = [f"{row['peptide']} peptide"] if row["peptide"] in ("cis", "twisted") else []
            if row["ramachandran"] == "outlier":
                said.append(f"Ramachandran outlier (phi {row['phi']:.0f}, psi {row['psi']:.0f})")
            if row["rotamer"] == "outlier":
                said.append(f"rotamer outlier (chi {', '.join(f'{angle:.0f}' for angle in row['chi'])})")
            if (row["c_beta_deviation"] or 0.0) >= C_BETA_LIMIT:
                said.append(f"C-beta off by {row['c_beta_deviation']:.2f} A")
            if row["d_amino_acid"]:
                said.append("D-amino acid")
            if said:
                found.append(f"{row['chain']} {row['number']} {row['name']}: {', '.join(said)}")
        return found

    def lines(self) -> list[str]:
        """The figures as readable sentences."""
        f = self.figures()
        lines = [
            f"{f['residues']} residues of protein, {f['incomplete_side_chains']} of them with incomplete side chains; "
            f"{f['atoms']} heavy atoms, {f['hydrogens_placed']} hydrogens placed.",
            f"Clashscore {_said(f['clashscore'])} ({f['clashes']} clashes), MolProbity score "
            f"{_said(f['molprobity_score'])}.",
            f"Ramachandran: {_said(f['ramachandran_favoured_percent'])} % favoured, "
            f"{_said(f['ramachandran_outliers_percent'])} % outliers.",
            f"Rotamers: {_said(f['rotamers_favoured_percent'])} % favoured, "
            f"{_said(f['rotamer_outliers_percent'])} % outliers, of {f['rotamers_judged']}.",
            f"C-beta deviations from {C_BETA_LIMIT} A on: {f['c_beta_outliers']}. Peptides: {f['cis_not_proline']} cis "
            f"before other residues than proline, {f['cis_proline']} before proline, {f['twisted_peptides']} twisted. "
            f"D-amino acids: {f['d_amino_acids']}.",
            f"RMSZ of the backbone: {_said(f['bond_rmsz'])} for bonds, {_said(f['angle_rmsz'])} for angles.",
        ]
        if f["residues_without_hydrogens"]:
            lines.append(
                f"{f['residues_without_hydrogens']} residues that are no protein were compared without hydrogens."
            )
        if self.fit is not None:
            lines.append(
                f"Q-score {_said(f['q_score'])}, backbone {_said(f['q_score_backbone'])}, side chains "
                f"{_said(f['q_score_side_chains'])}; CC_mask {_said(f['cc_mask'])} at {_said(f['resolution'])} A."
            )
        return lines

    def _incomplete(self) -> int:
        """Protein residues of known types that lack atoms of their side chains."""
        table = self.atoms.by_standard_name()
        return sum(
            any(
                atom not in table[row]
                for bond in SIDE_CHAIN_BONDS.get(self.atoms.residues[row].kind, ())
                for atom in bond
            )
            for row in self.rows.tolist()
        )

    def _peptides(self) -> dict[int, str]:
        """What is unusual about the peptide bond from each residue to the next."""
        geometry = self.geometry
        words = (("cis proline", geometry.cis_proline), ("cis", geometry.cis_other), ("twisted", geometry.twisted))
        return {index: word for word, listed in words for index in listed}

    def _parts(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which atoms (A,) belong to backbones, and which to side chains, of protein."""
        protein = np.isin(self.atoms.residue, self.rows)
        backbone = np.isin(self.atoms.names, _BACKBONE)
        return protein & backbone, protein & ~backbone

    def _residue_fits(self) -> Mapping[str, Array]:
        """Mean Q-scores of each residue of the model, of its backbone and of its side chain; NaN without atoms."""
        if self.fit is None:
            return {}
        backbone, side = self._parts()
        count = len(self.atoms.residues)
        means = {}
        for name, part in (("q_score", backbone | side), ("q_score_backbone", backbone), ("q_score_side_chain", side)):
            number = np.bincount(self.atoms.residue[part], minlength=count)
            total = np.bincount(self.atoms.residue[part], self.fit.q[part], count)
            means[name] = np.where(number > 0, total / np.maximum(number, 1), np.nan)
        return means


def molprobity_score(clashscore: float, rotamer_outliers: float, ramachandran_favoured: float) -> float:
    """One figure on the scale of resolutions, in A: lower is better.

    ``0.426 ln(1 + clashscore) + 0.33 ln(1 + max(0, outliers - 1)) + 0.25 ln(1 + max(0, 98 - favoured)) + 0.5``
    with both in percent (Chen et al. 2010, Acta Cryst. D66, 12). NaN where one is not defined.
    """
    parts = (
        0.426 * np.log1p(clashscore),
        0.33 * np.log1p(np.maximum(0.0, rotamer_outliers - 1.0)),
        0.25 * np.log1p(np.maximum(0.0, 98.0 - ramachandran_favoured)),
    )
    return float(sum(parts) + 0.5)


def _mean(values: Array) -> float:
    return float(values.mean()) if values.size else float("nan")


def _rounded(value: float, digits: int = 2) -> float | None:
    return round(float(value), digits) if np.isfinite(value) else None


def _said(value: float | None) -> str:
    return "undefined" if value is None else f"{value:g}"
