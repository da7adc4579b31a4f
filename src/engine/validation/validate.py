"""Validation of a model with side chains, alone or against a map."""

from __future__ import annotations

from itertools import pairwise

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..density.map import DensityMap
from ..density.resolution import estimate_resolution
from .atoms import PEPTIDE_BOND_MAX, Atoms, heavy_atoms
from .c_beta import c_beta_deviation
from .clashscore import clashscore
from .geometry import backbone_geometry
from .map_correlation import cc_mask
from .model_report import MapFit, ModelReport
from .q_score import q_scores
from .ramachandran import ramachandran
from .rotamers import LARGEST_CHI, chi_angles, classify_rotamers
from .torsions import backbone_torsions, distance

__all__ = ["validate_model"]

_NAMES = ("N", "CA", "C", "O", "CB")


def validate_model(
    structure: gemmi.Structure,
    density: DensityMap | None = None,
    resolution: float | None = None,
    own_b_factors: bool = True,
) -> ModelReport:
    """Validate the first model of a structure: contacts, backbone, side chains, and their fit to a map.

    Each residue is looked at in its most occupied conformer. Hydrogens of the structure are not used: they are placed
    anew where contacts need them.

    Parameters
    ----------
    structure : gemmi.Structure
        As `adp3d.structure.read.read_structure` returns it; not changed.
    density : DensityMap, optional
        Map that the model lies in.
    resolution : float, optional
        Of the map in A; estimated by default.
    own_b_factors : bool
        False if the B-factor column holds something else, such as a confidence.

    Returns
    -------
    ModelReport
    """
    atoms = heavy_atoms(structure)
    rows = np.array([i for i, residue in enumerate(atoms.residues) if residue.protein], np.int64)
    residues = [atoms.residues[row] for row in rows]
    names = [residue.kind for residue in residues]
    sequence = "".join(residue.letter for residue in residues)
    five, chi = _positions(atoms, rows)
    x, cb = five[:, :4], five[:, 4]
    linked = _bonded(atoms, rows, x)
    fit = None
    if density is not None:
        finest = estimate_resolution(density).value if resolution is None else resolution
        fit = MapFit(q_scores(density, atoms.xyz), cc_mask(density, atoms, finest, own_b_factors), finest)
    return ModelReport(
        atoms=atoms,
        rows=rows,
        ramachandran=ramachandran(x, sequence, linked),
        torsions=backbone_torsions(x, linked),
        rotamers=classify_rotamers(names, chi),
        chi=chi,
        c_beta=c_beta_deviation(names, x, cb),
        geometry=backbone_geometry(x, sequence, linked, cb),
        clashscore=clashscore(atoms),
        fit=fit,
    )


def _positions(atoms: Atoms, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """N, CA, C, O, CB (N, 5, 3) in A and chi angles (N, 4) in degrees of residues; NaN where missing."""
    five = np.full((len(rows), len(_NAMES), 3), np.nan)
    chi = np.full((len(rows), LARGEST_CHI), np.nan)
    table = atoms.by_standard_name()
    for index, row in enumerate(rows.tolist()):
        places = {name: atoms.xyz[atom] for name, atom in table[row].items()}
        for slot, name in enumerate(_NAMES):
            if name in places:
                five[index, slot] = places[name]
        angles = chi_angles(atoms.residues[row].kind, places)
        chi[index, : len(angles)] = angles
    return five, chi


def _bonded(atoms: Atoms, rows: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each residue is bonded to the next one of the list, in its chain; shape (N - 1,)."""
    same = np.array([atoms.residues[a].chain == atoms.residues[b].chain for a, b in pairwise(rows.tolist())], bool)
    return same & (distance(x[:-1, 2], x[1:, 0]) < PEPTIDE_BOND_MAX)
