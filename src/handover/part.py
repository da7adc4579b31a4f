"""The part of a model that a command names: all of it, whole chains, or stretches of residues."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .atoms import Address, ModelAtoms

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Chain, Residue, Residues

__all__ = [
    "ModelPart",
    "Stretch",
    "Work",
    "numbered_runs",
    "plain_chain",
    "refuse_unknown",
    "residue_address",
    "residue_addresses",
    "residue_spec",
    "runs_in_words",
    "work_of",
]

_NUMBERS = r"-?\d+(?:-(?:-?\d+))?"
_CHAIN = r"[A-Za-z0-9_']+"
"""Chain names that specifiers can hold: what else ChimeraX reads there are ranges, wildcards and quotes."""

_SIMPLE = re.compile(rf"#\d+(?:\.\d+)*(?:(?:/{_CHAIN}(?:,{_CHAIN})*)?(?::{_NUMBERS}(?:,{_NUMBERS})*)?)+")
"""Specifiers whose ranges of numbers can be told apart from what they found."""

_MANY = 12
"""Stretches beyond which a specifier is too long to read."""

Stretch = tuple[Address, Address]
"""First and last residue of a chain's run."""


@dataclass(frozen=True, eq=False)
class ModelPart:
    """A model, or residues of it.

    Parameters
    ----------
    model : AtomicStructure
    residues : Residues or None
        None for all of the model.
    text : str
        As it was typed; empty if it was not.
    """

    model: AtomicStructure
    residues: Residues | None = None
    text: str = ""

    def typed_ranges(self) -> list[tuple[tuple[str, ...], int, int]]:
        """Ranges of numbers as they were typed, each with its chains (none for all): they may hold missing residues.

        Empty for specifiers that say more than models, chains and numbers.
        """
        text = "".join(self.text.split())
        if not _SIMPLE.fullmatch(text):
            return []
        found = []
        for chains, numbers in re.findall(rf"(?:/({_CHAIN}(?:,{_CHAIN})*))?:({_NUMBERS}(?:,{_NUMBERS})*)", text):
            for item in re.findall(_NUMBERS, numbers):
                low, high = re.fullmatch(r"(-?\d+)(?:-(-?\d+))?", item).groups()  # type: ignore[union-attr]
                found.append((tuple(filter(None, chains.split(","))), int(low), int(high or low)))
        return found

    @property
    def name(self) -> str:
        """What users call it: as they typed it, or the model's number."""
        return self.text or f"#{self.model.id_string}"

    @property
    def whole(self) -> bool:
        """Whether it is the model and nothing less."""
        return self.residues is None

    def addresses(self) -> frozenset[Address] | None:
        """Residues by chain, number and insertion code; None for all."""
        return None if self.residues is None else frozenset(map(residue_address, self.residues))

    def of(self, atoms: ModelAtoms) -> ModelAtoms:
        """Those residues of a model's atoms that are in the part."""
        wanted = self.addresses()
        if wanted is None:
            return atoms
        return ModelAtoms(tuple(r for r in atoms.residues if r.address in wanted), atoms.xyz)


@dataclass(frozen=True)
class Work:
    """What a job is to work on.

    Parameters
    ----------
    chains : tuple of str or None
        Chains of the model; None for all of protein.
    stretches : tuple of Stretch
        Runs of residues of these chains to be built anew, nothing else of whose chains is touched.
    spec : str
        Specifier that means the same whatever is selected or open by then.
    """

    chains: tuple[str, ...] | None
    stretches: tuple[Stretch, ...]
    spec: str

    def rebuilds(self, address: Address) -> bool:
        """Whether a residue of the model is to be built anew."""
        chain, *place = address
        return any(first[0] == chain and [*first[1:]] <= place <= [*last[1:]] for first, last in self.stretches)

    def note(self, model: str) -> str:
        """Sentence on what is left alone; empty if that is nothing."""
        if self.chains is None and not self.stretches:
            return ""
        in_part = list(dict.fromkeys(first[0] for first, _ in self.stretches))
        complete = [chain for chain in self.chains or () if chain not in in_part]
        what = [f"chain {', '.join(complete)}"] if complete else []
        what += [f"residues {_ranges(chain, self.stretches)} of chain {chain}, built anew," for chain in in_part]
        return f"ADP-3D works on {' and '.join(what)} of {model} only; the rest stays as it is."


