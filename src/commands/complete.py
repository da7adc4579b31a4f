"""``adp3d complete``: build the missing parts of a model without a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.contract.kinds import COMPLETE
from ..engine.contract.specification import specification_of
from .keywords import annotated, job_rows, takes
from .model_job import run_model_job

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["adp3d_complete", "complete_desc"]

_SPECIFICATION = specification_of(COMPLETE.name)


@takes(job_rows(_SPECIFICATION))
def adp3d_complete(session: Session, model: ModelPart, **given: Any) -> Job:
    """Complete a partial model without a map. The model stays as it is.

    Parameters
    ----------
    session : Session
    model : ModelPart
        Incomplete model, or the chains or residues of it to work on, as in ``adp3d refine``.
    **given
        As the table of settings has it, and `keywords`.

    Returns
    -------
    Job
        The job; its ``status()`` tells everything.
    """
    return run_model_job(session, _SPECIFICATION, model, given)


def complete_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc

    from .arguments import ModelPartArg

    return CmdDesc(
        required=[("model", ModelPartArg)],
        keyword=annotated(job_rows(_SPECIFICATION)),
        synopsis="Complete a partial protein model without a map",
    )
