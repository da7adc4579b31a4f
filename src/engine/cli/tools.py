"""Commands around computing: doctor, worker, train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ..contract.wording import in_flags
from . import options as opt
from .console import plain_console
from .session import Session

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(doctor)
    app.command()(worker)
    app.command(
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(train)


def doctor(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    device: opt.Device = "auto",
    prior: opt.Prior = "builtin",
    debug: opt.Debug = False,
) -> None:
    """Check this installation: versions, devices, memory, weights, and a small self-test.

    The exit code is 1 if something is wrong.
    """
    ctx.ensure_object(Session).debug |= debug
    from ..pipeline.doctor import diagnose  # heavy

    report = diagnose(device, prior)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _show(report, prior)
    if not report["healthy"]:
        raise typer.Exit(1)


def worker(
    ctx: typer.Context,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="FOLDER", help="Keep files and jobs of a client on another computer here."),
    ] = None,
    goes_on: Annotated[
        bool,
        typer.Option("--goes-on", help="Finish a running job when such a client is gone; otherwise it is stopped."),
    ] = False,
) -> None:
    """Serve one client over standard input and output (used by ChimeraX)."""
    from ..worker import serve_standard_streams

    raise typer.Exit(serve_standard_streams(ctx.ensure_object(Session).load, store=store, goes_on=goes_on))


def train(ctx: typer.Context) -> None:
    """Train the weights of the built-in prior; 'adp3d train --help' lists the options."""
    from ..training.command import app as training  # heavy

    training(args=ctx.args, prog_name="adp3d train")


def _show(report: dict[str, Any], prior: str) -> None:
    console = plain_console()
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        ("ADP-3D", report["adp3d"]),
        ("Python", f"{report['python']} ({report['executable']})"),
        ("System", report["platform"]),
        ("Packages", ", ".join(f"{name} {version}" for name, version in report["versions"].items())),
    ]
    if "device" in report:
        free, total = report["memory_available_bytes"], report["memory_total_bytes"]
        rows += [
            ("Devices", ", ".join(report["devices"])),
            ("Chosen", f"{report['device']} ({report['device_memory_available_bytes'] / 1e9:.1f} GB free)"),
            ("Memory", f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free"),
            ("Threads", str(report["threads"])),
            ("Allocator", report["allocator"]),
        ]
        rows += [
            ("Weights", f"{w['path']} ({w['bytes'] / 1e6:.1f} MB, SHA-256 {w['sha256'][:16]})")
            for w in report["weights"]
        ]
        judges = report["design_networks"]
        rows.append(
            ("Design networks", ", ".join(f"{name} {'' if one['ok'] else 'not '}there" for name, one in judges.items()))
        )
        test = report["self_test"]
        result = f"passed: {test['residues']} residues in {test['seconds']} s" if test["ok"] else "failed"
        rows.append(("Self-test", result))
    for name, text in rows:
        table.add_row(name, Text(text))
    console.print(table)
    for problem in report["problems"]:
        console.print(Text(f"Problem: {in_flags(problem)}", style="red"), soft_wrap=True)
    if prior in report.get("design_networks", {}) and not report["design_networks"][prior]["ok"]:
        lacking = in_flags(report["design_networks"][prior]["lacking"])
        console.print(Text(f"For --sequence-model and --side-chain-model {prior} alone: {lacking}"), soft_wrap=True)
    if report["healthy"]:
        console.print(Text("Everything needed is there.", style="green"))
