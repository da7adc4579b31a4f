"""Find the residues of a job that a restraint file talks about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..contract.errors import InputError
from ..structure.polymer import UNKNOWN, Polymer
from ..structure.residues import one_letter
from .restraint import AtomLabel, DistanceRestraints

__all__ = ["Locator"]

_LARGEST_SHIFT = 1000


@dataclass(frozen=True)
class Locator:
    """Looks up residues by chain, number and insertion code.

    Parameters
    ----------
    index : dict
        Residue index by (chain, number, insertion code).
    by_number : dict
        Residue indices by (number, insertion code), for labels without a chain.
    any_chain : bool
        Ignore chain names: file and job have one chain each, whatever they are called.
    sequence : str
        One-letter codes, to check residue names against.
    offset : int
        Added to the file's numbers.
    """

    index: dict[tuple[str, int, str], int]
    by_number: dict[tuple[int, str], list[int]]
    any_chain: bool
    sequence: str
    offset: int

    @classmethod
    def build(
        cls,
        restraints: DistanceRestraints,
        polymer: Polymer,
        labels: Sequence[tuple[str, int, str]] | None,
        offset: int,
    ) -> Locator:
        """Prepare the look-up and check the file's residue names and chains against the job.

        Raises
        ------
        InputError
            If no chain name is known, more than half of the residue names differ from the sequence, or (without
            names) some residues lie beyond the sequence and all of them would fit with a shift.
        """
        if labels is None:
            labels = [
                (polymer.chain_ids[chain], int(position) + 1, "")
                for chain, position in zip(polymer.chain_index, polymer.residue_index, strict=True)
            ]
        by_number: dict[tuple[int, str], list[int]] = {}
        for i, (_, number, code) in enumerate(labels):
            by_number.setdefault((number, code), []).append(i)
        mentioned = {label for r in restraints.restraints for pair in r.alternatives for label in pair}
        theirs, ours = {label.chain for label in mentioned} - {""}, {chain for chain, _, _ in labels}
        any_chain = len(theirs) <= 1 and len(ours) == 1
        if theirs and not any_chain and not theirs & ours:
            raise InputError(
                f"The chains of {restraints.source} ({', '.join(sorted(theirs)[:5])}) are not those of the "
                f"job ({', '.join(sorted(ours)[:5])}); rename one of them."
            )
        index = {label: i for i, label in enumerate(labels)}
        locator = cls(index, by_number, any_chain, polymer.sequence, offset)
        locator._check_names(mentioned, restraints.source)
        locator._check_range(mentioned, restraints.source)
        return locator

    def find(self, label: AtomLabel) -> int | str:
        """Residue index, or the reason why there is none."""
        residue = self._position(label, self.offset)
        if isinstance(residue, int) and self._contradicts(label, residue):
            return "the residue name is not that of the sequence"
        return residue

    def _position(self, label: AtomLabel, offset: int) -> int | str:
        number = (label.residue + offset, label.insertion)
        if label.chain and not self.any_chain:
            residue = self.index.get((label.chain, *number))
            return "the residue is not in the job" if residue is None else residue
        residues = self.by_number.get(number, [])
        if len(residues) > 1:
            return "no chain is given and several chains have the residue number"
        return residues[0] if residues else "the residue is not in the job"

    def _contradicts(self, label: AtomLabel, residue: int) -> bool:
        code = self.sequence[residue]
        given = one_letter(label.residue_name)
        return UNKNOWN not in (code, given) and given != code

    def _matches(self, labels: Sequence[AtomLabel], offset: int) -> tuple[int, int]:
        """How many labels are at known positions, and how many of those contradict the sequence."""
        found = [(label, self._position(label, offset)) for label in labels]
        placed = [(label, residue) for label, residue in found if isinstance(residue, int)]
        return len(placed), sum(self._contradicts(label, residue) for label, residue in placed)

    def _check_names(self, mentioned: set[AtomLabel], source: str) -> None:
        """Refuse numbering that does not fit, naming the shift that would."""
        residues = {replace(label, atom="") for label in mentioned}
        named = [label for label in residues if one_letter(label.residue_name) != UNKNOWN]
        placed, wrong = self._matches(named, self.offset)
        if not named or (placed and wrong <= placed / 2):
            return
        scores = {}
        for shift in range(-_LARGEST_SHIFT, _LARGEST_SHIFT + 1):
            there, contradicted = self._matches(named, shift)
            scores[shift] = there - 2 * contradicted
        best = max(scores, key=lambda shift: (scores[shift], -abs(shift)))
        advice = (
            f"they would fit with {best:+d} added"
            if scores[best] > len(named) / 2
            else "check the sequence and the numbering"
        )
        raise InputError(
            f"The residue numbers of {source} do not fit the sequence "
            f"({wrong} of {placed} residue names differ); {advice}."
        )

    def _check_range(self, mentioned: set[AtomLabel], source: str) -> None:
        """Refuse numbers without residue names that leave the sequence and would all fit with a constant added."""
        if any(one_letter(label.residue_name) != UNKNOWN for label in mentioned):
            return  # the names have spoken
        chains = {label.chain for label in mentioned}
        for chain in sorted(chains):
            theirs = [label.residue + self.offset for label in mentioned if label.chain == chain]
            everywhere = self.any_chain or not chain
            ours = [number for name, number, _ in self.index if everywhere or name == chain]
            if not ours or (not chain and len({name for name, _, _ in self.index}) > 1):
                continue
            low, high = min(ours) - min(theirs), max(ours) - max(theirs)
            if low <= 0 <= high or low > high:
                continue
            shift = high if high < 0 else low
            more = "" if low == high else f" (or {high if shift == low else low:+d}, or anything between)"
            of_chain = f" of chain {chain}" if chain else ""
            raise InputError(
                f"The residue numbers{of_chain} of {source} go from {min(theirs)} to {max(theirs)}, those of the "
                f"sequence from {min(ours)} to {max(ours)}; they would fit with {shift:+d} added{more}: correct them, "
                "or give residue names."
            )
