"""The atoms of one residue of an open model: reading them, and putting them where and what they are to be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .atoms import Address
from .conformations import conformation_bfactors
from .part import residue_address

if TYPE_CHECKING:
    from chimerax.atomic import Atom, AtomicStructure, Residue

__all__ = ["AtomState", "new_serials", "put_atoms", "read_atoms"]

_UNLIKE_A_BACKBONE = "Li"
"""Element that atoms have for the moment in which they are added: where a model has dashed lines over gaps, ChimeraX
goes through all of its residues for each atom that could be one of a backbone (0.1 ms in a model of 1,000 residues), to
keep the lines right. It leaves out elements with one bond, and `chain_records` keeps the lines. Hydrogens it counts."""
_BACKBONE_BONDS = (("N", "CA"), ("CA", "C"), ("C", "O"), ("CA", "CB"), ("C", "OXT"))


@dataclass(eq=False)
class AtomState:
    """One atom with all its conformations.

    Parameters
    ----------
    element : str
    bfactors : dict of str to float
        By the name of the conformation, '' for none.
    places : dict of str to ndarray
        Coordinates.
    occupancies : dict of str to float
    shown : str
        Conformation that is shown.
    drawing : dict
        Attributes by which ChimeraX draws the atom; empty for its defaults.
    bonds : tuple of (residue, atom name) pairs
        Bonded atoms; a residue of None is the atom's own.
    """

    element: str
    bfactors: dict[str, float]
    places: dict[str, NDArray[np.float64]]
    occupancies: dict[str, float]
    shown: str = ""
    drawing: dict[str, Any] = field(default_factory=dict)
    bonds: tuple[tuple[Address | None, str], ...] = ()


def read_atoms(residue: Residue) -> dict[str, AtomState]:
    """All atoms of a residue by name, complete enough to make them again."""
    states: dict[str, AtomState] = {}
    for atom in residue.atoms:
        locs = [loc for loc in atom.alt_locs if loc.strip()]
        if locs:
            places = {loc: np.array(atom.get_alt_loc_coord(loc)) for loc in locs}
            occupancies = {loc: float(atom.get_alt_loc_occupancy(loc)) for loc in locs}
            bfactors = conformation_bfactors(atom)
        else:
            places, occupancies = {"": np.array(atom.coord)}, {"": float(atom.occupancy)}
            bfactors = {"": float(atom.bfactor)}
        states[atom.name] = AtomState(
            atom.element.name,
            bfactors,
            places,
            occupancies,
            atom.alt_loc.strip(),
            {
                name: getattr(atom, name)
                for name in ("color", "draw_mode", "display", "hide", "selected", "serial_number")
            },
            tuple(_bonded(atom, residue)),
        )
    return states


def put_atoms(
    residue: Residue,
    states: dict[str, AtomState],
    *,
    keep_bfactors: bool = False,
    serials: Iterator[int] | None = None,
) -> None:
    """Give a residue exactly these atoms: move those it has, make missing ones, delete the others.

    An atom that has conformations which ``states`` does not know goes with all of them to the one place
    given, so that the residue's conformations stay consistent.

    Parameters
    ----------
    residue : Residue
    states : dict
        Atoms by name.
    keep_bfactors : bool
        Whether atoms that it has keep their B-factors.
    serials : iterator of int, optional
        Serial numbers for new atoms; by default those that follow the model's highest, which takes long to find for
        each atom of many.
    """
    for atom in list(residue.atoms):
        if atom.name not in states:
            atom.delete()
    present = {atom.name: atom for atom in residue.atoms}
    like = next((present[name] for name in present if name in ("CA", "N", "C")), None)
    made: dict[str, Atom] = {}
    for name, state in states.items():
        if name in present:
            _place(present[name], state, keep_bfactors)
            continue
        if serials is None:
            serials = new_serials(residue.structure)
        made[name] = atom = _make(residue, name, state, next(serials))
        if state.drawing:
            for attribute, value in state.drawing.items():
                setattr(atom, attribute, value)
        elif like is not None:  # drawn like another backbone atom of its residue
            atom.draw_mode, atom.display, atom.hide = like.draw_mode, like.display, like.hide
    _connect(residue, made, states)


def _place(atom: Atom, state: AtomState, keep_bfactor: bool) -> None:
    locs = [loc for loc in atom.alt_locs if loc.strip()]
    default = state.places.get("", next(iter(state.places.values())))
    if not locs:
        _set(atom, default, state, "", keep_bfactor)
        return
    shown = atom.alt_loc
    for loc in locs:
        atom.alt_loc = loc
        _set(atom, state.places.get(loc, default), state, loc, keep_bfactor)
    atom.alt_loc = shown


def _set(atom: Atom, place: NDArray[np.float64], state: AtomState, loc: str, keep_bfactor: bool) -> None:
    if not np.array_equal(np.asarray(atom.coord), place):
        atom.coord = place
    bfactor = state.bfactors.get(loc, next(iter(state.bfactors.values())))
    if not keep_bfactor and atom.bfactor != bfactor:
        atom.bfactor = bfactor
    occupancy = state.occupancies.get(loc)
    if occupancy is not None and atom.occupancy != occupancy:
        atom.occupancy = occupancy


def new_serials(structure: AtomicStructure) -> Iterator[int]:
    """Serial numbers that follow the highest of a model."""
    return itertools.count(int(np.max(structure.atoms.serial_numbers, initial=0)) + 1)


def _make(residue: Residue, name: str, state: AtomState, serial: int) -> Atom:
    from chimerax.atomic import Element
    from chimerax.atomic.struct_edit import add_atom

    structure = residue.structure
    first = next(iter(state.places))
    copies = max(1, structure.num_coordsets)
    place = np.array(state.places[first], dtype=np.float64)
    atom = add_atom(
        name,
        _UNLIKE_A_BACKBONE,
        residue,
        np.tile(place, (copies, 1)) if copies > 1 else place,
        serial_number=serial,
        occupancy=state.occupancies[first],
        bfactor=state.bfactors[first],
    )
    atom.element = Element.get_element(state.element)
    for loc in state.places:
        if loc:
            atom.set_alt_loc(loc, True)
            atom.coord = state.places[loc]
            atom.occupancy = state.occupancies[loc]
            atom.bfactor = state.bfactors[loc]
    if state.shown:
        atom.alt_loc = state.shown
    return atom


def _bonded(atom: Atom, residue: Residue) -> list[tuple[Address | None, str]]:
    found: list[tuple[Address | None, str]] = []
    for neighbour in atom.neighbors:
        other = neighbour.residue
        if other is residue:
            found.append((None, neighbour.name))
        else:
            found.append((residue_address(other), neighbour.name))
    return found


def _connect(residue: Residue, made: dict[str, Atom], states: dict[str, AtomState]) -> None:
    """Bond the new atoms: as recorded, else as a backbone is."""
    from chimerax.atomic.struct_edit import add_bond

    if not made:
        return
    atoms = {atom.name: atom for atom in residue.atoms}
    pairs = [
        (a, b) for a, b in _BACKBONE_BONDS if (a in made and not states[a].bonds) or (b in made and not states[b].bonds)
    ]
    for a, b in pairs:
        if a in atoms and b in atoms and atoms[b] not in atoms[a].neighbors:
            add_bond(atoms[a], atoms[b])
    for name, atom in made.items():
        for address, partner_name in states[name].bonds:
            if address is None:
                partner = atoms.get(partner_name)
            else:
                chain, number, code = address
                other = residue.structure.find_residue(chain, number, code or " ")
                partner = None if other is None else other.find_atom(partner_name)
            if partner is not None and partner not in atom.neighbors:
                add_bond(atom, partner)
