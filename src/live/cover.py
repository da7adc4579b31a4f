"""Models that lie in the same place: the newer one is shown, those under it are hidden until it is closed.

Two cartoons in one place are drawn through each other, in a pattern that changes with every turn of the picture.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..handover.results import result_model
from ..jobs.manager import job_manager
from .playing import trajectories_of
from .views import views_of

if TYPE_CHECKING:
    from chimerax.core.models import Model
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["Covers", "cover_again", "covers", "hidden_sentence", "models_of_job"]

_ATTRIBUTE = "_adp3d_covers"


def covers(session: Session) -> Covers:
    """The session's record of what hides what, made at its first use."""
    kept: Covers | None = getattr(session, _ATTRIBUTE, None)
    if kept is None:
        kept = Covers(session)
        setattr(session, _ATTRIBUTE, kept)
    return kept


class Covers:
    """Hides models under others, and shows them again."""

    def __init__(self, session: Session) -> None:
        from chimerax.core.models import REMOVE_MODELS

        self._below: list[tuple[weakref.ref[Model], list[weakref.ref[Model]]]] = []
        self._handler = session.triggers.add_handler(REMOVE_MODELS, self._removed)

    def cover(self, top: Model, below: Iterable[Model]) -> list[Model]:
        """Hide models as long as another one is open; those that were shown until now."""
        hidden = [model for model in below if model is not top and not model.deleted and model.display]
        for model in hidden:
            model.display = False
        if hidden:
            self.note(top, hidden)
        return hidden

    def note(self, top: Model, hidden: Iterable[Model]) -> None:
        """Know of models that are hidden already that another one hides them."""
        self._below.append((weakref.ref(top), [weakref.ref(model) for model in hidden]))

    def hand_on(self, old: Model, new: Model) -> None:
        """Let what one model hides be hidden by another: the live model by the result that it turned into."""
        self._below = [(weakref.ref(new) if top() is old else top, below) for top, below in self._below]

    def close(self) -> None:
        """Stop listening."""
        self._handler.remove()
        self._below.clear()

    def _removed(self, _trigger: str, models: Sequence[Model]) -> None:
        """Show again what closed models had hidden, unless something else still lies over it."""
        gone = [item for item in self._below if item[0]() is None or item[0]() in models]
        self._below = [item for item in self._below if item not in gone]
        covered = {reference() for _, below in self._below for reference in below}
        for _, below in gone:
            for model in (reference() for reference in below):
                if model is not None and not model.deleted and model not in models and model not in covered:
                    model.display = True


def cover_again(session: Session, job: Job) -> None:
    """Know again what hides a job's model in a restored session: its result, or its live model."""
    view = views_of(session).get(job.id)
    tops = (result_model(session, job), None if view is None else view.best)
    shown = [top for top in tops if top is not None and not top.deleted and top.display]
    if shown and job.model is not None and not job.model.display:
        covers(session).note(shown[0], [job.model])


def models_of_job(session: Session, job: Job) -> list[Model]:
    """Open models in the place of a job's model: that model, results, trajectories, live models that move no more.

    Those of other jobs of the same model belong to them.
    """
    model = job.model
    same = [one for one in job_manager(session).jobs if one is job or (model is not None and one.model is model)]
    found: list[Model | None] = [model]
    for one in same:
        view = views_of(session).get(one.id)
        found += [result_model(session, one), *trajectories_of(session, one.folder)]
        found.append(None if view is None or not one.ended else view.best)
    return [one for one in found if one is not None and not one.deleted]


def hidden_sentence(hidden: Sequence[Model]) -> str:
    """Say which models are hidden, to follow another sentence; empty for none."""
    if not hidden:
        return ""
    names = ", ".join(f"#{model.id_string}" for model in hidden)
    return f" {names}, in the same place, {'is' if len(hidden) == 1 else 'are'} hidden."
