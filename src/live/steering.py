"""Residues of a running job that the user holds, releases, or tugs towards a place."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..engine.contract.steering import PLACING, RELAXING
from ..jobs.manager import job_manager
from ..jobs.selection import held_positions, positions
from .view import shown_layout
from .views import views_of

if TYPE_CHECKING:
    from chimerax.atomic import Residue, Residues
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["Tugging", "fix_residues", "let_go", "rows_of", "tug_residue"]

_AFTER_SAMPLING = (PLACING, RELAXING)
_INTERVAL = 0.1
"""Seconds between two places that the engine is sent at least: a step of the solver takes as long or longer."""


def rows_of(job: Job, residues: Sequence[Residue] | Residues) -> list[int]:
    """Positions in the layout of residues of the session, whose chains the job's files may call otherwise."""
    return [] if job.layout is None else positions(shown_layout(job), residues)


def fix_residues(session: Session, residues: Residues, job_id: int | None, *, fixed: bool) -> Job:
    """Hold or release residues of a running job.

    Raises
    ------
    UserError
        If the job does not run yet or any more, or has none of the residues; if none that is to be released is held.
    """
    from chimerax.core.errors import UserError

    job = _steerable(session, job_id)
    found = _rows(job, residues)
    before = held_positions(job)
    concerned = set(found) - before if fixed else before.intersection(found)
    if not concerned and not fixed:
        raise UserError(f"None of these residues is held in ADP-3D job {job.id}; 'adp3d fix' holds residues.")
    job.fix(found, fixed)
    job.held = {*before, *found} if fixed else {*before.difference(found)}
    session.logger.info(f"ADP-3D job {job.id}: {_change(len(concerned), len(before), fixed)}")
    return job


def tug_residue(session: Session, residues: Residues, place: Sequence[float], job_id: int | None) -> Job:
    """Tug one residue of a running job towards a place of the scene, in angstrom, until `let_go`.

    Raises
    ------
    UserError
        If the job does not run yet or any more, if it is not one residue of it, or if that one is held.
    """
    from chimerax.core.errors import UserError

    job = _steerable(session, job_id)
    rows = _rows(job, residues)
    if len(rows) > 1:
        raise UserError(f"These are {len(rows)} residues of ADP-3D job {job.id}; one can be tugged at a time.")
    Tugging(session, job, rows[0]).aim(place)
    return job


def let_go(session: Session, job_id: int | None) -> Job:
    """Let the residue go that is being tugged.

    Raises
    ------
    UserError
        If the job does not run or none of its residues is tugged.
    """
    from chimerax.core.errors import UserError

    job = _steerable(session, job_id)
    if job.tugged is None:
        raise UserError(f"No residue of ADP-3D job {job.id} is being tugged.")
    Tugging(session, job, job.tugged).end()
    return job


class Tugging:
    """One residue on its way to where the user pulls it; an arrow shows that.

    Parameters
    ----------
    session : Session
    job : Job
        With a layout.
    row : int
        Position of the residue in the layout.
    clock : callable
        Time in seconds.

    Raises
    ------
    UserError
        If the residue is held.
    """

    def __init__(self, session: Session, job: Job, row: int, clock: Callable[[], float] = time.monotonic) -> None:
        from chimerax.core.errors import UserError

        assert job.layout is not None
        layout = shown_layout(job)
        name = f"{layout.chains[row]} {layout.numbers[row]}{layout.insertion_codes[row].strip()}"
        if row in held_positions(job):
            raise UserError(
                f"{name} is held in ADP-3D job {job.id}; 'adp3d release' lets it go, then it can be tugged."
            )
        self._session = session
        self._job = job
        self._row = row
        self._name = name
        self._clock = clock
        self._sent = -np.inf
        self._waiting: list[float] | None = None

    def aim(self, place: Sequence[float] | NDArray[np.floating]) -> None:
        """Pull towards a place of the scene (3,), in angstrom; the engine is told ten times a second at most."""
        if self._job.ended or self._job.stage in _AFTER_SAMPLING:
            return
        local = self._to_frame(np.asarray(place, dtype=np.float64))
        view = views_of(self._session).get(self._job.id)
        if view is not None:
            view.pull(self._row, local)
        self._waiting = [float(value) for value in local]
        self.flush()

    def flush(self) -> None:
        """Send the newest place if there is one and the last was sent some time ago."""
        if self._waiting is None or self._job.ended or self._clock() - self._sent < _INTERVAL:
            return
        if self._job.tugged != self._row:
            self._session.logger.info(f"ADP-3D job {self._job.id}: {self._name} is being tugged.")
        self._job.tug(self._row, self._waiting)
        self._sent, self._waiting = self._clock(), None

    def end(self) -> None:
        """Let the residue go."""
        view = views_of(self._session).get(self._job.id)
        if view is not None:
            view.let_go()
        self._waiting = None
        if not self._job.ended and self._job.tugged is not None:
            self._job.let_go()
            self._session.logger.info(f"ADP-3D job {self._job.id}: {self._name} was let go.")

    def _to_frame(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """A place of the scene in the frame of the job, wherever its live model has been moved to."""
        from chimerax.geometry import Place

        view = views_of(self._session).get(self._job.id)
        if view is not None and not view.best.deleted:
            position = view.best.scene_position
        else:
            position = self._job.prepared.frame_to_scene or Place()
        local: NDArray[np.float64] = position.inverse() * place
        return local


def _steerable(session: Session, job_id: int | None) -> Job:
    from chimerax.core.errors import UserError

    manager = job_manager(session)
    manager.pump()
    job = manager.get(job_id)
    if job.ended:
        raise UserError(f"ADP-3D job {job.id} does not run (it is {job.state}).")
    if job.layout is None:
        raise UserError(f"ADP-3D job {job.id} is still being prepared; try again when it runs.")
    if job.stage in _AFTER_SAMPLING:
        raise UserError(
            f"ADP-3D job {job.id} has sampled everything and is {job.stage}: residues can be held, released or tugged "
            "no more. What was held before stays; to change the result, run another job on it."
        )
    return job


def _rows(job: Job, residues: Residues) -> list[int]:
    from chimerax.core.errors import UserError

    # With several models open, '/A:5' means the job's own one.
    own = [residue for residue in residues if residue.structure is job.model]
    found = rows_of(job, own or residues)
    if not found:
        raise UserError(f"None of these residues is part of ADP-3D job {job.id}; name residues of its model.")
    return found


def _change(changed: int, before: int, fixed: bool) -> str:
    """Say how many residues changed, and how many are held now."""
    noun = "residue" if changed == 1 else "residues"
    if not fixed:
        left = before - changed
        return f"{changed} {noun} released; {left or 'none'} {'is' if left == 1 or not left else 'are'} still held."
    return f"{changed} {noun} held; {before + changed} {'is' if before + changed == 1 else 'are'} held in all."
