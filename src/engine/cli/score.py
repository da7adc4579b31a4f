"""The command ``score``: energies that a prior gives to models."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ..contract.errors import InputError
from ..contract.settings import rows
from ..contract.specification import RefineSpec
from . import options as opt
from .session import Session

__all__ = ["register"]


class _Method(str, Enum):
    denoising = "denoising"
    flow = "flow"
    path = "path"


_ROWS = {row.name: row for row in rows(RefineSpec)}
_FORMS = {"energy": ".1f", "above_lowest": ".1f", "standard_error": ".1f", "per_residue": ".3f", "ca_rmsd": ".2f"}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: adp3d score decoys/*.pdb --reference native.cif -o scores")(score)


def score(
    ctx: typer.Context,
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL...", help="Models, mmCIF or PDB, with one or many in a file.")
    ],
    interface: Annotated[
        str | None,
        typer.Option(
            "--interface",
            metavar="A:B",
            help="Chains on either side of an interface, such as A:B or H,L:A: the energy of the complex less those of "
            "its two sides, placed as they are.",
        ),
    ] = None,
    per_residue: Annotated[
        bool, typer.Option("--per-residue", help="Write what each residue adds, which needs --output.")
    ] = False,
    method: Annotated[
        _Method,
        typer.Option(
            help="How the energy is computed: errors of denoising, the probability flow (with gradients), or paths."
        ),
    ] = _Method.denoising,
    reference: Annotated[
        Path | None, typer.Option("--reference", metavar="MODEL", help="Known answer, for CA RMSD and a funnel.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", "-n", help="Noise levels.", min=2, max=10_000)] = 40,
    draws: Annotated[
        int, typer.Option("--draws", help="Sets of noise, probes of the flow, or paths.", min=1, max=10_000)
    ] = 2,
    lowest: Annotated[
        float, typer.Option("--lowest", help="Diffusion time at which the integral ends.", min=0.0, max=0.9)
    ] = 0.05,
    prior: opt.Prior = "builtin",
    seed: Annotated[int, typer.Option("--seed", help="Of the noise: all models get the same.", min=0)] = 0,
    device: opt.Device = "auto",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for tables and pictures.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    debug: opt.Debug = False,
) -> None:
    """Score models by the energy that a diffusion model has learned: -log p, in nats, lower for likelier structures.

    Only energies of the same residues can be compared; models of other molecules form groups of their own. The
    sequence is part of what is judged, side chains are not.
    """
    ctx.ensure_object(Session).debug |= debug
    if per_residue and output is None:
        raise InputError("--per-residue needs a folder to write to; give one with --output.")
    _ROWS["device"].setting.domain.check("device", device)
    sides = None if interface is None else _sides(interface)
    from ..energy.structure import EnergySettings  # heavy
    from ..pipeline.score import read_models, score_models
    from ..pipeline.score_report import rows_of, write_scores

    read = [model for path in models for model in read_models(path)]
    known = None if reference is None else read_models(reference)[0]
    settings = EnergySettings(method=method.value, steps=steps, draws=draws, lowest=lowest, seed=seed)
    console = Console(stderr=True)
    with console.status(f"{len(read)} models ...") as status:

        def told(done: int, total: int) -> None:
            status.update(f"{done} of {total} models ...")

        scores = score_models(read, settings, prior, device, sides, known, told)
    found = rows_of(scores)
    said = {"method": method.value, "steps": steps, "draws": draws, "lowest": lowest, "seed": seed, "prior": prior}
    if as_json:
        import json

        typer.echo(json.dumps({"settings": said, "models": found}, indent=2))
    else:
        _show(found, interface)
    for model in read:
        if model.left_out:
            console.print(f"{model.name}: {model.left_out} residues without N, CA or C were left out.")
    if output is not None:
        for path in write_scores(output, scores, said | {"interface": interface}, per_residue):
            console.print(f"Written: {path}")


def _sides(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Chains on either side of an interface."""
    parts = [tuple(name.strip() for name in side.split(",") if name.strip()) for side in text.split(":")]
    if len(parts) != 2 or not all(parts) or set(parts[0]) & set(parts[1]):
        raise InputError(f"--interface {text} does not name two sides: give chains such as A:B or H,L:A.")
    return parts[0], parts[1]


def _show(found: list[dict[str, Any]], interface: str | None) -> None:
    columns = [name for name in found[0] if any(row[name] is not None for row in found)]
    if len({row["group"] for row in found}) == 1:
        columns.remove("group")
    title = None if interface is None else f"Interface {interface}"
    table = Table(*(name.replace("_", " ") for name in columns), box=None, pad_edge=False, title=title)
    for row in sorted(found, key=lambda row: (row["group"], row["energy"])):
        table.add_row(*(_text(name, row[name]) for name in columns))
    Console().print(table)


def _text(name: str, value: Any) -> str:
    return "" if value is None else format(value, _FORMS.get(name, ""))
