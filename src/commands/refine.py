"""``adp3d refine``: complete and refine a model in a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.atomic import Residues
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session
    from chimerax.map import Volume

    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["adp3d_refine", "refine_desc"]


def adp3d_refine(
    session: Session,
    model: ModelPart,
    in_map: Volume,
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
    update: str | None = None,
    b_factors: str | None = None,
    trajectory_interval: int | None = None,
    map_region: str | None = None,
    map_step: int | None = None,
    reference: ModelPart | None = None,
    folder: str | None = None,
    live: bool | None = None,
    open_result: bool = True,
    wait: bool | None = None,
) -> Job:
    """Complete and refine a model in a cryo-EM map. Model and map stay as they are.

    Parameters
    ----------
    session : Session
    model : ModelPart
        Starting model, placed in the map; or the chains or residues of it to work on. Chains named in part have
        the residues named built anew.
    in_map : Volume
        As it is now: edits, shown region.
    half_maps : two Volumes, optional
        For the noise of each resolution shell.
    sequence : str, optional
        File, chain specifier, alignment sequence or letters; by default what the model's chains record.
    chains : sequence of str, optional
        Chains to work on.
    resolution : float, optional
        In angstrom; by default estimated.
    density_weight : float, optional
        Factor on the density's log-likelihood.
    keep : Residues, optional
        Residues that stay exactly where they are.
    confidence : str, optional
        What the B-factor column of the model says.
    keep_types : bool, optional
        Keep residues whose type differs from the sequence; by default they get the sequence's.
    replicas, steps, prior, seed, device, update, b_factors, trajectory_interval : optional
        As the engine takes them.
    map_region : str, optional
        ``shown`` (default), ``all`` or a named region.
    map_step : int, optional
        Sampling step of the map.
    reference : ModelPart, optional
        Known answer, for figures of merit only.
    folder : str, optional
        New folder for the job.
    live : bool, optional
        Show the model while it is computed; by default with the GUI.
    open_result : bool
        Open the result as a new model at the end.
    wait : bool, optional
        Return when the job has ended; by default without a GUI.

    Returns
    -------
    Job
        The job; its ``status()`` tells everything.
    """
    from ..handover.prepare import MapChoice, ModelChoice, prepare_model_job
    from .submit import command_text, engine_options, shown_live, submit

    settings = dict(locals())
    written = [(name, settings[name]) for name, _ in _written_keywords()]
    prepared, notes = prepare_model_job(
        session,
        ModelChoice(model, sequence, chains, keep, confidence or "none", reference, bool(keep_types)),
        MapChoice(
            in_map,
            half_maps,
            resolution,
            1.0 if density_weight is None else density_weight,
            map_region or "shown",
            map_step,
        ),
        engine_options(settings),
        lambda work: command_text("refine", work.spec, written),
        folder=folder,
        live=shown_live(session, live),
        open_result=open_result,
    )
    return submit(session, prepared, notes, wait)


def _written_keywords() -> list[tuple[str, object]]:
    """Keywords that say what is computed; how it is shown is not part of the equivalent command."""
    from .arguments import map_keywords, model_keywords, run_keywords

    shown = ("folder", "live", "open_result", "wait")
    return [item for item in (*map_keywords(), *model_keywords(), *run_keywords()) if item[0] not in shown]


def refine_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc

    from .arguments import ModelPartArg, map_keywords, model_keywords, run_keywords

    return CmdDesc(
        required=[("model", ModelPartArg)],
        keyword=[*map_keywords(), *model_keywords(), *run_keywords()],
        required_arguments=["in_map"],
        synopsis="Complete and refine a protein model in a cryo-EM map",
    )