def work_of(part: ModelPart, atoms: ModelAtoms, chains: Sequence[str] | None = None) -> Work:
    """Chains and stretches that a command names.

    A chain of which all protein is named is worked on as a whole; of other chains the residues named are built anew,
    with those that are missing between two of them or in a range of numbers that was typed.

    Parameters
    ----------
    part : ModelPart
    atoms : ModelAtoms
        All of the model.
    chains : sequence of str, optional
        What the keyword ``chains`` says, to which the part must agree.

    Raises
    ------
    UserError
        If that names no protein, or contradicts itself.
    """
    from chimerax.core.errors import UserError

    model = f"#{part.model.id_string}"
    proteins: dict[str, list[Address]] = {}
    for row in atoms.residues:
        if row.kind == "protein":
            proteins.setdefault(row.address[0], []).append(row.address)
    if not proteins:
        raise UserError(f"{model} contains no protein; ADP-3D works on protein chains.")
    named = part.addresses()
    # what ChimeraX calls protein: amino acids that stand alone among a chain's residues are not in '& protein'
    must = {chain: _polymer(part.model, chain) or set(rows) for chain, rows in proteins.items()}
    typed = part.typed_ranges()
    gaps = {chain for names, _, _ in typed for chain in names}
    found = [c for c, rows in proteins.items() if named is None or c in gaps or not named.isdisjoint(rows)]
    if not found:
        raise UserError(f"'{part.name}' names no residue of a protein chain of {model}; ADP-3D works on protein.")
    partial = [] if named is None else [chain for chain in found if not must[chain] <= named]
    if chains:
        missing = [chain for chain in chains if chain not in proteins]
        if missing:
            raise UserError(
                f"{model} has no protein chain {', '.join(missing)}; its protein chains are {', '.join(proteins)}."
            )
        outside = [chain for chain in chains if chain not in found]
        if outside:
            raise UserError(
                f"'chains' names {', '.join(outside)}, which is no part of '{part.name}'; leave one of the two away."
            )
        found = list(dict.fromkeys(chains))
        partial = [chain for chain in partial if chain in found]
    runs = [run for chain in partial for run in _with_typed(chain, _runs(proteins[chain], named or frozenset()), typed)]
    every = len(found) == len(proteins) and not partial and not chains
    return Work(None if every else tuple(found), tuple(runs), _spec(part, found, runs, every))


def refuse_unknown(work: Work, model: AtomicStructure) -> None:
    """Refuse stretches of which the model neither shows nor lacks a residue, as far as it knows its sequence.

    Raises
    ------
    UserError
        If there is one.
    """
    from chimerax.core.errors import UserError

    for (name, low, _), (_, high, _) in work.stretches:
        chains = [chain for chain in model.chains if chain.chain_id == name]
        numbers = set().union(*(_numbers(chain) for chain in chains))
        if chains and not any(low <= number <= high for number in numbers):
            which = f"{low}" if low == high else f"{low}-{high}"
            raise UserError(
                f"#{model.id_string} has no residues {name} {which}, and its sequence none that are missing there; "
                "check the numbers, or give the sequence with 'sequence'."
            )


def _numbers(chain: Chain) -> set[int]:
    """Numbers of a chain's residues, and those that its missing residues would have."""
    shown = [int(residue.number) for residue in chain.existing_residues]
    found = set(shown)
    for before, after in pairwise(shown):
        found.update(range(before + 1, after))
    present = [residue is not None for residue in chain.residues]
    if True in present:
        found.update(range(shown[0] - present.index(True), shown[0]))
        found.update(range(shown[-1] + 1, shown[-1] + 1 + present[::-1].index(True)))
    return found


def residue_address(residue: Residue) -> Address:
    """Chain, number and insertion code of an open residue."""
    return residue.chain_id, int(residue.number), residue.insertion_code.strip()


def residue_addresses(residues: Residues) -> list[Address]:
    """Addresses of many open residues, several times as fast as one by one."""
    codes = residues.insertion_codes
    plain = {code: str(code).strip() for code in set(codes)}
    columns = map(str, residues.chain_ids), residues.numbers.tolist(), map(plain.__getitem__, codes)
    return list(zip(*columns, strict=True))


def plain_chain(name: str) -> bool:
    """Whether ChimeraX's specifiers can hold a chain name: ``/A-2`` would be the chains A to 2."""
    return re.fullmatch(_CHAIN, name) is not None


