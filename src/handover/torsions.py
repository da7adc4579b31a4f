"""Backbone torsions of residues of an open model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..engine.contract.ramachandran import residue_kinds
from .atoms import Address
from .part import residue_address

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residue

__all__ = ["Torsions", "backbone_torsions", "dihedrals"]

_PEPTIDE_BOND = 2.0
"""Longest distance C to N that is a bond, in angstrom; an ideal one has 1.33."""
_COLUMNS = {"N": 0, "CA": 1, "C": 2}
_LETTERS = {"GLY": "G", "PRO": "P"}


@dataclass(frozen=True, eq=False)
class Torsions:
    """Of N residues.

    Parameters
    ----------
    phi, psi : ndarray, shape (N,)
        Degrees; NaN at ends of chains and where atoms are missing.
    kinds : ndarray of int, shape (N,)
        Index of each residue into the kinds of the contours.
    """

    phi: NDArray[np.float64]
    psi: NDArray[np.float64]
    kinds: NDArray[np.int64]


def backbone_torsions(structure: AtomicStructure, addresses: Sequence[Address]) -> Torsions:
    """Torsions of residues of a model, in the conformations that are shown.

    Parameters
    ----------
    structure : AtomicStructure
    addresses : sequence of Address
        In the order of the chains; what the model lacks has no torsions.
    """
    n = len(addresses)
    xyz, letters = np.full((n, 3, 3), np.nan), ["X"] * n
    rows = {address: row for row, address in enumerate(addresses)}
    places: dict[Residue, int] = {}
    for residue in structure.residues:
        row = rows.get(residue_address(residue))
        if row is not None:
            places[residue], letters[row] = row, _LETTERS.get(residue.name, "X")
    atoms = structure.atoms
    atoms = atoms.filter(np.isin(np.array(list(atoms.names), dtype=object), list(_COLUMNS)))
    owners = [places.get(residue, -1) for residue in atoms.residues]
    columns = [_COLUMNS[name] for name in atoms.names]
    inside = np.array(owners, dtype=np.int64) >= 0
    xyz[np.array(owners, np.int64)[inside], np.array(columns, np.int64)[inside]] = np.asarray(atoms.coords)[inside]
    linked: NDArray[np.bool_] = np.linalg.norm(xyz[1:, 0] - xyz[:-1, 2], axis=-1) < _PEPTIDE_BOND  # NaN: not linked
    phi, psi = np.full(n, np.nan), np.full(n, np.nan)
    before, after = xyz[:-1], xyz[1:]
    turned = dihedrals(before[:, 2], after[:, 0], after[:, 1], after[:, 2])
    phi[1:] = np.where(linked, turned, np.nan)
    psi[:-1] = np.where(linked, dihedrals(before[:, 0], before[:, 1], before[:, 2], after[:, 0]), np.nan)
    return Torsions(phi, psi, residue_kinds("".join(letters), linked))


def dihedrals(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64], d: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Dihedral angles (...) of four points (..., 3) each, in degrees, -180 to 180."""
    one, axis, two = b - a, c - b, d - c
    first, second = np.cross(one, axis), np.cross(axis, two)
    length = np.linalg.norm(axis, axis=-1)
    result: NDArray[np.float64] = np.degrees(np.arctan2(length * (one * second).sum(-1), (first * second).sum(-1)))
    return result
