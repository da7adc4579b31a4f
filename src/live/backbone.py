"""A full-length backbone as a ChimeraX structure, and coordinates into whatever is left of it.

Atom ``4 i + j`` is atom j (N, CA, C, O) of residue i of the job. ChimeraX keeps for every atom its row in
the coordinate sets (``coord_indices``); rows are given in the order of creation and stay as they are when
other atoms are deleted, so they say which residue of the job an atom belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Atoms, Residue
    from chimerax.core.session import Session

    from ..jobs.state import Layout

__all__ = [
    "ATOMS_PER_RESIDUE",
    "build_backbone",
    "colour_residues",
    "move_backbone",
    "residue_rows",
    "rows_fit",
    "set_bfactors",
]

ATOMS_PER_RESIDUE = 4
_ATOMS = (("N", "N"), ("CA", "C"), ("C", "C"), ("O", "O"))


def build_backbone(session: Session, layout: Layout, name: str) -> AtomicStructure:
    """Structure of all residues of a job at the coordinates of its layout; not opened yet.

    Parameters
    ----------
    session : Session
    layout : Layout
        N residues with the user's chains and numbers; coordinates (N, 4, 3) in angstrom.
    name : str
        Name of the model.
    """
    from chimerax.atomic import AtomicStructure

    structure = AtomicStructure(session, name=name, auto_style=False, log_info=False)
    coordinates = np.asarray(layout.coordinates, dtype=np.float64).reshape(-1, ATOMS_PER_RESIDUE, 3)
    previous_c = None
    for i, xyz in enumerate(coordinates):
        residue = structure.new_residue(
            layout.names[i], layout.chains[i], int(layout.numbers[i]), layout.insertion_codes[i].strip() or " "
        )
        atoms = []
        for (atom_name, element), position in zip(_ATOMS, xyz, strict=True):
            atom = structure.new_atom(atom_name, element)
            residue.add_atom(atom)
            atom.coord = position
            atoms.append(atom)
        n, ca, c, o = atoms
        for first, second in ((n, ca), (ca, c), (c, o)):
            structure.new_bond(first, second)
        if previous_c is not None:
            structure.new_bond(previous_c, n)
        previous_c = c if layout.links[i] else None
    structure.atoms.serial_numbers = np.arange(1, structure.num_atoms + 1, dtype=np.int32)
    return structure


def move_backbone(structure: AtomicStructure, frame: NDArray[np.floating]) -> int:
    """Move the atoms that are left to ``frame`` (N, 4, 3), in angstrom; how many were moved.

    Atoms that the user has added since (hydrogens, say) stay where they are.
    """
    atoms = structure.atoms
    rows = atoms.coord_indices
    table = frame.reshape(-1, 3).astype(np.float64)
    ours = rows < len(table)
    if not ours.all():
        atoms, rows = atoms.filter(ours), rows[ours]
    if len(rows):
        atoms.coords = table[rows]
    return len(rows)


def colour_residues(structure: AtomicStructure, rgba: NDArray[np.uint8]) -> None:
    """Give residue i of the job the colour ``rgba[i]``, atoms and cartoon."""
    atoms, residues = _atoms_of(structure, len(rgba))
    atoms.colors = rgba[residues]
    atoms.residues.ribbon_colors = rgba[residues]


def set_bfactors(structure: AtomicStructure, values: NDArray[np.floating]) -> None:
    """Write a value for each residue of the job, (N,), into the B-factors; zero where it is not known."""
    atoms, residues = _atoms_of(structure, len(values))
    atoms.bfactors = np.nan_to_num(values[residues]).astype(np.float32)


def residue_rows(structure: AtomicStructure, n_residues: int) -> tuple[list[Residue], list[int]]:
    """Residues of the job that are left, and the job's number of each."""
    found: dict[int, Residue] = {}
    atoms, rows = _atoms_of(structure, n_residues)
    for residue, row in zip(atoms.residues, rows.tolist(), strict=True):
        found.setdefault(row, residue)
    return list(found.values()), list(found)


def rows_fit(structure: AtomicStructure, layout: Layout) -> bool:
    """Whether the rows of the atoms still tell the job's residues: not so if a session was saved after cuts."""
    if structure.deleted:
        return False
    atoms = structure.atoms
    rows = atoms.coord_indices
    residues, places = atoms.residues, rows // ATOMS_PER_RESIDUE
    if len(rows) == 0 or places.max() >= layout.n_residues:
        return False
    return (
        np.array_equal(residues.numbers, np.array(layout.numbers)[places])
        and list(residues.chain_ids) == [layout.chains[i] for i in places]
        and list(atoms.names) == [_ATOMS[j][0] for j in rows % ATOMS_PER_RESIDUE]
    )


def _atoms_of(structure: AtomicStructure, n_residues: int) -> tuple[Atoms, NDArray[np.integer]]:
    """Atoms of the job that are left, and the job's residue of each."""
    atoms = structure.atoms
    residues = atoms.coord_indices // ATOMS_PER_RESIDUE
    ours = residues < n_residues
    return (atoms, residues) if ours.all() else (atoms.filter(ours), residues[ours])
