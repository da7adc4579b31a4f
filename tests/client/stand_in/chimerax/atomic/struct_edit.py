"""atomic/src/struct_edit.py."""

import numpy as np


def add_atom(
    name,
    element,
    residue,
    loc,
    serial_number=None,
    bonded_to=None,
    occupancy=None,
    info_from=None,
    alt_loc=None,
    bfactor=None,
    aniso_u=None,
):
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


def add_bond(a1, a2, *, halfbond=None, color=None, radius=None):
    """New bond between two atoms."""
    return a1.structure.new_bond(a1, a2)
