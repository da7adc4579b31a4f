"""The command ``relax``: a model with side chains to the nearest minimum of a force field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..compression import plain_name
from ..contract.domains import Residues
from ..contract.errors import InputError
from ..contract.settings import rows
from ..contract.specification import RefineSpec
from ..contract.validation_figures import labelled
from ..contract.wording import in_flags
from ..job.events import Control, Stopped, reword_messages
from . import options as opt
from .console import plain_console
from .output_paths import OverwriteFile, new_file
from .running import stop_on_interrupt
from .session import Session
from .terminal import terminal_events

__all__ = ["register"]

_ROWS = {row.name: row for row in rows(RefineSpec)}

_SHOWN = labelled(
    "clashscore", "bond_rmsz", "angle_rmsz", "ramachandran_favoured_percent", "rotamer_outliers_percent", "cc_mask",
    "q_score",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: adp3d relax model.cif --map map.mrc --resolution 3.2 -o relaxed.cif")(relax)


def relax(
    ctx: typer.Context,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Model with side chains, mmCIF or PDB.", show_default=False)
    ],
    map: Annotated[
        Path | None, typer.Option("--map", metavar="MAP", help="Density map that holds the atoms, MRC or CCP4.")
    ] = None,
    resolution: opt.Resolution = None,
    residues: Annotated[
        str | None,
        typer.Option(
            "--residues",
            metavar="A:12-40,...",
            help="Residues that may move: numbers, ranges, or whole chains. Default: all of the protein.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="mmCIF or PDB file. Default: MODEL with _relaxed in its name."
        ),
    ] = None,
    overwrite: OverwriteFile = False,
    debug: opt.Debug = False,
) -> None:
    """Relax a model with a force field: contacts, bonds and angles, in its map or near where it is (needs OpenMM).

    Ligands, nucleic acids, waters and residues that the force field does not know stay where they are, and nothing
    moves into them. Nothing but coordinates is changed.
    """
    ctx.ensure_object(Session).debug |= debug
    name = plain_name(model)
    final = output or Path(f"{Path(name).stem}_relaxed{Path(name).suffix or '.cif'}")
    new_file(final, overwrite)
    if map is None and resolution is not None:
        raise InputError("--resolution concerns a map; give one with --map, or leave it out.")
    _ROWS["resolution"].setting.domain.check("resolution", resolution)
    chosen = () if residues is None else Residues().check("residues", tuple(r.strip() for r in residues.split(",")))
    from ..pipeline.relaxation import relax_files  # heavy

    console = plain_console(stderr=True)
    control = Control()
    try:
        with stop_on_interrupt(control), terminal_events(console) as events:
            told = reword_messages(events, in_flags)
            figures = relax_files(model, final, map, resolution, chosen, told, control)
    except (Stopped, KeyboardInterrupt):
        console.print("Stopped; nothing was written.")
        raise typer.Exit(130) from None
    _show(figures)
    typer.echo(f"Written to {final}.")


def _show(figures: Mapping[str, Any]) -> None:
    table = Table("", "before", "after", box=None, pad_edge=False)
    for name, title in _SHOWN.items():
        pair = [figures[when].get(name) for when in ("before", "after")]
        if None not in pair:
            table.add_row(title, *(f"{value:.4g}" for value in pair))
    plain_console().print(table)
