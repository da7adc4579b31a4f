"""Tugs of the user at residues while replicas are sampled: obeyed, told, and counted over the whole job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..solver.tug import Tug as Pull
from .events import Events, Tug
from .sampled_part import Numbering

__all__ = ["Tugging"]


class Tugging:
    """What is tugged, and how often it was.

    Parameters
    ----------
    pull : solver.tug.Tug or None
        What the solver pulls with; None in a job whose frame nothing fixes.
    numbering : Numbering
        Of the residues that are sampled.
    saved : mapping
        `state` of a checkpoint, or nothing. A pull ends with the run in which the user began it.

    Attributes
    ----------
    counts : dict of int to int
        How often the user has begun to tug residues, by their number in the job, from 0.
    """

    def __init__(self, pull: Pull | None, numbering: Numbering, saved: Mapping[str, Any]) -> None:
        self._pull = pull
        self._numbering = numbering
        self._was = saved.get("tugged")
        self.counts: dict[int, int] = {int(row): int(times) for row, times in saved.get("tugs") or ()}

    @property
    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        row = None if self._pull is None else self._pull.residue
        return {
            "tugged": None if row is None else self._numbering.in_job(row) + 1,
            "tugs": [list(one) for one in self.counts.items()],
        }

    @property
    def pulling(self) -> bool:
        """Whether a residue is being tugged now."""
        return self._pull is not None and self._pull.residue is not None

    def tell_what_was(self, events: Events) -> None:
        """Say that the pull of an earlier run has ended."""
        if self._was is not None:
            events.message(f"Residue {self._was} of the job was being tugged when it ended: now it is free.")

    def obey(self, wishes: Sequence[Tug | None], sampled: int, events: Events) -> None:
        """Pull a residue, or let it go (None), as the newest wish says; so many residues are sampled."""
        if self._pull is None:
            if wishes:
                events.message("Residues cannot be tugged in this kind of job: nothing fixes its frame.", "warning")
            return
        pull, before = self._pull, self._pull.residue
        total = self._numbering.total(sampled)
        for wish in wishes:
            if wish is None:
                pull.let_go()
            elif wish.residue >= total:
                text = f"There is no residue {wish.residue + 1} to be tugged: the job has {total}."
                events.message(text, "warning")
            elif own := self._numbering.own([wish.residue]):
                pull.pull(own[0], wish.target)
            else:
                text = f"Residue {wish.residue + 1} of the job is not sampled: it stays where it is."
                events.message(text, "warning")
        if before is not None and pull.residue != before:
            events.message(f"Residue {self._numbering.in_job(before) + 1} of the job is no longer tugged.")
        if pull.residue is not None and pull.residue != before:
            row, place = self._numbering.in_job(pull.residue), ", ".join(f"{value:.1f}" for value in pull.target)
            self.counts[row] = self.counts.get(row, 0) + 1
            events.message(f"Residue {row + 1} of the job is tugged, at first towards ({place}) angstrom.")

    def aim(self, x: Tensor) -> None:
        """Pull from where a structure (N, 4, 3) has the residue."""
        if self._pull is not None:
            self._pull.aim(x)
