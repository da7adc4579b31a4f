"""``adp3d check``: what would become of a job, without running it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.contract.kinds import COMPLETE, REFINE
from ..engine.contract.settings import rows
from ..engine.contract.specification import specification_of
from ..handover.record import Handover
from .keywords import MAP_ROWS, TIMEOUT, VALIDATE, VALIDATING, annotated, argument, by_name, check_rows, job_rows, takes

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart
    from ..jobs.state import PreparedJob

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
        As in ``adp3d refine``; without ``in_map`` the check is that of ``adp3d complete``. ``validate``: validate the
        model as it is instead. ``timeout`` is how many seconds to wait for the answer.

    Returns
    -------
    dict
        The report: ``ok``, ``problems``, ``advice``, ``lines`` and figures. In the window, while the engine is being
        installed, ``ok`` is None, and the log has the report when that has ended. Of a validation: ``figures`` of the
        model, ``residues``, ``clashes`` and ``register``, as ``adp3d check --validate --json`` gives them.
    """
    from ..handover.staging import discard
    from ..jobs.manager import job_manager

    if given.get("validate"):
        return _answer(_validate(session, model, given), return_json)
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
    return _answer(report, return_json)


def _answer(report: dict[str, Any], return_json: bool) -> Any:
    if return_json:
        import json

        from chimerax.core.commands import JSONResult

        return JSONResult(json.dumps(report), report)
    return report


def _validate(session: Session, part: ModelPart, given: Mapping[str, Any]) -> dict[str, Any]:
    """Validate the model as it is."""
    from chimerax.core.errors import UserError

    from ..handover.staging import discard
    from .validation import run_validation, validation_page

    allowed = {*VALIDATING, VALIDATE.name, TIMEOUT.name, *(row.name for row in MAP_ROWS)}
    for row in check_rows(_IN_MAP):
        if given.get(argument(row)) is not None and row.name not in allowed:
            raise UserError(
                f"'{row.keyword}' concerns a job, not the model as it is; leave it or '{VALIDATE.keyword}' out."
            )
    if not part.whole:
        raise UserError(f"The whole of a model is validated; name #{part.model.id_string}, not '{part.name}'.")
    prepared, staging, notes = _prepare(session, part, given)
    try:
        report = run_validation(session, prepared.spec, given.get("timeout") or TIMEOUT.default)
    finally:
        discard(staging)
    for note in notes:
        session.logger.info(note)
    chains = {theirs: mine for mine, theirs in Handover.of(prepared.extra).chain_names.items()}
    session.logger.info(validation_page(part.model, report, chains), is_html=True)
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
    prepared, staging, notes = _prepare(session, model, given)
    return prepared.spec, staging, notes


def _prepare(session: Session, model: ModelPart, given: Mapping[str, Any]) -> tuple[PreparedJob, Path, list[str]]:
    """The job that is checked, the temporary folder of its inputs, and notes."""
    from chimerax.core.errors import UserError

    from ..handover.prepare import prepare_model_job
    from ..handover.staging import discard, new_staging_folder

    listed = check_rows(_IN_MAP)
    values = by_name(listed, given)
    specification = _IN_MAP if "map" in values else _WITHOUT
    known = {row.name for row in job_rows(specification)} | {VALIDATE.name, TIMEOUT.name}
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
    return prepared, Path(Handover.of(prepared.extra).staging), notes


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
