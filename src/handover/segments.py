"""The list of stretches of a finished job, under the chain names of the user's model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.contract.segments import Segment, from_text
from .atoms import Address
from .record import Handover

if TYPE_CHECKING:
    from ..jobs.job import Job

__all__ = ["addresses_of", "chosen_segments", "read_segments"]


def read_segments(job: Job) -> tuple[Segment, ...]:
    """Stretches that a job rebuilt, moved or left in doubt, the most troubled first.

    Raises
    ------
    UserError
        If the job has no such list, or its file was removed or damaged.
    """
    from chimerax.core.errors import UserError

    if job.result is None:
        raise UserError(f"ADP-3D job {job.id} has no result (it is {job.state}); wait until it has finished.")
    path = job.paths.get("segments")
    if path is None:
        raise UserError(
            f"ADP-3D job {job.id} has no list of stretches: it did not start from a model, or an earlier version "
            "ran it; run the job again."
        )
    try:
        found = from_text(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"'{path}' cannot be read ({error}); run the job again.") from error
    rename = Handover.of(job.prepared.extra).session_chain
    return tuple(replace(segment, chain=rename(segment.chain)) for segment in found)


def addresses_of(segment: Segment) -> list[Address]:
    """Its residues, in the order of the chain."""
    return [_address(segment.chain, number) for number in segment.residues]


def chosen_segments(job: Job, numbers: Iterable[int]) -> Sequence[Segment]:
    """Stretches by their numbers in the list, from 1.

    Raises
    ------
    UserError
        If there is none of such a number, or no list.
    """
    from chimerax.core.errors import UserError

    segments = read_segments(job)
    chosen = []
    for number in numbers:
        if not 1 <= number <= len(segments):
            there = f"they are numbered 1 to {len(segments)}" if segments else "its list is empty"
            raise UserError(f"ADP-3D job {job.id} has no stretch {number}; {there}: 'adp3d segments {job.id}'.")
        chosen.append(segments[number - 1])
    return chosen


def _address(chain: str, number: str) -> Address:
    digits = number.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    return chain, int(digits), number[len(digits) :]
