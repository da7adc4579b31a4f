"""The course of a job as coordinate sets of one model, for ChimeraX's slider and for movies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..handover.colouring import REPLICA_COLOURS
from .backbone import ATOMS_PER_RESIDUE, build_backbone
from .cover import covers, hidden_sentence, models_of_job
from .playing import mark_trajectory
from .result import layout_of
from .view import shown_layout

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

    from ..engine.contract.trajectory_format import Trajectory
    from ..jobs.job import Job
    from ..jobs.state import Layout

__all__ = ["TRAJECTORY_FILE", "open_all_trajectories", "open_trajectory", "read_frames", "show_slider"]

TRAJECTORY_FILE = "trajectory.bin"
_ENSEMBLE_FILE = "ensemble.cif"


def open_trajectory(
    session: Session,
    job: Job,
    replica: int | None = None,
    max_frames: int | None = None,
    slider: bool = True,
) -> AtomicStructure:
    """Open the stored frames of one replica as a model with coordinate sets 1, 2...

    The live models are not touched; a job that still runs gives the frames that it has stored so far.

    Parameters
    ----------
    session : Session
    job : Job
    replica : int, optional
        From 0; by default the best one.
    max_frames : int, optional
        Most coordinate sets; evenly chosen, the first and the last always among them.
    slider : bool
        Show ChimeraX's slider (with a GUI).

    Raises
    ------
    chimerax.core.errors.UserError
        If the job has stored no such frames.
    """
    chosen = job.best_replica if replica is None else replica
    structure, steps = _structure(session, job, _stored(job.folder / TRAJECTORY_FILE), chosen, max_frames)
    session.models.add([structure])
    hidden = covers(session).cover(structure, models_of_job(session, job))
    mark_trajectory(session, structure, job.folder)
    session.logger.info(
        f"{structure} shows steps {steps[0]} to {steps[-1]} of replica {chosen + 1} of ADP-3D job {job.id} as "
        f"{len(steps)} coordinate sets.{hidden_sentence(hidden)}"
    )
    if slider and session.ui.is_gui and len(steps) > 1:
        show_slider(session, [structure])
    return structure


def open_all_trajectories(
    session: Session, job: Job, max_frames: int | None = None, slider: bool = True
) -> list[AtomicStructure]:
    """Open the stored frames of all replicas, as a group of models in the order of the replicas, each of one colour.

    The slider and the command ``coordset`` play them together. Parameters and errors as in `open_trajectory`.
    """
    stored = _stored(job.folder / TRAJECTORY_FILE)
    numbers = stored.replicas
    opened = [_structure(session, job, stored, number, max_frames) for number in numbers]
    structures = [structure for structure, _ in opened]
    for structure, number in zip(structures, numbers, strict=True):
        structure.overall_color = np.array((*REPLICA_COLOURS[number % len(REPLICA_COLOURS)], 255), dtype=np.uint8)
    group = session.models.add_group(structures, name=f"trajectories of job {job.id}")
    below = models_of_job(session, job)
    hidden = covers(session).cover(group, [model for model in below if model not in structures])
    for structure in structures:
        mark_trajectory(session, structure, job.folder)
    steps = opened[0][1]
    session.logger.info(
        f"#{group.id_string} shows steps {steps[0]} to {steps[-1]} of {len(structures)} replicas of ADP-3D job {job.id}"
        f" as {len(steps)} coordinate sets.{hidden_sentence(hidden)}"
    )
    if slider and session.ui.is_gui and len(steps) > 1:
        show_slider(session, structures)
    return structures


def _structure(
    session: Session, job: Job, stored: Trajectory, replica: int, max_frames: int | None
) -> tuple[AtomicStructure, tuple[int, ...]]:
    """Model with the frames of a replica, not opened yet, and their steps."""
    from chimerax.geometry import Place

    steps, frames = _frames(stored, replica, max_frames)
    structure = build_backbone(session, _layout(session, job, frames.shape[1]), _name(job, replica))
    structure.add_coordsets(frames.reshape(len(frames), -1, 3).astype(np.float64))
    structure.active_coordset_id = len(frames)
    structure.position = job.prepared.frame_to_scene or Place()
    structure.atoms.displays = False
    structure.residues.ribbon_displays = True
    return structure, steps


def show_slider(session: Session, structures: list[AtomicStructure]) -> None:
    """Show ChimeraX's slider of coordinate sets; it leaves secondary structure to `playing`."""
    from chimerax.std_commands.coordset import coordset_slider

    coordset_slider(session, structures)


def read_frames(path: Path, replica: int, max_frames: int | None = None) -> tuple[tuple[int, ...], NDArray[np.float32]]:
    """Steps and coordinates (frame, N, 4, 3), in angstrom, that a job has stored of a replica.

    Raises
    ------
    chimerax.core.errors.UserError
        If there are none.
    """
    return _frames(_stored(path), replica, max_frames)


def _frames(
    trajectory: Trajectory, replica: int, max_frames: int | None
) -> tuple[tuple[int, ...], NDArray[np.float32]]:
    """Steps and coordinates of one replica, thinned out evenly."""
    from chimerax.core.errors import UserError

    if replica not in trajectory.replicas:
        numbers = ", ".join(str(number + 1) for number in trajectory.replicas)
        raise UserError(f"No frames of replica {replica + 1} are stored; there are frames of replicas {numbers}.")
    steps, frames = trajectory.of_replica(replica)
    if max_frames is not None and max_frames < len(steps):
        kept = np.unique(np.linspace(len(steps) - 1, 0, max(max_frames, 1)).round().astype(int))
        steps, frames = tuple(steps[i] for i in kept), frames[kept]
    return steps, frames


def _stored(path: Path) -> Trajectory:
    """What a job has stored of its replicas."""
    from chimerax.core.errors import UserError

    from ..engine.contract.errors import InputError
    from ..engine.contract.trajectory_format import read_trajectory

    if not path.is_file():
        raise UserError(
            f"No trajectory is stored in '{path.parent}': the job has just begun, its folder was moved, or it was "
            "started with a trajectory interval of 0."
        )
    try:
        stored = read_trajectory(path)
    except InputError as error:
        raise UserError(str(error)) from error
    if not stored.replicas:
        raise UserError(
            f"The job of '{path.parent}' has stored no frames yet; the first ones come with its first steps."
        )
    return stored


def _layout(session: Session, job: Job, n_residues: int) -> Layout:
    """Residues of the frames: as the engine told, or as the files of a finished job have them."""
    from chimerax.core.errors import UserError

    if job.layout is None:
        job.layout = layout_of(session, job.folder / _ENSEMBLE_FILE)
    layout = shown_layout(job)
    if layout.n_residues != n_residues:
        raise UserError(
            f"The trajectory in '{job.folder}' has {n_residues} residues, the job {layout.n_residues}; "
            "the folder was used for another job."
        )
    assert layout.coordinates.shape[1] == ATOMS_PER_RESIDUE
    return layout


def _name(job: Job, replica: int) -> str:
    return f"trajectory of job {job.id}, replica {replica + 1}"
