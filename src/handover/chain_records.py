"""ChimeraX's chains: taking new residues into their sequences, and their gaps, and back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from .atoms import Address
from .part import residue_address

if TYPE_CHECKING:
    from chimerax.atomic import Atom, AtomicStructure, Chain, Pseudobond, Residue

__all__ = [
    "ChainState",
    "Gap",
    "OpenGap",
    "bridge_gaps",
    "chain_members",
    "fill_gaps",
    "open_gaps",
    "read_chains",
    "restore_chains",
    "take_in",
]

Gap = tuple[tuple[Address, str], tuple[Address, str]]
"""Two atoms, by address and name, between which residues are missing."""

_Member = TypeVar("_Member")
_LOOKS = ("display", "color", "halfbond", "radius")


@dataclass(frozen=True, eq=False)
class ChainState:
    """A chain as it was.

    Parameters
    ----------
    chain_id : str
    members : tuple of Address or None
        Its residues, None where there is no structure.
    characters : str
    full : bool
        Whether its full sequence was known.
    gaps : tuple of Gap
        What a missing-structure pseudobond connected.
    """

    chain_id: str
    members: tuple[Address | None, ...]
    characters: str
    full: bool
    gaps: tuple[Gap, ...]


def chain_members(structure: AtomicStructure, chain_ids: Collection[str]) -> dict[Chain, Sequence[Residue | None]]:
    """Residues of the chains of these names, None where there is no structure."""
    return {chain: _residues_of(chain) for chain in structure.chains if chain.chain_id in chain_ids}


def _residues_of(chain: Chain) -> list[Residue | None]:
    """A chain's residues, None where there is no structure: its list of both takes ChimeraX several times as long."""
    complete = chain.num_existing_residues == chain.num_residues
    return list(chain.existing_residues if complete else chain.residues)


def read_chains(
    structure: AtomicStructure,
    found: Mapping[Chain, Sequence[Residue | None]],
    addresses: Mapping[Residue, Address],
) -> list[ChainState]:
    """State of chains with their residues, as `chain_members` gives them, whose addresses are known."""
    gaps = [_gap(bond) for bond in _missing_structure(structure)]
    states = []
    for chain, residues in found.items():
        members = tuple(None if residue is None else _address(residue, addresses) for residue in residues)
        own = set(members)
        mine = tuple(pair for pair in gaps if pair[0][0] in own and pair[1][0] in own)
        states.append(ChainState(chain.chain_id, members, chain.characters, bool(chain.from_seqres), mine))
    return states


def take_in(
    structure: AtomicStructure,
    new: Sequence[Residue],
    renamed: Mapping[Address, str],
    former: Mapping[Chain, Sequence[Residue | None]] | None = None,
) -> None:
    """Put new residues into the chains of their neighbours.

    ChimeraX joins a residue to a chain by itself only at the chain's ends. Chains in which no residue is new
    keep their residues; letters follow residues whose names changed.

    Parameters
    ----------
    structure : AtomicStructure
    new : sequence of Residue
    renamed : mapping of Address to str
        New names of residues that were there.
    former : mapping of Chain to sequence, optional
        Residues of chains before these were made: to ask ChimeraX again takes a while.
    """
    from chimerax.atomic import Sequence as AtomicSequence

    letters = {address: AtomicSequence.rname3to1(name) for address, name in renamed.items()}
    for chain in list(structure.chains):
        mine = [residue for residue in new if residue.chain_id == chain.chain_id]
        if not mine or chain.polymer_type != type(mine[0]).PT_AMINO:
            continue
        members = _members(chain, former)
        old = {residue for residue in members if residue is not None}
        order = _in_order(structure, members, mine)
        characters = list(chain.characters)
        if letters:
            named = zip(members, characters, strict=True)
            characters = [letters.get(residue_address(r), c) if r is not None else c for r, c in named]
        residues, text, filled = fill_gaps(members, characters, order, old, lambda r: AtomicSequence.rname3to1(r.name))
        full = bool(chain.from_seqres)
        chain.bulk_set(residues, text)
        chain.from_seqres = full and filled


def _members(chain: Chain, former: Mapping[Chain, Sequence[Residue | None]] | None) -> list[Residue | None]:
    """Residues of a chain now; as they were if ChimeraX has joined none to it since."""
    before = None if former is None else former.get(chain)
    if before is None or chain.num_residues != len(before):
        return _residues_of(chain)
    present = sum(residue is not None for residue in before)
    return list(before) if chain.num_existing_residues == present else _residues_of(chain)


def _in_order(structure: AtomicStructure, members: Sequence[Residue | None], new: Sequence[Residue]) -> list[Residue]:
    """Residues of a chain and new ones as they stand in the model."""
    every = structure.residues
    order = [residue for residue in members if residue is not None]
    known = set(order)
    order += [residue for residue in new if residue not in known]
    places = every.indices(type(every)(order))
    return [order[i] for i in places.argsort(kind="stable").tolist()]


