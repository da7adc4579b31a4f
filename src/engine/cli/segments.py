"""The command ``segments``: what a job rebuilt, moved or left in doubt, stretch by stretch."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..contract.errors import InputError
from ..contract.segments import COLUMNS, Segment, columns_shown, summary
from ..contract.settings import OUTPUT
from ..job.folder import JobFolder
from . import options as opt
from .console import plain_console
from .session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: adp3d segments model_refine")(segments)


def segments(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="JOB", help="Job folder.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.", rich_help_panel=OUTPUT)] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print a table of values separated by commas.", rich_help_panel=OUTPUT)
    ] = False,
    debug: opt.Debug = False,
) -> None:
    """List the stretches that a job rebuilt, moved or left in doubt, those with most trouble first."""
    ctx.ensure_object(Session).debug |= debug
    if as_json and as_csv:
        raise InputError("Give either --json or --csv, not both.")
    found = JobFolder.open(folder).read_segments()
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(column.name for column in COLUMNS)
        writer.writerows([column.text(one) for column in COLUMNS] for one in found)
    else:
        _show(found)


def _show(found: Sequence[Segment]) -> None:
    console = plain_console()
    shown = columns_shown(found)
    if found:
        table = Table("#", box=None, pad_edge=False)
        for column in shown:
            text = all(isinstance(column.value(one), str) for one in found)
            table.add_column(column.heading, justify="left" if text else "right", no_wrap=True)
        for number, one in enumerate(found, 1):
            table.add_row(str(number), *(column.text(one) for column in shown))
        wide = plain_console(width=10_000).measure(table).maximum  # a narrow terminal wraps lines, but no figure is cut
        plain_console(width=max(console.width, wide)).print(table)
        for number, one in enumerate(found, 1):
            if one.reasons:
                console.print(f"{number}: {one.name}: {', '.join(one.reasons)}.", soft_wrap=True, highlight=False)
    console.print(summary(found), soft_wrap=True, highlight=False)
