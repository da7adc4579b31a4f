"""``adp3d backmap``: all atoms for a trace, a backbone or an incomplete model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.contract.kinds import BACKMAP
from ..engine.contract.specification import specification_of
from .keywords import annotated, job_rows, takes
from .model_job import run_model_job

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["adp3d_backmap", "backmap_desc"]

_SPECIFICATION = specification_of(BACKMAP.name)


@takes(job_rows(_SPECIFICATION))
def adp3d_backmap(session: Session, model: ModelPart, **given: Any) -> Job:
    """Build all atoms of a CA trace, a backbone or an incomplete model. The model stays as it is.

    Parameters
    ----------
    session : Session
    model : ModelPart
        The model, or the chains of it to work on, or the residues whose side chains are built anew.
    **given
        As the table of settings has it, and `keywords`.

    Returns
    -------
    Job
        The job; its ``status()`` tells everything.
    """
    return run_model_job(session, _SPECIFICATION, model, given)


def backmap_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc

    from .arguments import ModelPartArg

    return CmdDesc(
        required=[("model", ModelPartArg)],
        keyword=annotated(job_rows(_SPECIFICATION)),
        synopsis="Build all atoms of a protein trace, backbone or incomplete model",
    )
