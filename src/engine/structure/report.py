"""What the placement of a model on its sequences gave, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["ChainPlacement", "PlacementReport", "UnmodelledSegment"]

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
            if chain.untyped:
                yield f"  {chain.untyped} residues without a type of their own take it from the sequence"
            if chain.extra:
                yield f"  {chain.extra} residues that the sequence lacks are kept as part of the chain"
            yield from (f"  {note}" for note in chain.notes)
        yield from (f"Left as it is: {part}" for part in self.unplaced)
        yield from (f"Note: {note}" for note in self.notes)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain dicts, lists, strings and numbers (for metrics.json)."""
        return {**asdict(self), "n_residues": self.n_residues, "completeness": self.completeness}


def _segment(segment: UnmodelledSegment) -> str:
    if segment.length == 1:
        return segment.first
    return f"{segment.first} to {segment.last} ({segment.length})"


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""
