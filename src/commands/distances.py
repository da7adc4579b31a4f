"""``adp3d distances``: fold a sequence from distances between residues."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.commands import CmdDesc
    from chimerax.core.session import Session

    from ..handover.part import ModelPart
    from ..jobs.job import Job

__all__ = ["adp3d_distances", "distances_desc"]


def adp3d_distances(
    session: Session,
    sequence: str,
    restraints: str,
    replicas: int | None = None,
    steps: int | None = None,
    prior: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    update: str | None = None,
    b_factors: str | None = None,
    trajectory_interval: int | None = None,
    reference: ModelPart | None = None,
    folder: str | None = None,
    live: bool | None = None,
    open_result: bool = True,
    wait: bool | None = None,
) -> Job:
    """Fold a sequence from measured distances.

    Parameters
    ----------
    session : Session
    sequence : str
        Specifier of a model or chain whose sequence is folded, a file, an alignment sequence, or letters.
    restraints : str
        Restraint file: CSV, NMR-STAR, NEF or XPLOR table.
    replicas, steps, prior, seed, device, update, b_factors, trajectory_interval : optional
        As the engine takes them.
    reference, folder, live, open_result, wait : optional
        As in ``adp3d refine``.

    Returns
    -------
    Job
        The job; its ``status()`` tells everything.
    """
    from ..handover.prepare import prepare_distances_job
    from .submit import command_text, engine_options, shown_live, submit

    settings = dict(locals())
    names = (
        "restraints",
        "replicas",
        "steps",
        "prior",
        "seed",
        "device",
        "update",
        "b_factors",
        "trajectory_interval",
        "reference",
    )
    command = command_text("distances", sequence, [(name, settings[name]) for name in names])
    prepared = prepare_distances_job(
        session,
        sequence,
        restraints,
        engine_options(settings),
        command,
        reference=reference,
        folder=folder,
        live=shown_live(session, live),
        open_result=open_result,
    )
    return submit(session, prepared, (), wait)


def distances_desc() -> CmdDesc:
    """How the command is written."""
    from chimerax.core.commands import CmdDesc, OpenFileNameArg

    from .arguments import ModelPartArg, SequenceArg, run_keywords

    return CmdDesc(
        required=[("sequence", SequenceArg)],
        keyword=[("restraints", OpenFileNameArg), ("reference", ModelPartArg), *run_keywords()],
        required_arguments=["restraints"],
        synopsis="Fold a protein sequence from distances between residues",
    )
