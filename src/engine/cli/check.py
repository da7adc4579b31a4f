"""The command ``check``: what a job would find and cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from ..contract.errors import InputError
from ..contract.settings import rows
from ..contract.specification import CompleteSpec, RefineSpec
from ..contract.wording import in_flags
from . import options as opt
from .console import plain_console
from .session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: adp3d check map.mrc model.cif -s protein.fasta")(check)


def check(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="[MAP] MODEL", help="Map and model, or the model alone.", show_default=False),
    ],
    validate: Annotated[
        bool,
        typer.Option(
            "--validate",
            help="Validate the model itself, in the map if there is one: contacts, side chains, backbone, Q-scores.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    debug: opt.Debug = False,
    **given: Any,
) -> None:
    """Examine the input of a job in a map, or of one without, and run nothing; nothing is written.

    Tells how the model fits its sequence and the map, what is missing, and how much memory and time the job
    would take. The exit code is 2 if the job could not run, or would run in vain. With --validate no job is examined,
    but what there is of the model.
    """
    ctx.ensure_object(Session).debug |= debug
    if len(files) > 2:
        raise InputError("Give a map and a model, or a model alone.")
    specification = RefineSpec if len(files) == 2 else CompleteSpec
    own = {row.name for row in rows(specification)}
    settings: dict[str, Any] = {}
    for row in _ROWS:
        value = opt.written(row.setting.domain, given[row.name])
        if row.name in own:
            settings[row.name] = value
        elif value != row.default:
            raise InputError(f"{row.flags[0]} concerns a map; give the map before the model, or leave it out.")
    places = sorted((row for row in rows(specification) if row.setting.argument), key=lambda row: row.setting.argument)
    settings |= {row.name: str(path) for row, path in zip(places, files, strict=True)}
    if validate:
        _validate(settings, as_json)
        return
    spec = specification(output="unused", **settings)
    from ..pipeline.check import check as examine  # heavy

    report = examine(spec)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(report)
    if not report["ok"]:
        raise typer.Exit(2)


def _validate(settings: dict[str, Any], as_json: bool) -> None:
    for row in _ROWS:
        if row.name not in _VALIDATING and settings.get(row.name, row.default) != row.default:
            raise InputError(f"{row.flags[0]} concerns a job, not the model as it is; leave it or --validate out.")
    from ..pipeline.validate import validate_files  # heavy

    report = validate_files(**{name: settings[name] for name in _VALIDATING if name in settings})
    if as_json:
        typer.echo(json.dumps({name: value for name, value in report.items() if name != "lines"}, indent=2))
    else:
        _show(report)


def _show(report: dict[str, Any]) -> None:
    console = plain_console()
    for line in report["lines"]:
        style = "red" if line.startswith("Problem:") else "yellow" if line.startswith("Advice:") else ""
        console.print(Text(in_flags(line), style=style), soft_wrap=True)


_VALIDATING = ("model", "map", "resolution", "half_maps", "confidence")
"""Settings that say something of the model and the map themselves."""

_ROWS = tuple(row for row in rows(RefineSpec) if row.checked and not row.setting.argument)
opt.with_parameters(check, opt.parameters(_ROWS))
