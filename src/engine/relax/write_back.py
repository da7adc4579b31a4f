"""From relaxed atoms back to the user's structure: coordinates of what moved, and nothing else."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ..structure.atom_aliases import standard_names
from .scene import Scene

__all__ = ["moved_structure"]


def moved_structure(
    structure: gemmi.Structure, places: NDArray[np.int64], scene: Scene, xyz: NDArray[np.float64]
) -> gemmi.Structure:
    """Copy of a structure with the atoms of mobile residues where they were moved to.

    Hydrogens that the structure has go to the relaxed ones on the same atom, each to the one that was placed nearest to
    it; where their number is another one, they follow their atom. No atom is added, lost, renamed or reordered.

    Parameters
    ----------
    structure : gemmi.Structure
    places : ndarray of int64, shape (R,)
        For each residue of the region, its number among all residues of the first model.
    scene : Scene
    xyz : ndarray, shape (P, 3)
        New positions of the scene's atoms in A.
    """
    copy = structure.clone()
    residues = [residue for chain in copy[0] for residue in chain]
    owner = scene.rows[scene.points.residue]
    by_row: dict[int, list[int]] = {row: [] for row in np.flatnonzero(scene.region.mobile).tolist()}
    for point, row in enumerate(owner.tolist()):
        if row in by_row:
            by_row[row].append(point)
    for row, points in by_row.items():
        residue = residues[places[row]]
        # under the names that the scene has
        named = standard_names(residue.name, [atom.name for atom in residue if not atom.is_hydrogen()])
        before = {named[atom.name]: np.array(atom.pos.tolist()) for atom in residue if not atom.is_hydrogen()}
        heavy = {str(scene.points.names[point]): point for point in points if scene.heavy[point] >= 0}
        for atom in residue:
            if not atom.is_hydrogen():
                atom.pos = gemmi.Position(*xyz[heavy[named[atom.name]]].tolist())
        _move_hydrogens(residue, before, heavy, points, scene, xyz)
    return copy


def _move_hydrogens(
    residue: gemmi.Residue,
    before: dict[str, NDArray[np.float64]],
    heavy: dict[str, int],
    points: list[int],
    scene: Scene,
    xyz: NDArray[np.float64],
) -> None:
    names, sites = list(before), np.array(list(before.values()))
    on_atom: dict[str, list[gemmi.Atom]] = {}
    for atom in residue:
        if atom.is_hydrogen():
            nearest = int(((sites - atom.pos.tolist()) ** 2).sum(-1).argmin())
            on_atom.setdefault(names[nearest], []).append(atom)
    bearing = dict(reversed(pair) for pair in scene.points.bonds.tolist() if scene.points.hydrogen[pair[1]])
    for name, given in on_atom.items():
        parent = heavy[name]
        placed = [point for point in points if bearing.get(point) == parent]
        old = np.array([atom.pos.tolist() for atom in given])
        if len(placed) == len(given):
            apart = np.linalg.norm(old[:, None] - scene.points.xyz[placed], axis=-1)
            new = xyz[placed][linear_sum_assignment(apart)[1]]
        else:
            new = old + xyz[parent] - before[name]
        for atom, position in zip(given, new.tolist(), strict=True):
            atom.pos = gemmi.Position(*position)
