"""``adp3d distances``: fold a sequence from distances between residues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.contract.kinds import DISTANCES
from ..engine.contract.settings import rows
from ..engine.contract.specification import specification_of
from .keywords import RUN_ROWS, annotated, by_name, job_rows, takes, typed

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_distances", "distances_desc"]

_SPECIFICATION = specification_of(DISTANCES.name)


@takes(job_rows(_SPECIFICATION))
def adp3d_distances(session: Session, sequence: str, **given: Any) -> Job:
    """Fold a sequence from measured distances.

    Parameters
    ----------
    session : Session
    sequence : str
        Specifier of a model or chain whose sequence is folded, a file, an alignment sequence, or letters.
    **given
        ``restraints`` is the file of distances: CSV, NMR-STAR, NEF or XPLOR table. The rest is as the table of settings
        has it, and `keywords`.

    Returns
    -------
    Job
        The job; its ``status()`` tells everything.
    """
    from ..handover.prepare import prepare_distances_job
    from .submit import command_text, shown_live, submit

    listed = job_rows(_SPECIFICATION)
    values = by_name(listed, given)
    settings = {row.name: values[row.name] for row in rows(_SPECIFICATION) if row.name in values}
    folder = settings.pop("output", None)
    own = {row.name: values.get(row.name, row.default) for row in RUN_ROWS}
    prepared = prepare_distances_job(
        session,
        _SPECIFICATION,
        sequence,
        settings,
        command_text(_SPECIFICATION.kind, sequence, typed(listed, values)),
        folder=folder,
        live=shown_live(session, own["live"]),
        open_result=own["open_result"],
    )
    return submit(session, prepared, (), own["wait"])


def distances_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc

    from .arguments import SequenceArg

    return CmdDesc(
        required=[("sequence", SequenceArg)],
        keyword=annotated(job_rows(_SPECIFICATION)),
        required_arguments=["restraints"],
        synopsis="Fold a protein sequence from distances between residues",
    )
