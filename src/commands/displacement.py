"""``adp3d displacement``: what a job moved, as arrows from its starting model to its result, or as a morph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.commands import CmdDesc
    from chimerax.core.models import Model
    from chimerax.core.session import Session

    from ..handover.pairing import Pairing
    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["adp3d_displacement", "displacement_desc"]

_FARTHEST = 3
"""Residues named of all that the two models have in common."""


def adp3d_displacement(
    session: Session,
    job: int | None = None,
    models: tuple[ModelPart, ModelPart] | None = None,
    arrows: bool = True,
    morph: bool = False,
    minimum: float = 0.5,
    scale: float = 1.0,
    key: bool | None = None,
    return_json: bool = False,
) -> Any:
    """Show and tell how far residues lie from where the starting model has them.

    Both are compared where they are in the scene; neither is moved. Arrows belong to the result: they are hidden and
    closed with it. Those that it had are replaced.

    Parameters
    ----------
    session : Session
    job : int, optional
        By default the latest that has a result.
    models : pair of ModelPart, optional
        Start and result, or parts of them, in place of those of a job.
    arrows : bool
        Draw an arrow from CA to CA.
    morph : bool
        Make a morph from one to the other, with ChimeraX's own command.
    minimum : float
        Angstrom; residues that moved by less have no arrow.
    scale : float
        Factor on the lengths of arrows.
    key : bool, optional
        Show a colour key of the arrows; by default where there is a window.
    return_json : bool
        Set by ChimeraX's remote control: return a `JSONResult`.

    Returns
    -------
    dict
        ``start``, ``result``, ``residues``, ``rmsd``, ``median``, ``largest``, ``farthest`` (pairs of residue and
        way), ``domains`` (of a job, as in its ``metrics.json``), ``arrows`` and ``morph`` (specifiers or None).
    """
    from chimerax.core.errors import UserError

    from ..handover import pairing
    from ..handover.part import ModelPart

    if models is not None and job is not None:
        raise UserError("Give either a job or two models, not both.")
    domains: list[dict[str, Any]] = []
    if models is None:
        chosen = _finished_job(session, job)
        start, result = (ModelPart(model) for model in _models_of(session, chosen))
        domains = (chosen.result_metrics.get("displacement") or {}).get("domains", [])
    else:
        start, result = models
    pairs = pairing.pair_traces(pairing.read_traces(start), pairing.read_traces(result))
    if not len(pairs.first):
        raise UserError(f"{start.name} and {result.name} have no protein chain in common; name models of one protein.")
    ways = np.linalg.norm(pairs.second - pairs.first, axis=1)
    order = np.argsort(-ways, kind="stable")[:_FARTHEST]
    report: dict[str, Any] = {
        "start": start.name,
        "result": result.name,
        "residues": len(ways),
        "rmsd": float(np.sqrt(np.square(ways).mean())),
        "median": float(np.median(ways)),
        "largest": float(ways.max()),
        "farthest": [[pairs.residues[row], float(ways[row])] for row in order],
        "domains": domains,
    }
    drawn = _draw(session, result.model, pairs, ways, (minimum, scale), key) if arrows else None
    report["arrows"] = None if drawn is None else f"#{drawn.id_string}"
    _tell(session, report, minimum if arrows else None, drawn)
    made = _morph(session, start.model, result.model) if morph else None
    report["morph"] = None if made is None else f"#{made.id_string}"
    if return_json:
        import json

        from chimerax.core.commands import JSONResult

        return JSONResult(json.dumps(report), report)
    return report


def _finished_job(session: Session, number: int | None) -> Job:
    """The job of that number, or the latest with a result."""
    from chimerax.core.errors import UserError

    from ..engine.contract.kinds import KINDS
    from ..jobs.manager import job_manager

    manager = job_manager(session)
    with_result = [one for one in manager.jobs if one.result is not None and KINDS[one.kind].needs_model]
    if number is None and with_result:
        return with_result[-1]
    job = manager.get(number)
    if not KINDS[job.kind].needs_model:
        raise UserError(f"ADP-3D job {job.id} did not start from a model, so nothing of a model has moved.")
    if job.result is None:
        raise UserError(f"ADP-3D job {job.id} has no result yet; give the command again when it has finished.")
    return job


def _models_of(session: Session, job: Job) -> tuple[AtomicStructure, AtomicStructure]:
    """Starting model and result of a job; the result is opened if it is not."""
    from chimerax.core.errors import UserError

    from ..handover.accept import is_accepted
    from ..handover.results import open_result

    if job.model is None:
        raise UserError(
            f"The model that ADP-3D job {job.id} started from is closed; open it again and name it and the result: "
            "'adp3d displacement models #start #result'."
        )
    if is_accepted(job, job.model):
        raise UserError(
            f"#{job.model.id_string} has the result of ADP-3D job {job.id} already, so it does not show the start any "
            "more; 'undo', or open the starting model again and name both with 'models'."
        )
    return job.model, open_result(session, job)


def _draw(
    session: Session,
    model: AtomicStructure,
    pairs: Pairing,
    ways: np.ndarray,
    limits: tuple[float, float],
    key: bool | None,
) -> Model | None:
    """Put arrows below a model, in place of those that it has; None if nothing moved that far."""
    from ..handover.colouring import show_colour_key
    from ..live.arrows import arrows_below, displacement_scale, new_arrows

    minimum, scale = limits
    session.models.close(arrows_below(model))
    moved = (ways >= minimum) & (ways > 0)
    if not moved.any():
        return None
    colours = displacement_scale(float(ways.max()))
    inside = model.scene_position.inverse()
    starts = np.array(inside * pairs.first[moved])
    ends = starts + scale * (np.array(inside * pairs.second[moved]) - starts)
    arrows = new_arrows(session, starts, ends, colours.rgba(ways[moved]))
    session.models.add([arrows], parent=model)
    if session.ui.is_gui if key is None else key:
        show_colour_key(session, colours)
    return arrows


def _morph(session: Session, start: AtomicStructure, result: AtomicStructure) -> Model:
    """Model that ChimeraX's own command makes of copies; start and result are hidden until it is closed."""
    from chimerax.core.commands import run

    from ..live.cover import covers, hidden_sentence

    before = set(session.models.list())
    play = "" if session.ui.is_gui else " play false"
    run(session, f"morph #{start.id_string},{result.id_string} hideModels false{play}")
    made: Model = next(model for model in session.models.list() if model not in before)
    hidden = covers(session).cover(made, [start, result])
    session.logger.info(
        f"#{made.id_string} goes from #{start.id_string} to #{result.id_string}.{hidden_sentence(hidden)}"
    )
    return made


