"""``adp3d tug``: pulls a residue of a running job towards a place, until it is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..live.steering import let_go, tug_residue

if TYPE_CHECKING:
    from chimerax.atomic import Residues
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["adp3d_tug", "tug_desc"]

_OFF = "off"


def adp3d_tug(
    session: Session, residues: Residues | str, toward: list[float] | None = None, job: int | None = None
) -> Job:
    """Pull one residue; ``adp3d tug off`` lets it go.

    Parameters
    ----------
    session : Session
    residues : Residues or str
        One residue of the job's own model or of its live model, or ``off``.
    toward : list of float, length 3, optional
        Place in the scene, in angstrom.
    job : int, optional
        By default the one that runs.
    """
    from chimerax.core.errors import UserError

    if isinstance(residues, str):
        if toward is not None:
            raise UserError("'adp3d tug off' lets a residue go; it takes no place.")
        return let_go(session, job)
    if toward is None:
        raise UserError("Say where to tug the residue: 'toward x,y,z', a place in the scene in angstrom.")
    return tug_residue(session, residues, toward, job)


def tug_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.atomic import ResiduesArg
    from chimerax.core.commands import CmdDesc, EnumOf, FloatArg, ListOf, Or, PositiveIntArg

    return CmdDesc(
        required=[("residues", Or(EnumOf([_OFF]), ResiduesArg))],
        keyword=[("toward", ListOf(FloatArg, min_size=3, max_size=3)), ("job", PositiveIntArg)],
        synopsis="Pull a residue of a running job of ADP-3D towards a place",
    )
