"""Commands that compute: complete, refine, distances, resume, demo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..compression import plain_name
from ..contract.kinds import KINDS
from ..contract.settings import rows
from ..contract.specification import CommonSpec, Spec, specifications
from ..job.folder import JobFolder
from . import options as opt
from .running import free_folder, run_job, show_summary, watch
from .session import Session

__all__ = ["register"]

_DEMO = {"replicas": 4, "steps": 40, "seed": 0, "device": "auto"}
"""Settings of the demo and their defaults there: it is to end within minutes on a laptop."""

_OUTPUT = "output"
"""The setting that the command line makes up if it is not given."""


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for specification in specifications():
        kind = KINDS[specification.kind]
        app.command(kind.name, help=kind.help, epilog=f"Example: {kind.example}")(_job_command(specification))
    app.command(epilog="Example: adp3d resume model_refine")(resume)
    app.command(epilog="Example: adp3d demo -o demo")(demo)


def _job_command(specification: type[Spec]) -> Callable[..., None]:
    """Command that runs a kind of job; its options are the settings."""
    table = {row.name: row for row in rows(specification)}
    source = max(
        (name for name in table if table[name].setting.argument), key=lambda name: table[name].setting.argument
    )

    def command(
        ctx: typer.Context,
        output: opt.Output = None,
        overwrite: opt.Overwrite = False,
        debug: opt.Debug = False,
        **given: Any,
    ) -> None:
        folder = str(output) if output is not None else _folder(given[source], specification.kind, overwrite)
        settings = {name: opt.written(table[name].setting.domain, value) for name, value in given.items()}
        _start(ctx, specification(output=folder, **settings), overwrite, debug)

    opt.with_parameters(command, opt.parameters(row for name, row in table.items() if name != _OUTPUT))
    return command


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
        job = job.on(device)
    if job.finished and not restart:
        typer.echo("This job is finished; --restart computes it again.")
        show_summary(job.read_metrics() or {}, job.outputs())
        return
    if restart:
        with job.lock():
            job.restart()
    run_job(session, job)


def demo(
    ctx: typer.Context,
    output: opt.Output = None,
    debug: opt.Debug = False,
    **given: Any,
) -> None:
    """Complete and refine the bundled example: a real cryo-EM map and its model made incomplete."""
    _session(ctx, debug)
    from ..pipeline.demo import run_demo  # heavy

    folder = Path(str(output) if output is not None else free_folder("adp3d_demo"))
    metrics = watch(lambda events, control: run_demo(folder, **given, events=events, control=control), folder)
    show_summary(metrics, JobFolder.open(folder).outputs())


def _start(ctx: typer.Context, spec: Spec, overwrite: bool, debug: bool) -> None:
    session = _session(ctx, debug)
    job = JobFolder.create(spec, overwrite=overwrite)
    run_job(session, job)


def _session(ctx: typer.Context, debug: bool) -> Session:
    session = ctx.ensure_object(Session)
    session.debug |= debug
    return session


def _folder(source: Path, kind: str, overwrite: bool) -> str:
    stem = plain_name(source).rsplit(".", 1)[0] or "job"
    return free_folder(f"{stem}_{kind}", overwrite=overwrite)


opt.with_parameters(
    demo,
    opt.parameters(replace(row, default=_DEMO[row.name]) for row in rows(CommonSpec) if row.name in _DEMO),
)