def fill_gaps(
    members: list[_Member | None],
    characters: list[str],
    order: Sequence[_Member],
    old: Collection[_Member],
    letter: Callable[[_Member], str],
) -> tuple[list[_Member | None], str, bool]:
    """Merge a chain's residues with new ones.

    Parameters
    ----------
    members : list
        The chain's residues, None where there is no structure.
    characters : list of str
        One letter for each.
    order : sequence
        Old and new residues, in order.
    old : collection
        The residues that the chain has.
    letter : callable
        Letter of a new residue.

    Returns
    -------
    residues, characters, exact
        ``exact`` says whether every stretch of new residues had just as many empty places.
    """
    positions = {id(residue): i for i, residue in enumerate(members) if residue is not None}
    news = [i for i, residue in enumerate(order) if residue not in old]
    residues: list[_Member | None] = []
    text: list[str] = []
    exact = True
    copied = 0
    for left, right in _runs(news):
        fresh = list(order[left + 1 : right])
        start = -1 if left < 0 else positions[id(order[left])]
        end = len(members) if right == len(order) else positions[id(order[right])]
        room = end - start - 1
        residues += members[copied : start + 1]
        text += characters[copied : start + 1]
        copied = end
        if len(fresh) == room:
            residues += fresh
            text += characters[start + 1 : end]
        elif len(fresh) < room and (left < 0 or right == len(order)):
            spare = room - len(fresh)  # at the ends of a chain the rest stays empty
            at_start = left < 0
            residues += [*[None] * spare, *fresh] if at_start else [*fresh, *[None] * spare]
            text += characters[start + 1 : end]
        else:
            exact = False
            residues += fresh
            text += [letter(residue) for residue in fresh]
    return [*residues, *members[copied:]], "".join([*text, *characters[copied:]]), exact


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Last number before and first one after each stretch of consecutive numbers, which rise."""
    starts = [n for i, n in enumerate(numbers) if i == 0 or n != numbers[i - 1] + 1]
    ends = [n for i, n in enumerate(numbers) if i == len(numbers) - 1 or n + 1 != numbers[i + 1]]
    return [(start - 1, end + 1) for start, end in zip(starts, ends, strict=True)]


def restore_chains(
    structure: AtomicStructure, states: Sequence[ChainState], residues: Mapping[Address, Residue]
) -> None:
    """Give chains the residues, letters and gaps that they had."""
    by_id: dict[str, list[Chain]] = {}
    for chain in structure.chains:
        by_id.setdefault(chain.chain_id, []).append(chain)
    for state in states:
        members = [None if address is None else residues.get(address) for address in state.members]
        own = {id(residue) for residue in members if residue is not None}
        same_name = by_id.get(state.chain_id, [])
        present = next((chain for chain in same_name if any(id(r) in own for r in chain.existing_residues)), None)
        if present is None:
            continue
        present.bulk_set(members, state.characters)
        present.from_seqres = state.full
        _restore_gaps(structure, state, residues)


def _restore_gaps(structure: AtomicStructure, state: ChainState, residues: Mapping[Address, Residue]) -> None:
    present = {frozenset(_gap(bond)) for bond in _missing_structure(structure)}
    for pair in state.gaps:
        if frozenset(pair) in present:
            continue
        first, second = (residues[address].find_atom(name) if address in residues else None for address, name in pair)
        if first is not None and second is not None:
            structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE).new_pseudobond(first, second)


@dataclass(frozen=True, eq=False)
class OpenGap:
    """A gap in which there are new residues, whose missing-structure pseudobond is taken away.

    Parameters
    ----------
    atoms : tuple of two Atom
        What the pseudobond connected, in the order of the model.
    looks : dict
        How it was drawn.
    between : tuple of Residue
        From the residue of the one to that of the other, all that there are now.
    """

    atoms: tuple[Atom, Atom]
    looks: Mapping[str, Any]
    between: tuple[Residue, ...]


def open_gaps(structure: AtomicStructure, new: Collection[Residue]) -> list[OpenGap]:
    """Delete missing-structure pseudobonds between residues that are no neighbours any more, and tell which."""
    every = structure.residues
    fresh = [every.index(residue) for residue in new]
    opened = []
    for bond in list(_missing_structure(structure)):
        (low, first), (high, last) = sorted(
            ((every.index(atom.residue), atom) for atom in bond.atoms), key=lambda one: one[0]
        )
        if any(low < i < high for i in fresh):
            looks = {name: getattr(bond, name) for name in _LOOKS}
            opened.append(OpenGap((first, last), looks, tuple(every[low : high + 1])))
            bond.delete()
    return opened


def bridge_gaps(structure: AtomicStructure, opened: Sequence[OpenGap]) -> None:
    """Bridge what new residues have left open of gaps, once they are bonded; without gaps their group goes."""
    group = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE, create_type=None)
    for gap in opened:
        for one, two in pairwise(gap.between):
            start = gap.atoms[0] if one is gap.between[0] else one.find_atom("C") or one.find_atom("CA")
            end = gap.atoms[1] if two is gap.between[-1] else two.find_atom("N") or two.find_atom("CA")
            if group is None or start is None or end is None or one.connects_to(two):
                continue
            bond = group.new_pseudobond(start, end)
            for name, value in gap.looks.items():
                setattr(bond, name, value)
    if opened and group is not None and not group.num_pseudobonds:
        structure.session.models.close([group])  # as ChimeraX does where the last gap is bridged by a bond


def _address(residue: Residue, known: Mapping[Residue, Address]) -> Address:
    """Address of a residue; of several with one address one is known only."""
    return known.get(residue) or residue_address(residue)


def _missing_structure(structure: AtomicStructure) -> list[Pseudobond]:
    group = structure.pseudobond_group(structure.PBG_MISSING_STRUCTURE, create_type=None)
    return [] if group is None else list(group.pseudobonds)


def _gap(bond: Pseudobond) -> Gap:
    first, second = bond.atoms
    return (residue_address(first.residue), first.name), (residue_address(second.residue), second.name)
