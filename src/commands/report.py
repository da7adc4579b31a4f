"""``adp3d report``: one page of everything that is known of a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

__all__ = ["adp3d_report", "report_desc"]


def adp3d_report(session: Session, job: int | None = None, save: str | None = None, show: bool | None = None) -> Path:
    """Make one HTML page of a finished job: figures, stretches, pictures, settings, versions, methods, citations.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the latest that has a result.
    save : str, optional
        HTML file; by default ``report.html`` in the folder of the job, where it is made anew each time.
    show : bool, optional
        Open the page in ChimeraX's browser; by default where there is a window.

    Returns
    -------
    Path
        The page.
    """
    from chimerax.core.commands import quote_path_if_necessary, run
    from chimerax.core.errors import UserError

    from ..engine.contract.errors import InputError
    from ..engine.contract.folder_state import REPORT
    from ..engine.contract.report_page import read_report_input, report_page
    from ..handover.replacing import replace_file
    from .finished import finished_job

    chosen = finished_job(session, job)
    path = chosen.folder / REPORT if save is None else Path(save).expanduser()
    try:
        page = report_page(read_report_input(chosen.folder))
    except InputError as error:
        raise UserError(f"There can be no report of ADP-3D job {chosen.id}: {error}") from error
    replace_file(path, lambda partial: partial.write_text(page, encoding="utf-8"))
    session.logger.info(f"The report of ADP-3D job {chosen.id} is in '{path}'.")
    if session.ui.is_gui if show is None else show:
        run(session, f"open {quote_path_if_necessary(str(path.resolve()))}", log=False)
    return path


def report_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, PositiveIntArg, SaveFileNameArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=[("save", SaveFileNameArg), ("show", BoolArg)],
        synopsis="Make one page of everything that is known of an ADP-3D job",
    )
