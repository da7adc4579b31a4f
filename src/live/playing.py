"""Helices and strands of a trajectory's model while it is played.

ChimeraX's slider offers to find them as well, but by the command ``dssp``, which puts a step onto the undo stack for
each frame. Ten frames push everything else off it, such as the acceptance of a result, and once the model is closed the
steps that are left cannot be undone. Here they are found without a step, however the frame was chosen: by the slider,
the command ``coordset``, the mouse or a script that records a movie.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

__all__ = ["follow_frames", "follow_restored", "mark_trajectory", "trajectories_of"]

_ATTRIBUTE = "adp3d_trajectory_of"
"""Attribute of a trajectory's model: the folder of its job."""

_FRAME_CHANGED = "active_coordset changed"


def mark_trajectory(session: Session, structure: AtomicStructure, folder: Path) -> None:
    """Make a model known as the trajectory of a job, and follow its frames; sessions keep the mark."""
    type(structure).register_attr(session, _ATTRIBUTE, "ADP-3D", attr_type=str)
    setattr(structure, _ATTRIBUTE, str(folder))
    _find(structure)
    follow_frames(structure)


def trajectories_of(session: Session, folder: Path) -> list[AtomicStructure]:
    """The open trajectories of a job."""
    from chimerax.atomic import AtomicStructure

    models = session.models.list(type=AtomicStructure)
    return [model for model in models if getattr(model, _ATTRIBUTE, None) == str(folder)]


def follow_restored(session: Session) -> None:
    """Follow the frames of the trajectories that a session was saved with."""
    from chimerax.atomic import AtomicStructure

    for model in session.models.list(type=AtomicStructure):
        if getattr(model, _ATTRIBUTE, None) is not None:
            follow_frames(model)


def follow_frames(structure: AtomicStructure) -> None:
    """Find helices and strands whenever another coordinate set is shown, until the model is closed."""

    def changed(_trigger: str, data: tuple[AtomicStructure, Any]) -> None:
        if _FRAME_CHANGED in data[1].structure_reasons():
            _find(data[0])

    structure.triggers.add_handler("changes", changed)


def _find(structure: AtomicStructure) -> None:
    from chimerax.dssp import compute_ss

    # Otherwise ChimeraX searches by itself, with a line in the log, and at every frame if it finds none.
    structure.ss_assigned = True
    compute_ss(structure)
