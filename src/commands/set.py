"""``adp3d set``: changes settings of a running job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.contract.settings import Row, rows
from ..engine.contract.specification import specification_of, specifications
from .keywords import annotated, by_name, takes

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_set", "set_desc"]


def _steerable() -> tuple[Row, ...]:
    """Rows of the settings that a job of some kind takes while it runs."""
    found = {row.name: row for kind in specifications() for row in rows(kind) if row.setting.steerable}
    return tuple(found.values())


@takes(_steerable())
def adp3d_set(session: Session, job: int | None = None, **given: Any) -> Job:
    """Change settings of a job while it runs.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the one that runs.
    **given
        Settings that can be steered, such as ``density_weight``.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager

    manager = job_manager(session)
    manager.pump()
    chosen = manager.get(job)
    table = {row.name: row for row in _steerable()}
    values = by_name(table.values(), given)
    if not values:
        example = next(iter(table.values())).keyword
        raise UserError(f"Say what to set, for instance 'adp3d set {example} 2'.")
    own = {row.name for row in rows(specification_of(chosen.kind))}
    for name in values:
        if name not in own:
            raise UserError(f"ADP-3D job {chosen.id} has no '{table[name].keyword}': it is of kind {chosen.kind}.")
    for name, value in values.items():
        chosen.set_weight(name, value)
        session.logger.info(f"ADP-3D job {chosen.id}: {table[name].keyword} is {value:g} now.")
    return chosen


def set_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc, PositiveIntArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=annotated(_steerable()),
        synopsis="Change settings of a running job of ADP-3D",
    )
