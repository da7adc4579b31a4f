"""Writing a job's changes into an open model, atom by atom, and taking them back.

Residues and atoms are found by address and name each time: objects that an undo has deleted and a redo has made
again are new ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .atoms import Address, ResidueRow
from .attributes import Confidences, exchange_confidence
from .chain_records import ChainState, bridge_gaps, chain_members, open_gaps, read_chains, restore_chains, take_in
from .changes import Changes, Inserted
from .part import residue_addresses
from .residue_edit import AtomState, new_serials, put_atoms, read_atoms
from .secondary import Kinds, assign, find_before_drawing

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residue

__all__ = ["ModelEdit", "find_residues"]

_BACKBONE = ("N", "CA", "C", "O", "OXT")
_PEPTIDE_BOND = 2.2
"""Longest distance C to N, in angstrom, that is bonded."""


def find_residues(structure: AtomicStructure) -> dict[Address, Residue]:
    """Residues of an open model by address; of several with one address the first."""
    residues = structure.residues
    return dict(zip(reversed(residue_addresses(residues)), reversed(list(residues)), strict=True))


@dataclass(eq=False)
class ModelEdit:
    """Changes to one open model that can be made, undone and made again.

    Parameters
    ----------
    changes : Changes
        In the model's own frame and under its chain names.
    keep_bfactors : bool
        Whether atoms that are there keep their B-factors.
    confidence : dict of Address to float or None
        To be the attribute of the residues.
    former : dict of Address to float or None
        What that was when `apply` was called last.
    before : dict
        Name and atoms of the changed residues when `apply` was called last, by address.
    chains : list of ChainState
        The chains concerned, then.
    secondary : list of (int, int) or None
        Helices and strands of the new residues, in their order, once they are known.
    """

    changes: Changes
    keep_bfactors: bool = False
    confidence: Confidences = field(default_factory=dict)
    former: Confidences = field(default_factory=dict)
    before: dict[Address, tuple[str, dict[str, AtomState]]] = field(default_factory=dict)
    chains: list[ChainState] = field(default_factory=list)
    secondary: Kinds | None = None

    def apply(self, structure: AtomicStructure, residues: dict[Address, Residue] | None = None) -> None:
        """Write the changes. Residues and atoms that did not change are not touched.

        Parameters
        ----------
        structure : AtomicStructure
        residues : dict, optional
            Those of the model, as `find_residues` gives them, to which new ones are added.

        Raises
        ------
        UserError
            If a residue to be changed is not there or one to be made is; nothing is changed then.
        """
        from chimerax.atomic import Residues

        residues = find_residues(structure) if residues is None else residues
        changes = self.changes
        gone = [address for address in changes.changed if address not in residues]
        _refuse(structure, gone, "deleted or renumbered")
        _refuse(structure, [i.residue.address for i in changes.inserted if i.residue.address in residues], "made")
        chains = {i.residue.address[0] for i in changes.inserted} | {a[0] for a in changes.changed}
        members = chain_members(structure, chains)
        addresses = dict(zip(residues.values(), residues.keys(), strict=True))
        self.chains = read_chains(structure, members, addresses)
        self.before = {}
        serials = new_serials(structure)
        for address, row in changes.changed.items():
            residue = residues[address]
            self.before[address] = (residue.name, read_atoms(residue))
            if residue.name != row.name:
                residue.name = row.name
            states = _states(row, changes.result.xyz)
            put_atoms(residue, states, keep_bfactors=self.keep_bfactors, serials=serials)
        made: list[Residue] = []
        last: dict[Address, Residue] = {}  # by the known residue before a gap: the newest residue behind it
        for item in changes.inserted:
            known = residues.get(item.after) if item.after is not None else None
            previous = known if item.after is None else last.get(item.after, known)
            new = self._insert(structure, item, residues, previous, known, serials)
            if item.after is not None:
                last[item.after] = new
            made.append(new)
        for item, new in zip(changes.inserted, made, strict=True):
            residues[item.residue.address] = new
        names = {address: row.name for address, row in changes.changed.items() if self.before[address][0] != row.name}
        take_in(structure, made, names, members)
        opened = open_gaps(structure, made)
        self._join(residues)
        bridge_gaps(structure, opened)
        self.former = exchange_confidence(residues, self.confidence)
        if not made:
            return
        if self.secondary is None:
            find_before_drawing(structure, Residues(made), self._note_secondary)
        else:
            assign(Residues(made), self.secondary)

    def revert(self, structure: AtomicStructure) -> None:
        """Take the changes back; what the user did to other residues since stays.

        Raises
        ------
        UserError
            If residues that were changed or made were deleted, renumbered or mutated since; nothing is changed then.
        """
        from chimerax.atomic import Residues

        residues = find_residues(structure)
        rows = [*self.changes.changed.values(), *(item.residue for item in self.changes.inserted)]
        other = [row.address for row in rows if _name(residues.get(row.address)) != row.name]
        _refuse(structure, other, "deleted, renumbered or mutated")
        exchange_confidence(residues, self.former)
        if made := [residues.pop(item.residue.address) for item in self.changes.inserted]:
            # at once, and by their atoms: ChimeraX goes through the model for each that is deleted alone
            Residues(made).atoms.delete()
        for address, (name, atoms) in self.before.items():
            residue = residues[address]
            if residue.name != name:
                residue.name = name
            put_atoms(residue, atoms)
        restore_chains(structure, self.chains, residues)

    def _note_secondary(self, found: Kinds) -> None:
        self.secondary = found

    def _insert(
        self,
        structure: AtomicStructure,
        item: Inserted,
        residues: dict[Address, Residue],
        previous: Residue | None,
        known: Residue | None,
        serials: Iterator[int],
    ) -> Residue:
        """Make a residue at its place in the order of the model, drawn like its neighbours."""
        chain, number, code = item.residue.address
        successor = residues.get(item.before) if item.before is not None else None
        like = known if known is not None else successor
        if previous is not None:
            every = structure.residues
            at = every.index(previous) + 1
            successor = every[at] if at < len(every) else None
        residue = structure.new_residue(item.residue.name, chain, number, code or " ", precedes=successor)
        put_atoms(residue, _states(item.residue, self.changes.result.xyz), serials=serials)
        if like is not None:
            residue.ribbon_display = like.ribbon_display
            residue.ribbon_color = like.ribbon_color
            _draw_like(residue, like)
        return residue

    def _join(self, residues: dict[Address, Residue]) -> None:
        """Bond residues that the job made or moved to their neighbours in the chain."""
        from chimerax.atomic.struct_edit import add_bond

        rows, places = self.changes.result.residues, self.changes.result.places
        touched = [places[address] for address in self.changes.addresses()]
        last = len(rows) - 1
        for left in sorted({left for at in touched for left in (at - 1, at) if 0 <= left < last}):
            first, second = rows[left], rows[left + 1]
            if first.address[0] != second.address[0]:
                continue
            one, two = residues.get(first.address), residues.get(second.address)
            carbon = one.find_atom("C") if one is not None else None
            nitrogen = two.find_atom("N") if two is not None else None
            if carbon is None or nitrogen is None or nitrogen in carbon.neighbors:
                continue
            if np.linalg.norm(np.asarray(carbon.coord) - np.asarray(nitrogen.coord)) < _PEPTIDE_BOND:
                add_bond(carbon, nitrogen)


def _name(residue: Residue | None) -> str | None:
    return None if residue is None else residue.name


def _refuse(structure: AtomicStructure, addresses: Sequence[Address], what: str) -> None:
    from chimerax.core.errors import UserError

    if addresses:
        chain, number, code = addresses[0]
        more = f" and {len(addresses) - 1} more were" if len(addresses) > 1 else " was"
        raise UserError(
            f"Residue {number}{code} of chain {chain or '?'} in #{structure.id_string}{more} {what} since the ADP-3D "
            "result was accepted; nothing was changed."
        )


def _draw_like(residue: Residue, like: Residue) -> None:
    """Give atoms of a new residue the colour and style of the same atoms of another.

    Side-chain atoms that the other has not get the colour of an atom of their element and the style of a side-chain
    atom there: ChimeraX's own default would be large white spheres.
    """
    others = list(like.atoms)
    alpha = like.find_atom("CA")
    side = next((atom for atom in others if atom.name not in _BACKBONE), alpha)
    for atom in residue.atoms:
        same = like.find_atom(atom.name)
        coloured = same or next((one for one in others if one.element.name == atom.element.name), alpha)
        styled = same or side
        if coloured is not None and styled is not None:
            atom.color, atom.draw_mode, atom.display = coloured.color, styled.draw_mode, styled.display


def _states(row: ResidueRow, xyz: NDArray[np.float64]) -> dict[str, AtomState]:
    """Atoms that a residue is to have, by name."""
    states: dict[str, AtomState] = {}
    for atom in row.atoms:
        state = states.setdefault(atom.name, AtomState(atom.element, {}, {}, {}))
        state.bfactors[atom.altloc] = atom.bfactor
        state.places[atom.altloc] = xyz[atom.index].copy()
        state.occupancies[atom.altloc] = atom.occupancy
    return states