def residue_spec(residues: Residues) -> str:
    """Specifier of residues that means the same whatever is selected by then; '' if it would be too long."""
    by_model: dict[str, dict[str, list[Address]]] = {}
    for residue in residues:
        chains = by_model.setdefault(residue.structure.id_string, {})
        chains.setdefault(residue.chain_id, []).append(residue_address(residue))
    words = []
    for model, chains in by_model.items():
        runs = {chain: numbered_runs(rows) for chain, rows in chains.items()}
        text = _written({chain: (False, found) for chain, found in runs.items()})
        if not text:
            return ""
        words.append(f"#{model}{text}")
    return " | ".join(words)


def _polymer(model: AtomicStructure, chain: str) -> set[Address]:
    """Residues of a chain that ChimeraX takes for protein."""
    from chimerax.atomic import Residue

    return {residue_address(r) for r in model.residues if r.chain_id == chain and r.polymer_type == Residue.PT_AMINO}


def _runs(rows: Sequence[Address], named: Collection[Address]) -> list[Stretch]:
    """Residues that are named, as runs in the order of the chain; each range holds nothing else that is there."""
    groups: list[list[Address]] = []
    open_run = False
    for address in rows:
        if address in named:
            groups[-1].append(address) if open_run else groups.append([address])
        open_run = address in named
    runs: list[Stretch] = []
    others = [address for address in rows if address not in named]
    for group in groups:
        low, high = group[0], group[-1]
        ordered = all(a[1:] < b[1:] for a, b in pairwise(group))
        if ordered and not any(low[1:] <= other[1:] <= high[1:] for other in others):
            runs.append((low, high))
        else:  # numbers that go up and down along the chain
            runs += [(address, address) for address in group]
    return runs


def _with_typed(
    chain: str, runs: Sequence[Stretch], typed: Sequence[tuple[tuple[str, ...], int, int]]
) -> list[Stretch]:
    """Runs of a chain, with the ranges that were typed in the place of what there is of them."""
    ranges = [(low, high) for chains, low, high in typed if (chain in chains or not chains) and low < high]
    ranges += [(low, high) for chains, low, high in typed if chain in chains and low == high]
    rest = [run for run in runs if not any(low <= run[0][1] and run[1][1] <= high for low, high in ranges)]
    return sorted({*rest, *(((chain, low, ""), (chain, high, "")) for low, high in ranges)})


def numbered_runs(rows: Iterable[Address]) -> list[Stretch]:
    """Residues as runs of numbers without gaps, which hold nothing but the residues given."""
    runs: list[Stretch] = []
    for address in sorted(set(rows)):
        last = runs[-1][1] if runs else None
        if last is not None and not last[2] and address == (last[0], last[1] + 1, ""):
            runs[-1] = (runs[-1][0], address)
        else:
            runs.append((address, address))
    return runs


def runs_in_words(rows: Iterable[Address]) -> str:
    """Residues as runs of numbers for sentences, such as ``A 5-6, A 12-14, B 40``."""
    words = []
    for first, last in numbered_runs(rows):
        start, end = (f"{number}{code}" for _, number, code in (first, last))
        words.append(f"{first[0]} {start}" if first == last else f"{first[0]} {start}-{end}")
    return ", ".join(words)


def _spec(part: ModelPart, chains: Sequence[str], runs: Sequence[Stretch], every: bool) -> str:
    model = f"#{part.model.id_string}"
    if every:
        return model
    by_chain = {chain: [run for run in runs if run[0][0] == chain] for chain in chains}
    text = _written({chain: (not found, found) for chain, found in by_chain.items()})
    return f"{model}{text}" if text else part.name


def _written(chains: Mapping[str, tuple[bool, Sequence[Stretch]]]) -> str:
    """Chains, whole or with runs, after the number of a model; '' where that cannot be written, or hardly be read."""
    complete = [chain for chain, (whole, _) in chains.items() if whole]
    cut = {chain: runs for chain, (whole, runs) in chains.items() if not whole}
    if not all(map(plain_chain, chains)):
        return ""
    if sum(map(len, cut.values())) > _MANY:
        return ""
    text = f"/{','.join(complete)}" if complete else ""
    return text + "".join(f"/{chain}:{_ranges(chain, runs)}" for chain, runs in cut.items())


def _ranges(chain: str, runs: Iterable[Stretch]) -> str:
    ends = [(f"{a[1]}{a[2]}", f"{b[1]}{b[2]}") for a, b in runs if a[0] == chain]
    return ",".join(first if first == last else f"{first}-{last}" for first, last in ends)
