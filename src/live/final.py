"""What live models show of a finished job: final coordinates, and confidence as colours and attributes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..handover.attributes import set_residue_values
from ..handover.results import result_model
from .backbone import residue_rows
from .result import read_result

if TYPE_CHECKING:
    from chimerax.core.session import Session

    from ..jobs.job import Job
    from .view import JobView

__all__ = ["final_replicas", "show_result"]


def show_result(session: Session, job: Job, view: JobView) -> None:
    """Move the live models to the result; the best one is hidden if the result is open as a model of its own."""
    read = final_replicas(session, job)
    if read is None or job.layout is None:
        return
    replicas, view.confidence = read
    view.move(replicas, 0)
    view.find_secondary_structure()
    view.rename_finished()
    if not view.best.deleted:
        residues, rows = residue_rows(view.best, len(view.confidence))
        set_residue_values(session, residues, rows, view.confidence, job.latest("residue_fit"))
        if result_model(session, job) is not None:
            view.best.display = False


def final_replicas(session: Session, job: Job) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Replicas, best first, and confidence from the job's files; None, and a warning, if they cannot be used."""
    from chimerax.core.errors import UserError

    if job.result is None or job.layout is None:
        return None
    ensemble = job.paths.get("ensemble")
    try:
        return read_result(session, job.layout, job.result, Path(ensemble) if ensemble else None)
    except UserError as error:
        session.logger.warning(f"The models of ADP-3D job {job.id} do not show its result: {error}")
        return None
