"""The command ``dock``: where a model lies in a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..compression import plain_name
from ..contract.settings import rows
from ..contract.specification import RefineSpec
from ..contract.wording import in_flags
from . import options as opt
from .output_paths import OverwriteFile, new_file
from .session import Session

__all__ = ["register"]

_ROWS = {row.name: row for row in rows(RefineSpec)}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: adp3d dock map.mrc prediction.cif --resolution 3.2 -o docked.cif")(dock)


def dock(
    ctx: typer.Context,
    map: Annotated[Path, typer.Argument(metavar="MAP", help="Density map, MRC or CCP4.", show_default=False)],
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model, mmCIF or PDB.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="mmCIF or PDB file. Default: MODEL with _docked in its name.",
        ),
    ] = None,
    resolution: opt.Resolution = None,
    pae: opt.Pae = None,
    device: opt.Device = "auto",
    overwrite: OverwriteFile = False,
    debug: opt.Debug = False,
) -> None:
    """Place a model in a map: as a whole, by its chains, or by their domains, wherever it is now.

    Tells how far each place stands out from the others. What is not found stays where it is; if nothing is found,
    nothing is written and the exit code is 2.
    """
    ctx.ensure_object(Session).debug |= debug
    name = plain_name(model)
    final = output or Path(f"{Path(name).stem}_docked{Path(name).suffix or '.cif'}")
    new_file(final, overwrite)
    for setting, value in (("resolution", resolution), ("device", device)):
        _ROWS[setting].setting.domain.check(setting, value)
    from ..pipeline.dock import dock_files  # heavy

    dock_files(map, model, final, resolution, device, pae, lambda text: typer.echo(in_flags(text)))
    typer.echo(f"Written to {final}.")
