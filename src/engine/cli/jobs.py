"""Commands that compute: complete, refine, distances, resume, demo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..compression import plain_name
from ..pipeline.job import JobFolder
from ..pipeline.runtime import tune_process
from ..specification import CommonSpec, CompleteSpec, DistancesSpec, RefineSpec, Spec
from . import options as opt
from .running import free_folder, run_job, show_summary, watch
from .session import Session

__all__ = ["register"]

_DEFAULT = CommonSpec


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: adp3d complete fragments.cif --sequence protein.fasta --confidence modelangelo")(
        complete
    )
    app.command(epilog="Example: adp3d refine map.mrc model.cif -s protein.fasta --half-maps half1.mrc half2.mrc")(
        refine
    )
    app.command(epilog="Example: adp3d distances restraints.csv --sequence MKTAYIAKQR... -o fold")(distances)
    app.command(epilog="Example: adp3d resume model_refine")(resume)
    app.command(epilog="Example: adp3d demo -o demo")(demo)


def complete(
    ctx: typer.Context,
    model: opt.Model,
    sequence: opt.SequenceGiven = None,
    chains: opt.Chains = None,
    confidence: opt.Confidence = CompleteSpec.confidence,
    keep: opt.Keep = None,
    reference: opt.Reference = None,
    replicas: opt.Replicas = _DEFAULT.replicas,
    steps: opt.Steps = _DEFAULT.steps,
    seed: opt.Seed = _DEFAULT.seed,
    device: opt.Device = _DEFAULT.device,
    prior: opt.Prior = _DEFAULT.prior,
    update: opt.Update = _DEFAULT.update,
    output: opt.Output = None,
    overwrite: opt.Overwrite = False,
    trajectory: opt.Trajectory = _DEFAULT.trajectory_interval,
    debug: opt.Debug = False,
) -> None:
    """Complete a partial model, without a map: missing residues are built, known ones kept."""
    spec = CompleteSpec(
        output=_folder(output, model, "complete", overwrite),
        model=str(model),
        sequence=sequence,
        chains=opt.names(chains),
        confidence=confidence,
        keep=opt.names(keep),
        reference=_path(reference),
        replicas=replicas,
        steps=steps,
        seed=seed,
        device=device,
        prior=prior,
        update=update,
        trajectory_interval=trajectory,
    )
    _start(ctx, spec, overwrite, debug)


def refine(
    ctx: typer.Context,
    map_file: Annotated[
        Path,
        typer.Argument(metavar="MAP", help="Density map: MRC or CCP4, may be compressed.", show_default=False),
    ],
    model: opt.Model,
    sequence: opt.SequenceGiven = None,
    half_maps: opt.HalfMaps = None,
    resolution: opt.Resolution = None,
    density_weight: Annotated[
        float, typer.Option(help="Factor on the weight of the density; 1 trusts the estimated noise.")
    ] = RefineSpec.density_weight,
    chains: opt.Chains = None,
    confidence: opt.Confidence = RefineSpec.confidence,
    keep: opt.Keep = None,
    reference: opt.Reference = None,
    replicas: opt.Replicas = _DEFAULT.replicas,
    steps: opt.Steps = _DEFAULT.steps,
    seed: opt.Seed = _DEFAULT.seed,
    device: opt.Device = _DEFAULT.device,
    prior: opt.Prior = _DEFAULT.prior,
    update: opt.Update = _DEFAULT.update,
    output: opt.Output = None,
    overwrite: opt.Overwrite = False,
    trajectory: opt.Trajectory = _DEFAULT.trajectory_interval,
    debug: opt.Debug = False,
) -> None:
    """Complete and refine a model in a cryo-EM map; the model must lie in the map already."""
    spec = RefineSpec(
        output=_folder(output, model, "refine", overwrite),
        map=str(map_file),
        model=str(model),
        half_maps=None if half_maps is None else (str(half_maps[0]), str(half_maps[1])),
        sequence=sequence,
        chains=opt.names(chains),
        confidence=confidence,
        keep=opt.names(keep),
        resolution=resolution,
        density_weight=density_weight,
        reference=_path(reference),
        replicas=replicas,
        steps=steps,
        seed=seed,
        device=device,
        prior=prior,
        update=update,
        trajectory_interval=trajectory,
    )
    _start(ctx, spec, overwrite, debug)


def distances(
    ctx: typer.Context,
    restraints: Annotated[
        Path,
        typer.Argument(
            metavar="RESTRAINTS",
            help="Distances: CSV of residue pairs, NMR-STAR, NEF or XPLOR table.",
            show_default=False,
        ),
    ],
    sequence: opt.SequenceNeeded,
    reference: opt.Reference = None,
    replicas: opt.Replicas = _DEFAULT.replicas,
    steps: opt.Steps = _DEFAULT.steps,
    seed: opt.Seed = _DEFAULT.seed,
    device: opt.Device = _DEFAULT.device,
    prior: opt.Prior = _DEFAULT.prior,
    update: opt.Update = _DEFAULT.update,
    output: opt.Output = None,
    overwrite: opt.Overwrite = False,
    trajectory: opt.Trajectory = _DEFAULT.trajectory_interval,
    debug: opt.Debug = False,
) -> None:
    """Fold a sequence from distances between residues or atoms."""
    spec = DistancesSpec(
        output=_folder(output, restraints, "distances", overwrite),
        restraints=str(restraints),
        sequence=sequence,
        reference=_path(reference),
        replicas=replicas,
        steps=steps,
        seed=seed,
        device=device,
        prior=prior,
        update=update,
        trajectory_interval=trajectory,
    )
    _start(ctx, spec, overwrite, debug)


def resume(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="JOB", help="Job folder.", show_default=False)],
    restart: Annotated[
        bool, typer.Option("--restart", help="Start from the beginning, with the same inputs and settings.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option("--device", "-d", metavar="NAME", help="Compute on another device than before."),
    ] = None,
    debug: opt.Debug = False,
) -> None:
    """Go on with a stopped job from its last checkpoint."""
    session = _session(ctx, debug)
    job = JobFolder.open(folder)
    if device is not None:
        job = JobFolder(job.path, replace(job.spec, device=device))
    if job.finished and not restart:
        typer.echo("This job is finished; --restart computes it again.")
        show_summary(job.read_metrics() or {}, job.outputs())
        return
    tune_process()
    if restart:
        with job.lock():
            job.restart()
    run_job(session, job)


def demo(
    ctx: typer.Context,
    replicas: opt.Replicas = 4,
    steps: opt.Steps = 100,
    seed: opt.Seed = _DEFAULT.seed,
    device: opt.Device = _DEFAULT.device,
    output: opt.Output = None,
    debug: opt.Debug = False,
) -> None:
    """Complete and refine the bundled example: a real cryo-EM map and its model made incomplete."""
    _session(ctx, debug)
    tune_process()
    from ..pipeline.demo import run_demo  # heavy

    folder = Path(str(output) if output is not None else free_folder("adp3d_demo"))
    metrics = watch(lambda events, control: run_demo(folder, replicas, steps, seed, device, events, control), folder)
    show_summary(metrics, JobFolder.open(folder).outputs())


def _start(ctx: typer.Context, spec: Spec, overwrite: bool, debug: bool) -> None:
    session = _session(ctx, debug)
    tune_process()
    job = JobFolder.create(spec, overwrite=overwrite)
    run_job(session, job)


def _session(ctx: typer.Context, debug: bool) -> Session:
    session = ctx.ensure_object(Session)
    session.debug |= debug
    return session


def _folder(output: Path | None, source: Path, kind: str, overwrite: bool) -> str:
    if output is not None:
        return str(output)
    stem = plain_name(source).rsplit(".", 1)[0] or "job"
    return free_folder(f"{stem}_{kind}", overwrite=overwrite)


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)
