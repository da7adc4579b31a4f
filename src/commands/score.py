"""``adp3d score``: energies that a prior gives to open models, of the whole, by residue or of an interface."""

from __future__ import annotations

import csv
import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract.domains import Flag, Optional, Text
from ..engine.contract.settings import OUTPUT, Row, Setting, rows
from ..engine.contract.specs.score import ScoreSettings
from .keywords import RUN_ROWS, TIMEOUT, annotated, by_name, takes

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart
    from ..handover.scoreboard import ScoreRow
    from ..handover.scoring import ScoreInput

__all__ = ["adp3d_score", "score_desc"]

_SETTINGS = rows(ScoreSettings)
_SHOWN = (
    Row("color", Setting(Flag(), "Color residues by what they add to the energy.", OUTPUT), True),
    Row(
        "key",
        Setting(Optional(Flag(), "true, but false in nogui mode"), "Show a color key.", OUTPUT),
        None,
    ),
    Row("save", Setting(Text(), "CSV file for the energies of models.", OUTPUT), None),
)
_ROWS = (*_SETTINGS, *_SHOWN, *(row for row in RUN_ROWS if row.name == "wait"), TIMEOUT)
_LONG = 3600.0
"""Seconds that scoring may take by default if the command waits for it."""
_TOOL = "ADP-3D Scores"


@takes(_ROWS)
def adp3d_score(session: Session, structures: list[ModelPart], return_json: bool = False, **given: Any) -> Any:
    """Score models by the energy that a prior has learned: -log p, in nats, lower for likelier structures.

    Parameters
    ----------
    session : Session
    structures : list of ModelPart
        Of a part of a model, only the residues named are looked at.
    return_json : bool
        Set by ChimeraX's remote control: return a `JSONResult`.
    **given
        Settings of scoring; ``reference`` is an open model. ``color``, ``key`` and ``save`` say what is shown and
        written. ``wait``: finish before the next command, by default without a window; ``timeout``: how many seconds
        to wait then.

    Returns
    -------
    dict or None
        ``models``, a row for each with what its residues add, and ``lines``; None if the command does not wait.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    from ..engine.contract import messages
    from ..handover.scoring import prepare_scoring
    from ..handover.staging import discard
    from ..jobs.manager import job_manager

    values = by_name(_ROWS, given)
    named = {row.name for row in _SETTINGS}
    made = prepare_scoring(structures, {name: value for name, value in values.items() if name in named})
    manager = job_manager(session)
    wait = values.get("wait")
    if wait is None:
        wait = not session.ui.is_gui
    if not wait:
        session.logger.status(f"ADP-3D scores {made.name} ...", log=True)
        manager.begin_check(
            made.spec, lambda report, problem: _later(session, made, values, report, problem), messages.Score
        )
        return None
    try:
        report = manager.check(made.spec, values.get("timeout") or _LONG, messages.Score)
    finally:
        discard(made.staging)
    _finish(session, made, values, report)
    if return_json:
        import json

        from chimerax.core.commands import JSONResult

        return JSONResult(json.dumps(report), report)
    return report


def _finish(session: Session, made: ScoreInput, values: dict[str, Any], report: dict[str, Any]) -> None:
    """Show and tell the energies."""
    from chimerax.core.commands import run

    from ..handover.colouring import show_colour_key
    from ..handover.scoreboard import scoreboard
    from ..handover.scoring import apply_scores, colour_by_energy

    scored, notes = apply_scores(session, made, report)
    for line in (*report["lines"], *notes):
        session.logger.info(str(line))
    if not scored:
        return
    interface = values.get("interface")
    if values.get("color", True) and any(part.residues for part in scored):
        scale = colour_by_energy(session, scored, interface is not None)
        key = values.get("key")
        if session.ui.is_gui if key is None else key:
            show_colour_key(session, scale)
    board = scoreboard(session)
    board.show(scored, "Energy (nats)" if interface is None else f"Energy of interface {interface} (nats)")
    if values.get("save"):
        _save(Path(values["save"]).expanduser(), board.rows)
    session.logger.info(_table(board.rows, board.title), is_html=True)
    if session.ui.is_gui and len(board.rows) > 1:
        run(session, f'ui tool show "{_TOOL}"', log=False)


def _later(
    session: Session, made: ScoreInput, values: dict[str, Any], report: dict[str, Any] | None, problem: str
) -> None:
    """Take an answer that no command waits for."""
    from chimerax.core.errors import UserError

    from ..handover.staging import discard
    from ..jobs.device_queue import QUESTION_STOPPED

    discard(made.staging)
    if report is None and problem == QUESTION_STOPPED:
        session.logger.status(f"Scoring of {made.name} was stopped.", log=True)
        return
    try:
        if report is None:
            raise UserError(problem)
        _finish(session, made, values, report)
    except UserError as error:
        session.logger.error(str(error))
    else:
        session.logger.status(f"ADP-3D has scored {made.name}.")


def _columns(listed: Sequence[ScoreRow]) -> dict[str, list[str]]:
    """What a table of scores shows; columns that say nothing are left out."""
    columns = {
        "model": [row.specifier for row in listed],
        "name": [row.name for row in listed],
        "group": [str(row.group) for row in listed],
        "residues": [str(row.residues) for row in listed],
        "energy": [f"{row.energy:.1f}" for row in listed],
        "above lowest": [f"{row.above_lowest:.1f}" for row in listed],
        "standard error": ["" if row.standard_error is None else f"{row.standard_error:.1f}" for row in listed],
        "CA RMSD": ["" if row.ca_rmsd is None else f"{row.ca_rmsd:.2f}" for row in listed],
    }
    if len({row.group for row in listed}) == 1:
        del columns["group"]
    return {name: cells for name, cells in columns.items() if any(cells)}


def _table(listed: Sequence[ScoreRow], title: str) -> str:
    """Energies, the lowest of each group first."""
    ordered = sorted(listed, key=lambda row: (row.group, row.energy))
    columns = _columns(ordered)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    lines = zip(*columns.values(), strict=True)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in lines)
    return f'<p>{html.escape(title)}</p><table border="1" cellpadding="3"><tr>{head}</tr>{body}</table>'


def _save(path: Path, listed: Sequence[ScoreRow]) -> None:
    from ..handover.replacing import replace_file

    columns = _columns(listed)

    def write(partial: Path) -> None:
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))

    replace_file(path, write)


def score_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc, SaveFileNameArg

    from .arguments import ModelPartsArg

    return CmdDesc(
        required=[("structures", ModelPartsArg)],
        keyword=[(name, SaveFileNameArg if name == "save" else one) for name, one in annotated(_ROWS)],
        synopsis="Score models by the energy that a diffusion model has learned",
    )
