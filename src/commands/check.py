"""``adp3d check``: what would become of a job, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chimerax.atomic import Residues
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session
    from chimerax.map import Volume

    from ..handover.part import ModelPart

__all__ = ["adp3d_check", "check_desc", "prepare_check"]


def adp3d_check(
    session: Session,
    model: ModelPart,
    in_map: Volume | None = None,
    half_maps: Sequence[Volume] | None = None,
    sequence: str | None = None,
    chains: Sequence[str] | None = None,
    resolution: float | None = None,
    density_weight: float | None = None,
    keep: Residues | None = None,
    confidence: str | None = None,
    keep_types: bool | None = None,
    replicas: int | None = None,
    steps: int | None = None,
    prior: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    map_region: str | None = None,
    map_step: int | None = None,
    timeout: float = 300.0,
    return_json: bool = False,
) -> Any:
    """Check model, sequence and map of a job; estimate time and memory. Nothing is changed or kept.

    Parameters
    ----------
    session : Session
    model : ModelPart
        As in ``adp3d refine``.
    in_map : Volume, optional
        Without a map the check is that of ``adp3d complete``.
    half_maps, sequence, chains, resolution, density_weight, keep, confidence, keep_types : optional
        As in ``adp3d refine``.
    replicas, steps, prior, seed, device, map_region, map_step : optional
        As in ``adp3d refine``.
    timeout : float
        Seconds to wait for the answer.
    return_json : bool
        Set by ChimeraX's remote control: return a `JSONResult`.

    Returns
    -------
    dict
        The report: ``ok``, ``problems``, ``advice``, ``lines`` and figures. In the window, while the engine is being
        installed, ``ok`` is None, and the log has the report when that has ended.
    """
    from ..handover.staging import discard
    from ..jobs.manager import job_manager

    settings = dict(locals())
    spec, staging, notes = prepare_check(session, settings)
    manager = job_manager(session)
    if manager.waits_for_installation() and session.ui.is_gui:
        report = _check_later(session, spec, staging)
    else:
        try:
            report = manager.check(spec, timeout)
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


def prepare_check(session: Session, settings: dict[str, Any]) -> tuple[dict[str, Any], Any, list[str]]:
    """Specification for a check, the temporary folder of its inputs (to be discarded), and notes.

    Parameters
    ----------
    session : Session
    settings : dict
        Arguments of `adp3d_check` by name; what is missing has its default.

    Raises
    ------
    UserError
        If something cannot be used.
    """
    from ..handover.prepare import MapChoice, ModelChoice, prepare_model_job
    from ..handover.record import Handover
    from ..handover.staging import discard, new_staging_folder
    from .submit import engine_options

    get = settings.get
    choice = ModelChoice(
        settings["model"],
        get("sequence"),
        get("chains"),
        get("keep"),
        get("confidence") or "none",
        keep_types=bool(get("keep_types")),
    )
    map_choice = None
    if get("in_map") is not None:
        weight = get("density_weight")
        map_choice = MapChoice(
            settings["in_map"],
            get("half_maps"),
            get("resolution"),
            1.0 if weight is None else weight,
            get("map_region") or "shown",
            get("map_step"),
        )
    output = new_staging_folder()
    try:
        prepared, notes = prepare_model_job(
            session, choice, map_choice, engine_options(settings), lambda _: "", folder=str(output), live=False
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
    from chimerax.core.commands import CmdDesc, PositiveFloatArg

    from .arguments import ModelPartArg, map_keywords, model_keywords, run_keywords

    left_out = ("reference", "update", "b_factors", "trajectory_interval", "folder", "live", "open_result", "wait")
    keywords = [*map_keywords(), *model_keywords(), *run_keywords()]
    return CmdDesc(
        required=[("model", ModelPartArg)],
        keyword=[*(item for item in keywords if item[0] not in left_out), ("timeout", PositiveFloatArg)],
        synopsis="Check the input of an ADP-3D job and estimate time and memory",
    )
