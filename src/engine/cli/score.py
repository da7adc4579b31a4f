"""The command ``score``: energies that a prior gives to models."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..contract.errors import InputError
from ..contract.settings import OUTPUT, rows
from ..contract.specs.score import ScoreSettings
from ..job.memory import Estimate
from . import options as opt
from .console import plain_console
from .output_paths import OverwriteTables, new_tables
from .session import Session

__all__ = ["register"]

_ROWS = rows(ScoreSettings)
_LONG = 20.0
"""Seconds that a user is told of beforehand."""
_FORMS = {"energy": ".1f", "above_lowest": ".1f", "standard_error": ".1f", "per_residue": ".3f", "ca_rmsd": ".2f"}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    opt.with_parameters(score, opt.parameters(_ROWS))
    app.command(epilog="Example: adp3d score decoys/*.pdb --reference native.cif -o scores")(score)


def score(
    ctx: typer.Context,
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL...", help="Models, mmCIF or PDB, with one or many in a file.")
    ],
    per_residue: Annotated[
        bool,
        typer.Option(
            "--per-residue", help="Write what each residue adds, which needs --output.", rich_help_panel=OUTPUT
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for tables and pictures.", rich_help_panel=OUTPUT
        ),
    ] = None,
    overwrite: OverwriteTables = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.", rich_help_panel=OUTPUT)] = False,
    debug: opt.Debug = False,
    **given: Any,
) -> None:
    """Score models by the energy that a diffusion model has learned: -log p, in nats, lower for likelier structures.

    Only energies of the same residues can be compared; models of other molecules form groups of their own. The
    sequence is part of what is judged, side chains are not.
    """
    ctx.ensure_object(Session).debug |= debug
    if per_residue and output is None:
        raise InputError("--per-residue needs a folder to write to; give one with --output.")
    settings = ScoreSettings(**{row.name: opt.written(row.setting.domain, given[row.name]) for row in _ROWS})
    from ..pipeline.score import read_models, score_with  # heavy
    from ..pipeline.score_report import FILES, remarks, rows_of, settings_of, write_scores
    from ..pipeline.unfinished_scores import UNFINISHED, UnfinishedScores

    read = [model for path, name in zip(models, _names(models), strict=True) for model in read_models(path, name)]
    unfinished = None
    if output is not None:
        unfinished = UnfinishedScores(new_tables(output, FILES, overwrite) / UNFINISHED)
    console = plain_console(stderr=True)
    with console.status(f"{len(read)} models ...") as status:

        def told(done: int, total: int) -> None:
            status.update(f"{done} of {total} models ...")

        def announced(estimate: Estimate, count: int) -> None:
            if estimate.seconds > _LONG:
                console.print(estimate.sentence(count, "models"))

        try:
            scores = score_with(read, settings, told, unfinished, announced)
        except KeyboardInterrupt:
            goes_on = "" if unfinished is None else f" The same command goes on from here ({len(unfinished)} kept)."
            console.print(f"Stopped.{goes_on}")
            raise typer.Exit(130) from None
    found = rows_of(scores)
    if as_json:
        import json

        typer.echo(json.dumps({"settings": settings_of(settings), "models": found}, indent=2))
    else:
        _show(found, settings.interface)
    for line in remarks(scores, settings.reference is not None):
        console.print(line)
    if output is not None:
        for path in write_scores(output, scores, settings_of(settings), per_residue):
            console.print(f"Written: {path}")
    if unfinished is not None:
        unfinished.done()


def _show(found: list[dict[str, Any]], interface: str | None) -> None:
    columns = [name for name in found[0] if any(row[name] is not None for row in found)]
    if len({row["group"] for row in found}) == 1:
        columns.remove("group")
    if all(row["compared"] in (None, row["residues"]) for row in found) and "compared" in columns:
        columns.remove("compared")
    title = None if interface is None else f"Interface {interface}"
    table = Table(*(name.replace("_", " ") for name in columns), box=None, pad_edge=False, title=title)
    for row in sorted(found, key=lambda row: (row["group"], row["energy"])):
        table.add_row(*(_text(name, row[name]) for name in columns))
    plain_console().print(table)


def _names(paths: list[Path]) -> list[str]:
    """What to call files: by their names, and by their paths where two have one name."""
    several = {name for name, count in Counter(path.name for path in dict.fromkeys(paths)).items() if count > 1}
    return [str(path) if path.name in several else path.name for path in paths]


def _text(name: str, value: Any) -> str:
    return "" if value is None else format(value, _FORMS.get(name, ""))
