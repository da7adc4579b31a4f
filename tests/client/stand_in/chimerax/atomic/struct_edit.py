"""atomic/src/struct_edit.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from .molobject import Atom, Bond, Element, Residue


def add_atom(
    name: str,
    element: Element | str,
    residue: Residue,
    loc: ArrayLike,
    serial_number: int | None = None,
    bonded_to: Atom | None = None,
    occupancy: float | None = None,
    info_from: Atom | None = None,
    alt_loc: str | None = None,
    bfactor: float | None = None,
    aniso_u: Any = None,
) -> Atom:
    """New atom in a residue."""
    atom = residue.structure.new_atom(name, element)
    residue.add_atom(atom)
    atom.coord = np.asarray(loc, np.float64)
    if occupancy is not None:
        atom.occupancy = occupancy
    if bfactor is not None:
        atom.bfactor = bfactor
    if serial_number is not None:
        atom.serial_number = serial_number
    if bonded_to is not None:
        add_bond(atom, bonded_to)
    return atom


def add_bond(
    a1: Atom, a2: Atom, *, halfbond: bool | None = None, color: Any = None, radius: float | None = None
) -> Bond:
    """New bond between two atoms."""
    return a1.structure.new_bond(a1, a2)
