"""``adp3d batch``: many jobs from a table, on the cores and cards of this computer or of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ..batch.clusters import Scheduler, connected, is_place
from ..batch.drive import Entry, run_batch, survey
from ..batch.standing import Standing, jobs_of_folder
from ..batch.summary import PICTURE, TABLE, write_summary
from ..batch.table import BatchRow, read_table
from ..contract.errors import InputError
from ..contract.kinds import KINDS
from ..contract.settings import OUTPUT
from ..contract.wording import in_flags
from ..job.events import Control
from ..job.storage import storage_errors
from . import options as opt
from .console import plain_console
from .running import stop_on_interrupt
from .session import Session

__all__ = ["register"]

_CLUSTER = "Cluster"
_SLURM = "SLURM"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: adp3d batch jobs.csv --workers 2")(batch)


def batch(
    ctx: typer.Context,
    jobs: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE|FOLDER",
            help="CSV table with one job a line, whose columns are settings by their names; or a folder of job "
            "folders, which are brought to their end.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", metavar="KIND", help=f"Kind of the jobs without a column 'kind'. Values: {', '.join(KINDS)}."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for the job folders. Default: named after the table.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Compute all jobs anew, also finished ones.", rich_help_panel=OUTPUT),
    ] = False,
    scheduler: Annotated[
        str,
        typer.Option(
            "--scheduler",
            metavar="PLACE",
            help="'local' (workers on this computer), 'slurm', or the address of a dask scheduler, tcp://HOST:PORT.",
            rich_help_panel=_CLUSTER,
        ),
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            "-w",
            min=1,
            metavar="N",
            help="Jobs that run at a time. Default: one for each graphics card, else for each core; 1 with SLURM.",
            rich_help_panel=_CLUSTER,
        ),
    ] = None,
    workers_per_job: Annotated[
        int,
        typer.Option(
            "--workers-per-job",
            min=1,
            metavar="N",
            help="Workers that share the replicas of one job while no other job waits for them. Default: each job "
            "has one.",
            show_default=False,
            rich_help_panel=_CLUSTER,
        ),
    ] = 1,
    retries: Annotated[
        int,
        typer.Option(
            "--retries",
            min=0,
            metavar="N",
            help="Further attempts at a job that breaks off without having come further.",
            rich_help_panel=_CLUSTER,
        ),
    ] = 2,
    cores: Annotated[
        int, typer.Option("--cores", min=1, metavar="N", help="Cores of each job.", rich_help_panel=_SLURM)
    ] = 4,
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="Memory of each job.", rich_help_panel=_SLURM)
    ] = "16GB",
    walltime: Annotated[
        str,
        typer.Option(
            "--walltime",
            metavar="HH:MM:SS",
            help="Time after which SLURM ends a worker; its job goes on in the next one.",
            rich_help_panel=_SLURM,
        ),
    ] = "12:00:00",
    gpus: Annotated[
        int,
        typer.Option("--gpus", min=0, metavar="N", help="Graphics cards of each job.", rich_help_panel=_SLURM),
    ] = 0,
    partition: Annotated[
        str | None, typer.Option("--partition", metavar="NAME", help="Partition.", rich_help_panel=_SLURM)
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="Account.", rich_help_panel=_SLURM)
    ] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option(
            "--sbatch", metavar="OPTION", help="Further option of sbatch; may be repeated.", rich_help_panel=_SLURM
        ),
    ] = None,
    debug: opt.Debug = False,
) -> None:
    """Run many jobs, several at a time; what is finished already is not run again.

    The exit code is 1 if a job failed.
    """
    ctx.ensure_object(Session).debug |= debug
    if not is_place(scheduler):
        raise InputError(f"--scheduler must be local, slurm, or an address such as tcp://host:8786, not '{scheduler}'.")
    place = Scheduler(scheduler, workers, cores, memory, walltime, partition, account, gpus, tuple(sbatch or ()))
    rows, folder = _rows(jobs, output, kind)
    entries = survey(rows, overwrite=overwrite)
    console = plain_console(stderr=True)

    def say(text: str) -> None:
        console.print(Text(in_flags(text)), soft_wrap=True)

    _tell_plan(entries, say)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    control = Control()
    if any(entry.state == "waiting" for entry in entries):
        on_cpu = all(entry.row.spec.device == "cpu" for entry in entries)
        with stop_on_interrupt(control), connected(place, folder, on_cpu) as (client, count):
            run_batch(
                client,
                entries,
                folder,
                say,
                retries=retries,
                overwrite=overwrite,
                workers=count,
                workers_per_job=workers_per_job,
                stopping=lambda: control.stop_requested,
            )
    typer.echo(write_summary(entries, folder))
    typer.echo(f"Table: {folder / TABLE}\nPicture: {folder / PICTURE}")
    if control.stop_requested:
        say("Stopped. The same command goes on with it.")
        raise typer.Exit(130)
    if any(entry.state == "failed" for entry in entries):
        raise typer.Exit(1)


def _rows(jobs: Path, output: Path | None, kind: str | None) -> tuple[list[BatchRow], Path]:
    """Jobs, and the folder of the batch."""
    if kind is not None and kind not in KINDS:
        raise InputError(f"--kind must be one of {', '.join(KINDS)}, not '{kind}'.")
    if jobs.is_dir():
        if output is not None:
            raise InputError("Jobs of a folder stay where they are: leave out --output.")
        return jobs_of_folder(jobs.absolute()), jobs.absolute()
    if not jobs.is_file():
        raise InputError(f"There is no table or folder '{jobs}'.")
    folder = (output if output is not None else Path(f"{jobs.stem}_batch")).absolute()
    return read_table(jobs.absolute(), folder, kind), folder


def _tell_plan(entries: Sequence[Entry], say: Callable[[str], None]) -> None:
    found = [entry.standing for entry in entries]
    parts = [f"{len(found)} jobs"]
    done, begun = found.count(Standing.FINISHED), found.count(Standing.UNFINISHED)
    parts += [f"{done} finished before"] if done else []
    parts += [f"{begun} go on from where they were"] if begun else []
    say(", ".join(parts) + ".")
