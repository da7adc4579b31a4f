"""``adp3d refine``: complete and refine a model in a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.contract.kinds import REFINE
from ..engine.contract.specification import specification_of
from .keywords import annotated, job_rows, takes
from .model_job import run_model_job

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["adp3d_refine", "refine_desc"]

_SPECIFICATION = specification_of(REFINE.name)


@takes(job_rows(_SPECIFICATION))
def adp3d_refine(session: Session, model: ModelPart, **given: Any) -> Job:
    """Complete and refine a model in a cryo-EM map. Model and map stay as they are.

    Parameters
    ----------
    session : Session
    model : ModelPart
        Starting model, placed in the map; or the chains or residues of it to work on. Chains named in part have
        the residues named built anew.
    **given
        ``in_map`` is the map (a Volume) as it is now: edits, shown region. What there is beside it, the help of the
        command tells; it is what the table of settings has, and what stands in `keywords`.

    Returns
    -------
    Job
        The job; its ``status()`` tells everything.
    """
    return run_model_job(session, _SPECIFICATION, model, given)


def refine_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc

    from .arguments import ModelPartArg

    return CmdDesc(
        required=[("model", ModelPartArg)],
        keyword=annotated(job_rows(_SPECIFICATION)),
        required_arguments=["in_map"],
        synopsis="Complete and refine a protein model in a cryo-EM map",
    )
