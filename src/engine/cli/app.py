"""All commands together, and what errors become on the way out: one sentence and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from .. import __version__
from ..contract.errors import InputError
from ..contract.wording import in_flags
from ..job.execute import Pipeline, advice_for, load_pipeline
from . import batch, check, dock, install, jobs, relax, report, score, segments, tools
from .options import Debug
from .session import Session
from .terminal import say_error

__all__ = ["app", "run"]

app = typer.Typer(
    name="adp3d",
    help="Complete and refine protein models in cryo-EM maps with a diffusion prior.",
    epilog="Start with 'adp3d demo'. Each job is a folder; 'adp3d resume FOLDER' goes on with a stopped one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
jobs.register(app)
batch.register(app)
check.register(app)
dock.register(app)
relax.register(app)
segments.register(app)
report.register(app)
score.register(app)
install.register(app)
tools.register(app)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"adp3d {__version__}")
        raise typer.Exit()


@app.callback()
def _common(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Debug = False,
) -> None:
    ctx.ensure_object(Session).debug |= debug


def run(arguments: Sequence[str] | None = None, load: Callable[[str], Pipeline] = load_pipeline) -> int:
    """Run one command and return its exit code.

    0: done; 1: the program failed; 2: the input cannot be used (one sentence says why); 130: stopped by
    the user.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those the program was started with.
    load : callable
        Gives the pipeline for a kind of job.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    session = Session(load=load)
    try:
        app(args=given, prog_name="adp3d", obj=session)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except InputError as error:
        _show_traceback(session)
        say_error(in_flags(str(error)))
        return 2
    except Exception as error:
        _show_traceback(session)
        text, advice = advice_for(error)
        hint = "" if session.debug else " The option --debug shows where it happened."
        say_error(in_flags(f"{text} {advice}".rstrip()) + hint)
        return 1
    return 0


def _show_traceback(session: Session) -> None:
    if session.debug:
        traceback.print_exc()
