"""Walking through the stretches of a job's list: which one is shown, the next, the one before, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.contract.kinds import KINDS
from ..engine.contract.segments import Segment
from ..handover.results import open_result, result_model
from ..handover.segments import addresses_of, chosen_segments, read_segments
from .alternatives import close_alternatives
from .spotlight import Spotlight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimerax.atomic import AtomicStructure, Residues
    from chimerax.core.session import Session
    from chimerax.map import Volume

    from ..handover.atoms import Address
    from ..jobs.job import Job

__all__ = ["CHANGED", "SegmentWalk", "segment_residues", "segment_walk"]

CHANGED = "segment shown"
"""Trigger of `SegmentWalk.triggers`: another stretch is shown, or none. Its data is the walk."""

_ATTRIBUTE = "_adp3d_segment_walk"


def segment_walk(session: Session) -> SegmentWalk:
    """The session's walk, made at its first use."""
    walk: SegmentWalk | None = getattr(session, _ATTRIBUTE, None)
    if walk is None:
        walk = SegmentWalk(session)
        setattr(session, _ATTRIBUTE, walk)
    return walk


def segment_residues(session: Session, job: Job, addresses: Sequence[Address]) -> Residues:
    """Residues of a job in the model that shows its result: the result, else the model that has it.

    Raises
    ------
    UserError
        If neither has them.
    """
    from chimerax.atomic import Residues
    from chimerax.core.errors import UserError

    for model in _models(session, job):
        there = (model.find_residue(chain, residue, code or " ") for chain, residue, code in addresses)
        found = [residue for residue in there if residue is not None]
        if found:
            return Residues(found)
    chain, number, code = addresses[0]
    raise UserError(f"No open model shows residue {chain} {number}{code} of ADP-3D job {job.id} any more.")


def _beside(session: Session, job: Job, segment: Segment) -> Residues:
    """Residues between which a stretch is missing, in the model that shows the result.

    Raises
    ------
    UserError
        If no open model has any.
    """
    from chimerax.atomic import Residue, Residues
    from chimerax.core.errors import UserError

    numbers = [number for _, number, _ in addresses_of(segment)]
    for model in _models(session, job):
        every = model.residues
        ours = every.filter((every.chain_ids == segment.chain) & (every.polymer_types == Residue.PT_AMINO))
        before, after = ours.filter(ours.numbers < min(numbers)), ours.filter(ours.numbers > max(numbers))
        ends = [
            *([] if not len(before) else [before[int(before.numbers.argmax())]]),
            *([] if not len(after) else [after[int(after.numbers.argmin())]]),
        ]
        if ends:
            return Residues(ends)
    raise UserError(f"No open model shows what lies beside {segment.name} of ADP-3D job {job.id} any more.")


def _models(session: Session, job: Job) -> list[AtomicStructure]:
    """Models to look for residues in, the result first; it is opened if neither it nor the job's model is shown."""
    result = result_model(session, job)
    shown = [model for model in (result, job.model) if model is not None and model.display]
    return [*shown, result if result is not None else open_result(session, job)]


def _map(session: Session, job: Job) -> Volume | None:
    """Map of a job; of one that was taken up from its folder the only map that is open."""
    from chimerax.map import Volume

    if job.map is not None or not KINDS[job.kind].needs_map:
        return job.map
    maps = session.models.list(type=Volume)
    return maps[0] if len(maps) == 1 else None


class SegmentWalk:
    """Where the user is in the list.

    Attributes
    ----------
    job_id : int
        Of which job; 0 for none.
    number : int
        Of the stretch that is shown, from 1; 0 if none is.
    triggers : TriggerSet
        See `CHANGED`.
    """

    def __init__(self, session: Session) -> None:
        from chimerax.core.triggerset import TriggerSet

        self._session = session
        self._spotlight = Spotlight(session)
        self.job_id = 0
        self.number = 0
        self.triggers = TriggerSet()
        self.triggers.add_trigger(CHANGED)

    def show(self, job: Job, number: int) -> Segment:
        """Show one stretch.

        Raises
        ------
        UserError
            If there is none of that number, or no open model has it.
        """
        (segment,) = chosen_segments(job, [number])
        if segment.there:
            residues = segment_residues(self._session, job, addresses_of(segment))
        else:
            residues = _beside(self._session, job, segment)
        if (job.id, number) != (self.job_id, self.number):
            close_alternatives(self._session)
        self._spotlight.show(residues, _map(self._session, job))
        self._at(job.id, number)
        return segment

    def show_residues(self, job: Job, addresses: Sequence[Address]) -> None:
        """Show residues that belong to no stretch.

        Raises
        ------
        UserError
            If no open model has them.
        """
        residues = segment_residues(self._session, job, addresses)
        close_alternatives(self._session)
        self._spotlight.show(residues, _map(self._session, job))
        self._at(job.id, 0)

    def step(self, job: Job, by: int) -> Segment:
        """Show the stretch that follows in the list, or that before; behind the last comes the first.

        Raises
        ------
        UserError
            If the list is empty.
        """
        from chimerax.core.errors import UserError

        count = len(read_segments(job))
        if not count:
            raise UserError(f"ADP-3D job {job.id} rebuilt, moved and contradicted nothing; there is nothing to walk.")
        here = self.number if job.id == self.job_id else 0
        start = here - 1 if here else (-1 if by > 0 else 0)
        return self.show(job, (start + by) % count + 1)

    def put_back(self) -> bool:
        """Leave everything as it was before the walk; whether there was one."""
        close_alternatives(self._session)
        on = self._spotlight.on
        self._spotlight.put_back()
        self._at(self.job_id, 0)
        return on

    def _at(self, job_id: int, number: int) -> None:
        self.job_id, self.number = job_id, number
        self.triggers.activate_trigger(CHANGED, self)
