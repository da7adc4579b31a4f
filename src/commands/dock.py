"""``adp3d dock``: open models are placed in an open map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract.kinds import REFINE
from ..engine.contract.settings import rows
from ..engine.contract.specification import specification_of
from .keywords import MAP_ROWS, RUN_ROWS, TIMEOUT, annotated, by_name, takes

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.docking import DockInput

__all__ = ["adp3d_dock", "dock_desc"]

_SETTINGS = ("map", "resolution", "pae", "device")
_ROWS = (
    *(row for row in rows(specification_of(REFINE.name)) if row.name in _SETTINGS),
    *MAP_ROWS,
    *(row for row in RUN_ROWS if row.name == "wait"),
    TIMEOUT,
)
_LONG = 3600.0
"""Seconds that a search may take by default if the command waits for it."""


@takes(_ROWS)
def adp3d_dock(session: Session, structures: list[AtomicStructure], return_json: bool = False, **given: Any) -> Any:
    """Find where models lie in a map, and move their atoms there, as one step that ``undo`` takes back.

    Parameters
    ----------
    session : Session
    structures : list of AtomicStructure
    return_json : bool
        Set by ChimeraX's remote control: return a `JSONResult`.
    **given
        ``in_map`` and, if need be, ``resolution``, ``pae`` and ``device``, as in ``adp3d refine``; ``map_region`` and
        ``map_step`` likewise. ``wait``: finish before the next command, by default without a window; ``timeout``: how
        many seconds to wait then.

    Returns
    -------
    dict or None
        The engine's report: ``found``, ``lines`` and ``parts``; None if the models are moved later.

    Raises
    ------
    UserError
        If something cannot be used, or the models were not found; nothing is moved then.
    """
    from chimerax.core.errors import UserError

    from ..engine.contract import messages
    from ..handover.docking import prepare_docking
    from ..handover.session_values import Surroundings, value_for_engine
    from ..handover.staging import discard
    from ..jobs.manager import job_manager

    values = by_name(_ROWS, given)
    if "map" not in values:
        raise UserError("Name the map in which the models are to be placed with 'inMap', such as 'inMap #1'.")
    around = Surroundings(session, Path())  # no file is written for these
    settings = {
        row.name: value_for_engine(row, values[row.name], around)
        for row in _ROWS
        if row.name in _SETTINGS and row.name in values and row.name != "map"
    }
    regions = {row.name: values.get(row.name, row.default) for row in MAP_ROWS}
    made = prepare_docking(structures, values["map"], settings, **regions)
    for note in made.notes:
        session.logger.info(note)
    manager = job_manager(session)
    wait = values.get("wait")
    if wait is None:
        wait = not session.ui.is_gui
    if not wait:
        session.logger.status(f"ADP-3D searches for {made.name} in #{made.volume.id_string} ...", log=True)
        manager.begin_check(made.spec, lambda report, problem: _later(session, made, report, problem), messages.Dock)
        return None
    try:
        report = manager.check(made.spec, values.get("timeout") or _LONG, messages.Dock)
    finally:
        discard(made.staging)
    _finish(session, made, report)
    if return_json:
        import json

        from chimerax.core.commands import JSONResult

        told = {name: report[name] for name in ("found", "lines", "parts")}
        return JSONResult(json.dumps(told), told)
    return report


def _finish(session: Session, made: DockInput, report: dict[str, Any]) -> None:
    """Tell what was found, and move the models."""
    from chimerax.core.errors import UserError

    from ..handover.docking import apply_docking

    for line in report["lines"]:
        session.logger.info(str(line))
    if not report["found"]:
        raise UserError(
            f"{made.name} was not found in #{made.volume.id_string}, so nothing was moved: check that the map shows "
            "this protein, its hand and its voxel size."
        )
    apply_docking(session, made, report)


def _later(session: Session, made: DockInput, report: dict[str, Any] | None, problem: str) -> None:
    """Take the answer to a search that no command waits for."""
    from chimerax.core.errors import UserError

    from ..handover.staging import discard
    from ..jobs.device_queue import QUESTION_STOPPED

    discard(made.staging)
    if report is None and problem == QUESTION_STOPPED:
        session.logger.status(f"The search for {made.name} was stopped; nothing was moved.", log=True)
        return
    try:
        if report is None:
            raise UserError(problem)
        _finish(session, made, report)
    except UserError as error:
        session.logger.error(str(error))
    else:
        session.logger.status(f"ADP-3D has placed {made.name}.")


def dock_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc

    from .arguments import WholeModelsArg

    return CmdDesc(
        required=[("structures", WholeModelsArg)],
        keyword=annotated(_ROWS),
        required_arguments=["in_map"],
        synopsis="Find where models lie in a map",
    )
