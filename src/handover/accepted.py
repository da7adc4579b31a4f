"""What was accepted into a model and not undone: kept with the model, and the steps that undo it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .edit import ModelEdit

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.models import Model
    from chimerax.core.session import Session
    from chimerax.core.undo import UndoAction

__all__ = ["Accepted", "accepted_into", "chronicle", "offer_undo", "register_step", "set_accepted"]

_ATTRIBUTE = "_adp3d_accepted"
"""Attribute of a model: tuple of `Accepted`, oldest first; `adp3d.live.session` saves it."""


@dataclass(eq=False)
class Accepted:
    """A result that is in a model.

    Attributes
    ----------
    folder : str
        Folder of its job, by which the job is known in later sessions.
    job_id : int
        Number of the job; 0 if it is not listed any more.
    edit : ModelEdit
        What it changed.
    before : tuple of Accepted
        What was accepted into the model before it.
    taken_back : tuple of Accepted
        Those of them that made room for it, in the order in which they were reverted.
    """

    folder: str
    job_id: int
    edit: ModelEdit
    before: tuple[Accepted, ...] = ()
    taken_back: tuple[Accepted, ...] = ()

    def after(self) -> tuple[Accepted, ...]:
        """What is in the model with it."""
        return (*(item for item in self.before if item not in self.taken_back), self)


def accepted_into(structure: Model) -> tuple[Accepted, ...]:
    """What was accepted into a model and not undone, oldest first."""
    found: tuple[Accepted, ...] = getattr(structure, _ATTRIBUTE, ())
    return found


def set_accepted(structure: AtomicStructure, items: Sequence[Accepted]) -> None:
    """Note what is in a model."""
    setattr(structure, _ATTRIBUTE, tuple(items))


def chronicle(structure: AtomicStructure) -> list[Accepted]:
    """All acceptances that led to what a model is now, the oldest first: what `undo` takes back, from the end."""
    steps: list[Accepted] = []
    items = accepted_into(structure)
    while items:
        steps.append(items[-1])
        items = items[-1].before
    return steps[::-1]


def offer_undo(session: Session, structure: AtomicStructure) -> None:
    """Let ``undo`` take back what was accepted into a model before its session was saved."""
    for step in chronicle(structure):
        register_step(session, structure, step)


def register_step(session: Session, structure: AtomicStructure, step: Accepted) -> None:
    """Put an acceptance, which the model has, onto ChimeraX's undo stack."""
    session.undo.register(_undo_action(structure, step))


_Edit = Callable[["AtomicStructure"], None]


def _all_or_nothing(structure: AtomicStructure, edits: Sequence[tuple[_Edit, _Edit]]) -> None:
    """Make edits, each given with its opposite; if one is refused, the model is as before."""
    from chimerax.core.errors import UserError

    for number, (make, _) in enumerate(edits):
        try:
            make(structure)
        except UserError:
            for _, opposite in reversed(edits[:number]):
                opposite(structure)
            raise


def _undo_action(structure: AtomicStructure, step: Accepted) -> UndoAction:
    """Undo step of an acceptance; it holds the model weakly."""
    from chimerax.core.errors import UserError
    from chimerax.core.undo import UndoAction

    reference = weakref.ref(structure)

    def model() -> AtomicStructure:
        found = reference()
        if found is None or found.deleted:
            raise UserError("The model into which the ADP-3D result was written is closed; there is nothing to undo.")
        return found

    class _AcceptStep(UndoAction):
        """One acceptance."""

        def undo(self) -> None:
            """Take the result out of the model, and put back what it replaced."""
            target = model()
            back = [(item.edit.apply, item.edit.revert) for item in reversed(step.taken_back)]
            _all_or_nothing(target, [(step.edit.revert, step.edit.apply), *back])
            set_accepted(target, step.before)

        def redo(self) -> None:
            """Write the result into the model again."""
            target = model()
            away = [(item.edit.revert, item.edit.apply) for item in step.taken_back]
            _all_or_nothing(target, [*away, (step.edit.apply, step.edit.revert)])
            set_accepted(target, step.after())

    return _AcceptStep(f"accept ADP-3D job {step.job_id}" if step.job_id else "accept an ADP-3D result")