def _tell(session: Session, report: dict[str, Any], minimum: float | None, arrows: Model | None) -> None:
    from ..engine.contract.motions import motion_sentences

    far = ", ".join(f"{residue} {way:.1f} \u00c5" for residue, way in report["farthest"])
    lines = [
        f"From {report['start']} to {report['result']}: {report['residues']} residues in common, CA RMSD "
        f"{report['rmsd']:.2f} \u00c5, median {report['median']:.2f} \u00c5; moved most: {far}."
    ]
    lines += motion_sentences(report["domains"])
    if arrows is not None:
        lines.append(f"#{arrows.id_string} has arrows for residues that moved by {minimum:g} \u00c5 or more.")
    elif minimum is not None:
        lines.append(f"No residue moved by {minimum:g} \u00c5 or more, so there are no arrows.")
    for line in lines:
        session.logger.info(line)


def displacement_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import BoolArg, CmdDesc, NonNegativeFloatArg, PositiveFloatArg, PositiveIntArg

    from .arguments import ModelPairArg

    return CmdDesc(
        optional=[("job", PositiveIntArg)],
        keyword=[
            ("models", ModelPairArg),
            ("arrows", BoolArg),
            ("morph", BoolArg),
            ("minimum", NonNegativeFloatArg),
            ("scale", PositiveFloatArg),
            ("key", BoolArg),
        ],
        synopsis="Show what moved from a starting model to a result",
    )
