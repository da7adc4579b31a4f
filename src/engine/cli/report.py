"""The command ``report``: one page of everything that is known of a job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ..contract.report_page import read_report_input, report_page
from ..job.storage import write_text
from . import options as opt
from .output_paths import OverwriteFile, new_file
from .session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: adp3d report model_refine -o model_refine.html")(report)


def report(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="JOB", help="Job folder.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="HTML file. Default: the name of the folder and .html."),
    ] = None,
    overwrite: OverwriteFile = False,
    debug: opt.Debug = False,
) -> None:
    """Make one HTML page of a finished job: figures, stretches, pictures, settings, versions, methods and citations.

    The page holds everything itself and loads nothing; it can be sent on.
    """
    ctx.ensure_object(Session).debug |= debug
    given = Path(os.path.abspath(folder))
    path = new_file(output or Path(f"{given.name}.html"), overwrite, (".html", ".htm"))
    write_text(path, report_page(read_report_input(given)))
    typer.echo(f"Written to {path}.")
