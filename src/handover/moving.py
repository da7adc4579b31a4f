"""Open models with all their conformations moved into another frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import frames

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from numpy.typing import NDArray

__all__ = ["move_atoms"]


def move_atoms(structure: AtomicStructure, matrix: NDArray[np.float64]) -> None:
    """Move all atoms by a rigid change of coordinates (3, 4), each in all its conformations."""
    if frames.is_identity(matrix):
        return
    atoms = structure.atoms
    several = np.asarray(atoms.num_alt_locs) > 0
    alternatives = [
        (atom, atom.alt_loc, {loc: np.array(atom.get_alt_loc_coord(loc)) for loc in atom.alt_locs})
        for atom in atoms.filter(several)
    ]
    atoms.coords = frames.apply(matrix, atoms.coords)
    for atom, shown, places in alternatives:
        for loc, place in places.items():
            atom.alt_loc = loc
            atom.coord = frames.apply(matrix, place)
        atom.alt_loc = shown
