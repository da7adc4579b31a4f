"""Models that follow running jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..handover.colouring import FIT, SCALES, confidence_from_spread, show_colour_key
from ..jobs.manager import job_manager
from ..jobs.selection import held_positions
from .closing import closed_sentence
from .cover import covers, hidden_sentence, models_of_job
from .final import final_replicas, show_result
from .updater import Timing, Updater
from .view import JobView
from .views import views_of

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.models import Model
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["COLOURINGS", "LiveModels", "live_models"]

COLOURINGS = (*SCALES, "none")
"""What the best replica can be coloured by."""

_ATTRIBUTE = "_adp3d_live_models"
_COLOUR_INTERVAL = 0.25
"""Seconds between two changes of colours at least: they take as long as moving all replicas."""
_AFTER_CLOSING = ("command finished", "command failed", "new frame")
"""Triggers at which all that one action of the user closes is closed."""
_REFRESH = 2.0
"""Seconds after which helices and strands are found again, and a spread computed here is."""


def live_models(session: Session) -> LiveModels:
    """The live models of the session, made at their first use."""
    live: LiveModels | None = getattr(session, _ATTRIBUTE, None)
    if live is None:
        live = LiveModels(session)
        setattr(session, _ATTRIBUTE, live)
    return live


class LiveModels:
    """Opens models for running jobs and moves them with each frame.

    Attributes
    ----------
    views : dict of int to JobView
        By number of the job.
    """

    def __init__(self, session: Session) -> None:
        from chimerax.core.models import REMOVE_MODELS

        self._session = session
        self.views = views_of(session)
        self._coloured: dict[int, object] = {}
        self._waiting: dict[int, Job] = {}
        self._closed: dict[int, set[str]] = {}
        self._colour_changed: dict[int, float] = {}
        self._refreshed: dict[int, float] = {}
        self._updater = Updater(session, self._update)
        self._manager = job_manager(session)
        triggers = self._manager.triggers
        self._handlers = [
            triggers.add_handler("job layout", self._on_layout),
            triggers.add_handler("job frame", self._on_news),
            triggers.add_handler("job changed", self._on_news),
            triggers.add_handler("job ended", self._on_end),
            triggers.add_handler("job removed", self._on_removed),
            session.triggers.add_handler(REMOVE_MODELS, self._on_models_closed),
            *(session.triggers.add_handler(name, self._tell_closed) for name in _AFTER_CLOSING),
        ]

    @property
    def timing(self) -> Timing:
        """Main-thread time of the updates so far."""
        return self._updater.timing

    def open(self, job: Job) -> JobView | None:
        """Open the models of a job, or give those that are open; None if there is nothing to show yet."""
        view = self.views.get(job.id)
        if view is not None and not view.closed:
            return view
        if job.layout is None:
            return None
        view = self.views[job.id] = JobView.open(self._session, job)
        hidden = covers(self._session).cover(view.best, models_of_job(self._session, job))
        self._session.logger.info(f"ADP-3D job {job.id} is shown as #{view.group.id_string}.{hidden_sentence(hidden)}")
        self._coloured.pop(job.id, None)
        self._wait_for_update(job)
        return view

    def adopt(self, job: Job, group: Model, best: AtomicStructure, traces: Sequence[Model], final: bool) -> None:
        """Use models that are open already for a job: those of a restored session.

        Models of another layout, or cut so that it cannot be told which residues are left, stay as they are.

        Parameters
        ----------
        job : Job
        group : Model
        best : AtomicStructure
        traces : sequence of Model
        final : bool
            Whether they show the result already: they are left alone then, as the user may have changed them.
        """
        view = None if job.layout is None else JobView.adopt(job, group, best, traces)
        if view is None:
            return
        group.name = f"ADP-3D job {job.id}"
        self.views[job.id] = view
        if not job.ended:
            self._wait_for_update(job)
        elif not final:
            self._on_end("", job)

    def colour(self, job: Job, by: str, key: bool = False) -> None:
        """Colour the best replica of a job by one of `COLOURINGS`, now and when values change.

        Parameters
        ----------
        job : Job
        by : str
            ``confidence``, ``fit`` or ``none`` (left as it is).
        key : bool
            Show a colour key.
        """
        if by not in COLOURINGS:
            raise ValueError(f"colour by one of {', '.join(COLOURINGS)}, not '{by}'")
        job.colouring = by
        self._coloured.pop(job.id, None)
        self._wait_for_update(job)
        if key and by in SCALES:
            show_colour_key(self._session, SCALES[by])

    def forget(self) -> None:
        """Follow no models any more: the session is being closed."""
        self.views.clear()
        self._waiting.clear()
        self._closed.clear()
        self._coloured.clear()
        self._colour_changed.clear()
        self._refreshed.clear()

    def close(self) -> None:
        """Stop listening."""
        self._updater.close()
        for handler in self._handlers:
            handler.remove()
        self._handlers.clear()
        self.forget()

    def _on_layout(self, _trigger: str, job: Job) -> None:
        if job.prepared.live and not job.ended:
            self._guarded(job, lambda: self.open(job))

    def _on_news(self, _trigger: str, job: Job) -> None:
        if job.id in self.views and not job.ended:  # late frames of a job that has ended are old
            self._wait_for_update(job)

    def _on_end(self, _trigger: str, job: Job) -> None:
        self._waiting.pop(job.id, None)
        view = self.views.get(job.id)
        if view is not None and not view.closed:
            self._guarded(job, lambda: self._finish(job, view))

    def _on_removed(self, _trigger: str, job: Job) -> None:
        self._drop(job.id)

    def _on_models_closed(self, _trigger: str, models: list[Model]) -> None:
        """Note what the user closed of running jobs; told once it is known whether the whole session is closed."""
        for job in self._manager.jobs:
            if job.ended:
                continue
            parts = {name for name, model in (("model", job.model), ("map", job.map)) if model and model in models}
            view = self.views.get(job.id)
            if view is not None and all(m.deleted or m in models for m in (view.best, *view.traces)):
                self._drop(job.id)
                parts.add("live models")
            if parts:
                self._closed.setdefault(job.id, set()).update(parts)

    def _tell_closed(self, *_: object) -> None:
        """Say in one sentence for each job what was closed of it, and what becomes of its result."""
        closed, self._closed = self._closed, {}
        for job in self._manager.jobs:
            if job.id in closed and not job.ended:
                self._session.logger.info(closed_sentence(job.id, closed[job.id]))

    def _wait_for_update(self, job: Job) -> None:
        self._waiting[job.id] = job
        self._updater.mark()

    def _update(self) -> bool:
        """Show what is waiting; whether some models are still on their way."""
        waiting, self._waiting = self._waiting, {}
        for job in waiting.values():
            view = self.views.get(job.id)
            if view is None:
                continue
            if view.closed:
                self._drop(job.id)
            else:
                self._guarded(job, lambda job=job, view=view: self._show(job, view))  # type: ignore[misc]
        return bool(self._waiting)

    def _show(self, job: Job, view: JobView) -> None:
        now = time.monotonic()
        if not job.ended:
            self._follow(job, view)
            view.pin(held_positions(job))
        due = now - self._refreshed.get(job.id, -np.inf) > _REFRESH
        if job.id not in self._coloured or now - self._colour_changed.get(job.id, -np.inf) > _COLOUR_INTERVAL:
            self._recolour(job, view, due)
        if due:
            self._refreshed[job.id] = now
            view.find_secondary_structure()

    def _follow(self, job: Job, view: JobView) -> None:
        """Bring the models to the newest frame, or nearer to it."""
        if job.frame is not None and view.serial != job.frame_serial:
            view.glide.aim(job.frame[1], self._updater.time)
            view.serial = job.frame_serial
        if view.glide.moving or (view.glide.begun and view.replica != job.best_replica):
            view.move(view.glide.at(self._updater.next_time), job.best_replica)
        if view.glide.moving:
            self._waiting[job.id] = job

    def _finish(self, job: Job, view: JobView) -> None:
        if view.glide.moving:
            view.move(view.glide.at(np.inf), job.best_replica)  # a job that was stopped has no result to be shown
        view.pin(())
        view.let_go()
        view.close_ghost()
        show_result(self._session, job, view)
        self._recolour(job, view, True)

    def _recolour(self, job: Job, view: JobView, due: bool) -> None:
        by = job.colouring
        if by == "none":
            return
        source = job.latest("residue_fit") if by == FIT.name else self._confidence_source(job, view, due)
        if source is None or source is self._coloured.get(job.id):
            return
        if by == FIT.name or source is view.confidence:
            values = np.asarray(source, dtype=np.float64)
        else:
            values = confidence_from_spread(np.asarray(source, dtype=np.float64))
        view.colour(values, SCALES[by])
        self._coloured[job.id] = source
        self._colour_changed[job.id] = time.monotonic()

    def _confidence_source(self, job: Job, view: JobView, due: bool) -> Sequence[float] | NDArray[np.floating] | None:
        """Final confidence, else the spread that the engine tells, else one computed here now and then."""
        if view.confidence is None and job.ended:
            read = final_replicas(self._session, job)
            view.confidence = None if read is None else read[1]
        if view.confidence is not None:
            return view.confidence
        spread = job.latest("residue_spread")
        if spread is None and job.frame is not None and (due or job.id not in self._coloured):
            return _spread(job.frame[1], job.best_replica)
        return spread

    def _guarded(self, job: Job, action: Callable[[], object]) -> None:
        """Do something with the models of a job; after a failure they are left alone, the job goes on."""
        try:
            action()
        except Exception:
            # An exception would end the handler of a trigger, and with it the models of all other jobs.
            self._drop(job.id)
            self._session.logger.report_exception(preface=f"The live models of ADP-3D job {job.id} stand still")

    def _drop(self, job_id: int) -> None:
        for table in (self.views, self._waiting, self._coloured, self._colour_changed, self._refreshed):
            table.pop(job_id, None)


def _spread(frame: NDArray[np.floating], best: int) -> NDArray[np.float64]:
    """Root mean square CA distance (N,) of the replicas from the best one, in angstrom; NaN if it is alone."""
    others = np.delete(frame[:, :, 1], min(best, len(frame) - 1), axis=0).astype(np.float64)
    if not len(others):
        return np.full(frame.shape[1], np.nan)
    apart = others - frame[min(best, len(frame) - 1), :, 1]
    spread: NDArray[np.float64] = np.sqrt((apart**2).sum(-1).mean(0))
    return spread
