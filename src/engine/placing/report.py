"""What the placement of a model on its sequences gave, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["ChainPlacement", "PlacementReport", "TypeDifference", "UnmodelledSegment"]

_SHOWN = 12


@dataclass(frozen=True)
class UnmodelledSegment:
    """Consecutive residues of a chain that the model does not show.

    Parameters
    ----------
    first, last : str
        Their numbers (with insertion code) in the result.
    length : int
        How many.
    start : int
        0-based position of the first one in the chain.
    """

    first: str
    last: str
    length: int
    start: int


@dataclass(frozen=True)
class TypeDifference:
    """A residue whose type in the model is not that of the sequence.

    Parameters
    ----------
    residue : str
        Chain and number, such as ``A 45``.
    in_model, in_sequence, in_result : str
        Its names there.
    position : int
        0-based position in the chain of the result.
    """

    residue: str
    in_model: str
    in_sequence: str
    in_result: str
    position: int

    @property
    def kept(self) -> bool:
        """Whether it stays as the model has it."""
        return self.in_result == self.in_model

    @property
    def becomes(self) -> str:
        """What will be done, as words after ``it will be``."""
        if self.in_result == "GLY":
            return "rebuilt as GLY, without its side chain"
        return f"rebuilt as {self.in_result}, its own side chain given up"


@dataclass(frozen=True)
class ChainPlacement:
    """How one chain of the result relates to the model and the sequence.

    Parameters
    ----------
    chain_id : str
        Its name in the result.
    sequence_name : str
        Which sequence it has; empty where none is known.
    length : int
        Residues in the result.
    observed : int
        Residues that the model shows.
    known : int
        Residues whose N, CA and C are trusted (the rest is rebuilt).
    matches, mismatches : int, tuple of str
        Residues of the sequence's type, and the others, such as ``A 52 LEU is V in the sequence``.
    identity : float
        Matches over all residues whose type is known on both sides; 1 if there are none.
    untyped : int
        Residues (UNK, poly-alanine) that take their type from the sequence.
    extra : int
        Residues that the model shows and the sequence lacks; kept as part of the chain.
    unmodelled : tuple of UnmodelledSegment
        What is to be built.
    fragments : tuple of str
        Chains of the model that contributed.
    notes : tuple of str
        Anything unusual.
    differences : tuple of TypeDifference
        The mismatches once more, with what becomes of them.
    """

    chain_id: str
    sequence_name: str
    length: int
    observed: int
    known: int
    matches: int
    mismatches: tuple[str, ...]
    identity: float
    untyped: int
    extra: int
    unmodelled: tuple[UnmodelledSegment, ...]
    fragments: tuple[str, ...]
    notes: tuple[str, ...]
    differences: tuple[TypeDifference, ...] = ()


@dataclass(frozen=True)
class PlacementReport:
    """Placement of all chains of a job.

    Parameters
    ----------
    chains : tuple of ChainPlacement
        In the order of the result.
    unplaced : tuple of str
        Parts of the model that match no sequence and stay as they are.
    notes : tuple of str
        Remarks on the whole model.
    """

    chains: tuple[ChainPlacement, ...]
    unplaced: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_residues(self) -> int:
        """Residues in the job."""
        return sum(chain.length for chain in self.chains)

    @property
    def completeness(self) -> float:
        """Fraction of the job's residues that the model shows and that are trusted, 0 to 1."""
        return sum(chain.known for chain in self.chains) / self.n_residues

    def lines(self) -> list[str]:
        """Readable report, one statement per line."""
        return list(self._lines())

    def _lines(self) -> Iterator[str]:
        for chain in self.chains:
            compared = chain.matches + len(chain.mismatches)
            named = f" of {chain.sequence_name}" if chain.sequence_name else ""
            same = f"; {chain.matches} of {compared} residue types match" if named else ""
            yield (
                f"Chain {chain.chain_id}: {chain.observed} of {chain.length} residues{named} are modelled "
                f"({chain.known} trusted){same}"
            )
            if chain.fragments != (chain.chain_id,):
                yield f"  from chain {', '.join(chain.fragments)} of the model"
            if chain.unmodelled:
                shown = ", ".join(_segment(segment) for segment in chain.unmodelled[:_SHOWN])
                total = sum(segment.length for segment in chain.unmodelled)
                yield f"  to build ({total}): {shown}{_more(len(chain.unmodelled))}"
            if chain.mismatches:
                shown = "; ".join(chain.mismatches[:_SHOWN])
                yield f"  mismatches ({len(chain.mismatches)}): {shown}{_more(len(chain.mismatches))}"
            kept = [f"{one.residue} {one.in_model}" for one in chain.differences if one.kept]
            if kept:
                yield f"  of these keep their type: {', '.join(kept[:_SHOWN])}{_more(len(kept))}"
            if chain.untyped:
                yield f"  {chain.untyped} residues without a type of their own take it from the sequence"
            if chain.extra:
                yield f"  {chain.extra} residues that the sequence lacks are kept as part of the chain"
            yield from (f"  {note}" for note in chain.notes)
        yield from (f"Left as it is: {part}" for part in self.unplaced)
        yield from (f"Note: {note}" for note in self.notes)

    def warnings(self) -> list[str]:
        """What will be done to the model that its owner may not expect, or can change by a sequence."""
        return [text for text in (*self._changed_types(), self._without_sequence()) if text]

    def _changed_types(self) -> Iterator[str]:
        for chain in self.chains:
            changed = [one for one in chain.differences if not one.kept]
            if len(changed) == 1:
                (one,) = changed
                yield (
                    f"Residue {one.residue} is {one.in_model} in the model and {one.in_sequence} in the sequence: it "
                    f"will be {one.becomes}; 'keep_types' keeps {one.in_model}."
                )
            elif changed:
                shown = ", ".join(f"{one.residue} {one.in_model} as {one.in_result}" for one in changed[:_SHOWN])
                yield (
                    f"{len(changed)} residues of chain {chain.chain_id} differ from the sequence and will be rebuilt "
                    f"as it says, their own side chains given up: {shown}{_more(len(changed))}; 'keep_types' keeps "
                    "the types of the model."
                )

    def _without_sequence(self) -> str:
        chains = [chain for chain in self.chains if not chain.sequence_name]
        if not chains:
            return ""
        names = ", ".join(chain.chain_id for chain in chains)
        built = sum(segment.length for chain in chains for segment in chain.unmodelled)
        gaps = f"{built} residues in gaps of the numbering are built as UNK, of unknown type" if built else ""
        return (
            f"No sequence is known for chain{'s' if len(chains) > 1 else ''} {names}: "
            f"{gaps + ', and ' if gaps else ''}what may be missing before the first and after the last residue is "
            "not built; give the sequence with 'sequence' (a FASTA file, or the letters) to have it built."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, strings and numbers (for metrics.json)."""
        return {**asdict(self), "n_residues": self.n_residues, "completeness": self.completeness}


def _segment(segment: UnmodelledSegment) -> str:
    if segment.length == 1:
        return segment.first
    return f"{segment.first} to {segment.last} ({segment.length})"


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""
