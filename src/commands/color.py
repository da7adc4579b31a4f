"""``adp3d color``: colours of a job's live model by confidence or by fit to the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

__all__ = ["adp3d_color", "color_desc"]


def adp3d_color(session: Session, by: str, job: int | None = None, key: bool = False) -> None:
    """Colour the best replica of a job, now and as its values change.

    Parameters
    ----------
    session : Session
    by : str
        ``confidence``, ``fit``, or ``none`` to leave colours alone.
    job : int, optional
        By default the running job, else the latest.
    key : bool
        Show a colour key.
    """
    from chimerax.core.errors import UserError

    from ..jobs.manager import job_manager
    from ..live.models import live_models

    chosen = job_manager(session).get(job)
    live = live_models(session)
    if live.open(chosen) is None:
        raise UserError(
            f"ADP-3D job {chosen.id} has no live models to colour; open its result with 'adp3d accept {chosen.id}'."
        )
    live.colour(chosen, by, key)


def color_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, EnumOf, PositiveIntArg

    from ..live.models import COLOURINGS

    return CmdDesc(
        required=[("by", EnumOf(COLOURINGS))],
        optional=[("job", PositiveIntArg)],
        keyword=[("key", BoolArg)],
        synopsis="Color the live model of an ADP-3D job by confidence or fit",
    )
