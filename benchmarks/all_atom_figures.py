"""How far built atoms are what they should be: torsions, RMSD, bonds, contacts, diversity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from adp3d.sidechain.geometry_table import geometry_table
from adp3d.sidechain.measure import chi_difference, measure_chi, swap_symmetric
from adp3d.sidechain.scene_of_model import atom14_of
from adp3d.sidechain.templates import RESIDUE_NAMES, TEMPLATES
from adp3d.validation.validate import validate_model

__all__ = ["atom14", "bond_edits", "diversity", "fidelity", "validity"]

BACKBONE = 4
_COVALENT_SLACK = 0.45
"""Angstrom above the sum of the covalent radii at which two atoms count as bonded, as Open Babel and RDKit do."""


def atom14(model: gemmi.Model) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Atoms (N, 14, 3), NaN where absent, and types (N,) of the amino acids of a model."""
    residues = [residue for chain in model for residue in chain if residue.name in TEMPLATES]
    types = [RESIDUE_NAMES.index(residue.name) for residue in residues]
    return np.array([atom14_of(r, t) for r, t in zip(residues, types, strict=True)]), np.array(types)


def fidelity(built: gemmi.Model, truth: gemmi.Model) -> dict[str, float]:
    """Torsions and distances to a truth, residue by residue in the same order, without superposition.

    ``chi1_20`` ... ``chi12_40``: percentage of residues whose first (first two) torsions are within 20 (40) degrees;
    ``rmsd_backbone`` of N, CA, C and O, ``rmsd_side_chain`` of atoms beyond, ``rmsd_all``, in angstrom. Half turns
    that only rename atoms (ASP, GLU, PHE, TYR) count as none. Atoms that either lacks are left out.
    """
    (made, types), (true, own) = atom14(built), atom14(truth)
    if not np.array_equal(types, own):
        raise ValueError("the residues of a model are not those of the truth")
    kinds = torch.from_numpy(types)
    there = torch.from_numpy(np.isfinite(made).all(-1) & np.isfinite(true).all(-1))
    there &= torch.cat([torch.ones(len(types), BACKBONE, dtype=torch.bool), geometry_table().exists[kinds]], -1)
    a, b = torch.from_numpy(np.nan_to_num(made)), torch.from_numpy(np.nan_to_num(true))
    chi, known = measure_chi(b, kinds, there)
    turned, _ = measure_chi(a, kinds, there)
    off = torch.rad2deg(chi_difference(turned, chi, kinds))
    figures = {}
    for name, needed in (("chi1", 1), ("chi12", 2)):
        rows = off[known[:, :needed].all(1), :needed]
        for near in (20.0, 40.0):
            figures[f"{name}_{near:.0f}"] = 100 * float((rows < near).all(1).double().mean())
    straight, swapped = ((a - b) ** 2).sum(-1), ((a - swap_symmetric(b, kinds)) ** 2).sum(-1)
    side = there.clone()
    side[:, :BACKBONE] = False
    better = ((swapped * side).sum(-1) < (straight * side).sum(-1))[:, None]
    squares = torch.where(better & side, swapped, straight)
    trunk = there & ~side
    for name, chosen in (("backbone", trunk), ("side_chain", side), ("all", there)):
        figures[f"rmsd_{name}"] = float((squares * chosen).sum() / chosen.sum()) ** 0.5
    return figures


def validity(structure: gemmi.Structure) -> dict[str, float | None]:
    """Clashscore, rotamers, Ramachandran and geometry of the first model, and bonds that chemistry does not have."""
    figures = validate_model(structure).figures()
    names = (
        "clashscore", "rotamers_favoured_percent", "rotamer_outliers_percent", "ramachandran_favoured_percent",
        "bond_rmsz", "angle_rmsz",
    )  # fmt: skip
    return {name: figures.get(name) for name in names} | {"bond_edits": bond_edits(structure[0])}


def bond_edits(model: gemmi.Model) -> float:
    """Graph edit distance between bonds seen in coordinates and those of the chemistry, per bond of the latter.

    Both graphs have the same atoms, so that it is the number of bonds that only one of them has. Seen are pairs nearer
    than the sum of their covalent radii plus 0.45 A; peptide bonds are expected between neighbours whose CA are within
    4.2 A; disulphides, which no trace tells, count as neither.
    """
    atoms: list[tuple[gemmi.Atom, int, str]] = []
    expected: set[tuple[int, int]] = set()
    for chain in model:
        before: tuple[int, gemmi.Residue] | None = None
        for number, residue in enumerate(chain):
            if residue.name not in TEMPLATES:
                before = None
                continue
            first = len(atoms)
            place = {atom.name: first + k for k, atom in enumerate(residue)}
            atoms += [(atom, number, atom.name) for atom in residue]
            bonds = (*TEMPLATES[residue.name].bonds, ("C", "OXT"))
            expected |= {_pair(place[a], place[b]) for a, b in bonds if a in place and b in place}
            if before is not None and "C" in before[1] and "N" in residue:
                near = before[1]["CA"][0].pos.dist(residue["CA"][0].pos) < 4.2
                carbon = before[0] + [atom.name for atom in before[1]].index("C")
                if near:
                    expected.add(_pair(carbon, place["N"]))
            before = (first, residue)
    xyz = np.array([atom.pos.tolist() for atom, *_ in atoms])
    radius = np.array([atom.element.covalent_r for atom, *_ in atoms])
    seen = set()
    for i, j in cKDTree(xyz).query_pairs(2 * radius.max() + _COVALENT_SLACK):
        sulphurs = atoms[i][2] == "SG" and atoms[j][2] == "SG"
        if not sulphurs and np.linalg.norm(xyz[i] - xyz[j]) < radius[i] + radius[j] + _COVALENT_SLACK:
            seen.add(_pair(i, j))
    return len(seen ^ expected) / max(len(expected), 1)


def diversity(samples: Sequence[gemmi.Model], truth: gemmi.Model) -> float:
    """DIV = 1 - RMSD_gen / RMSD_ref of K samples of one structure; 0 where samples differ as much as they err.

    RMSD_gen is the mean RMSD of all pairs of samples, RMSD_ref the mean RMSD of samples to the truth, over all heavy
    atoms (Jones et al. 2023, who introduced it; Latent Diffusion Backmapping and its successor follow them).
    A program that always gives one answer has 1.
    """
    made = [np.nan_to_num(atom14(model)[0]) for model in samples]
    true = atom14(truth)[0]
    there = np.isfinite(true).all(-1) & np.isfinite(atom14(samples[0])[0]).all(-1)

    def apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        return float(np.sqrt(((a - b)[there] ** 2).sum(-1).mean()))

    pairs = [apart(made[i], made[j]) for i in range(len(made)) for j in range(i)]
    to_truth = [apart(one, np.nan_to_num(true)) for one in made]
    return 1.0 - float(np.mean(pairs)) / float(np.mean(to_truth))


def mean_of(rows: Sequence[Mapping[str, float | None]], name: str) -> float:
    """Mean of a figure over rows that have it."""
    return float(np.mean([row[name] for row in rows if row[name] is not None]))


def _pair(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i < j else (j, i)
