"""The command ``check``: what a job would find and cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ..errors import InputError
from ..specification import CommonSpec, CompleteSpec, RefineSpec
from . import options as opt
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
    sequence: opt.SequenceGiven = None,
    half_maps: opt.HalfMaps = None,
    resolution: opt.Resolution = None,
    chains: opt.Chains = None,
    confidence: opt.Confidence = CompleteSpec.confidence,
    keep: opt.Keep = None,
    reference: opt.Reference = None,
    replicas: opt.Replicas = CommonSpec.replicas,
    steps: opt.Steps = CommonSpec.steps,
    device: opt.Device = CommonSpec.device,
    prior: opt.Prior = CommonSpec.prior,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    debug: opt.Debug = False,
) -> None:
    """Examine the input of 'refine' or 'complete' without running it; nothing is written.

    Tells how the model fits its sequence and the map, what is missing, and how much memory and time the job
    would take. The exit code is 2 if the job could not run, or would run in vain.
    """
    ctx.ensure_object(Session).debug |= debug
    if len(files) > 2:
        raise InputError("Give a map and a model, or a model alone.")
    settings: dict[str, Any] = {
        "output": "unused",
        "model": str(files[-1]),
        "sequence": sequence,
        "chains": opt.names(chains),
        "confidence": confidence,
        "keep": opt.names(keep),
        "reference": None if reference is None else str(reference),
        "replicas": replicas,
        "steps": steps,
        "device": device,
        "prior": prior,
    }
    spec: CompleteSpec | RefineSpec
    if len(files) == 2:
        halves = None if half_maps is None else (str(half_maps[0]), str(half_maps[1]))
        spec = RefineSpec(**settings, map=str(files[0]), half_maps=halves, resolution=resolution)
    else:
        spec = CompleteSpec(**settings)
    from ..pipeline.check import check as examine  # heavy

    report = examine(spec)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(report)
    if not report["ok"]:
        raise typer.Exit(2)


def _show(report: dict[str, Any]) -> None:
    console = Console()
    for line in report["lines"]:
        style = "red" if line.startswith("Problem:") else "yellow" if line.startswith("Advice:") else ""
        console.print(Text(line, style=style), soft_wrap=True)
