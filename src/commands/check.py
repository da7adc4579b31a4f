"""``adp3d check``: what would become of a job, without running it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract.kinds import COMPLETE, REFINE
from ..engine.contract.settings import rows
from ..engine.contract.specification import specification_of
from .keywords import MAP_ROWS, TIMEOUT, annotated, by_name, check_rows, job_rows, takes

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart

__all__ = ["adp3d_check", "check_desc", "prepare_check"]

_IN_MAP, _WITHOUT = specification_of(REFINE.name), specification_of(COMPLETE.name)


@takes(check_rows(_IN_MAP), optional=True)
def adp3d_check(session: Session, model: ModelPart, return_json: bool = False, **given: Any) -> Any:
    """Check model, sequence and map of a job; estimate time and memory. Nothing is changed or kept.

    Parameters
    ----------
    session : Session
    model : ModelPart
        As in ``adp3d refine``.
    return_json : bool
        Set by ChimeraX's remote control: return a `JSONResult`.
    **given
        As in ``adp3d refine``; without ``in_map`` the check is that of ``adp3d complete``. ``timeout`` is how many
        seconds to wait for the answer.

    Returns
    -------
    dict
        The report: ``ok``, ``problems``, ``advice``, ``lines`` and figures. In the window, while the engine is being
        installed, ``ok`` is None, and the log has the report when that has ended.
    """
    from ..handover.staging import discard
    from ..jobs.manager import job_manager

    spec, staging, notes = prepare_check(session, model, given)
    manager = job_manager(session)
    if manager.waits_for_installation() and session.ui.is_gui:
        report = _check_later(session, spec, staging)
    else:
        try:
            report = manager.check(spec, given.get("timeout") or TIMEOUT.default)
        finally:
            discard(staging)
    for note in notes:
        session.logger.info(note)
    _tell(session, report)
    if return_json:
        import json

        from chimerax.core.commands import JSONResult

        return JSONResult(json.dumps(report), report)
    return report


def prepare_check(
    session: Session, model: ModelPart, given: Mapping[str, Any]
) -> tuple[dict[str, Any], Path, list[str]]:
    """Specification for a check, the temporary folder of its inputs (to be discarded), and notes.

    Parameters
    ----------
    session : Session
    model : ModelPart
    given : mapping
        Keywords that were given.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    from chimerax.core.errors import UserError

    from ..handover.prepare import prepare_model_job
    from ..handover.record import Handover
    from ..handover.staging import discard, new_staging_folder

    listed = check_rows(_IN_MAP)
    values = by_name(listed, given)
    specification = _IN_MAP if "map" in values else _WITHOUT
    known = {row.name for row in job_rows(specification)} | {TIMEOUT.name}
    for row in listed:
        if row.name in values and row.name not in known:
            raise UserError(f"'{row.keyword}' concerns a map; name the map with 'inMap', or leave it out.")
    output = new_staging_folder()
    try:
        prepared, notes = prepare_model_job(
            session,
            specification,
            model,
            {row.name: values[row.name] for row in rows(specification) if row.name in values},
            lambda _: "",
            **{row.name: values.get(row.name, row.default) for row in MAP_ROWS},
            folder=str(output),
            live=False,
        )
    finally:
        discard(output)  # the check makes no job folder
    return prepared.spec, Path(Handover.of(prepared.extra).staging), notes


def _check_later(session: Session, spec: dict[str, Any], staging: Path) -> dict[str, Any]:
    """Check once the engine is installed; nothing is held up."""
    from ..handover.staging import discard
    from ..jobs.manager import job_manager

    def done(report: dict[str, Any] | None, problem: str) -> None:
        discard(staging)
        if report is None:
            session.logger.warning(problem)
        else:
            _tell(session, report)

    job_manager(session).begin_check(spec, done)
    waits = "The check waits for the installation of the engine; its report will be in the log."
    return {"ok": None, "problems": [], "advice": [], "lines": [waits]}


def _tell(session: Session, report: dict[str, Any]) -> None:
    logger = session.logger
    for line in report.get("lines", ()):
        logger.info(str(line))
    for problem in report.get("problems", ()):
        logger.warning(str(problem))
    for advice in report.get("advice", ()):
        logger.info(str(advice))


def check_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc

    from .arguments import ModelPartArg

    return CmdDesc(
        required=[("model", ModelPartArg)],
        keyword=annotated(check_rows(_IN_MAP)),
        synopsis="Check the input of an ADP-3D job and estimate time and memory",
    )
