"""The command ``install``: what a prior needs beyond this package."""

from __future__ import annotations

import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..contract.errors import InputError
from ..contract.wording import in_flags
from . import options as opt
from .console import plain_console
from .session import Session

__all__ = ["register"]

_PACKAGES = ("generate-chroma==1.0.0", "tqdm")
"""Chroma asks for versions of 2022 of other packages, of which its networks need only tqdm."""


class _Installable(str, Enum):
    chroma = "chroma"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(epilog="Example: adp3d install --prior chroma --weights chroma_backbone_v1.0.pt")(install)


def install(
    ctx: typer.Context,
    prior: Annotated[_Installable, typer.Option("--prior", help="Prior to be installed.", show_default=False)],
    weights: Annotated[
        list[Path] | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="File of weights that you have, of the backbone or the design network; it is copied. May be repeated.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            envvar="ADP3D_CHROMA_KEY",
            metavar="KEY",
            help="Key that the publisher has given you, to fetch the weights with.",
        ),
    ] = None,
    debug: opt.Debug = False,
) -> None:
    """Install what a prior needs beyond this program: its package, and weights that you have or have a key for.

    The package goes into the Python environment that this program runs in; versions of other packages stay.
    """
    ctx.ensure_object(Session).debug |= debug
    if weights and key is not None and not _from_environment(ctx):
        raise InputError("Give either --weights or --key, not both.")
    console = plain_console(stderr=True)
    _pip(console)
    from ..prior.chroma.weights import BACKBONE, NETWORKS, fetch_weights, keep_weights  # heavy

    kept = keep_weights([file.expanduser() for file in weights or ()])
    for kind in NETWORKS:
        if kind.lacking and key is not None and not kept:
            try:
                fetch_weights(kind, key)
            except InputError as error:  # the prior does without the other network
                if kind is BACKBONE:
                    raise
                console.print(str(error))
        console.print(in_flags(kind.lacking) or f"Weights of the {kind.name}: {kind.path}")
    if BACKBONE.lacking:
        raise typer.Exit(0 if kept else 1)
    console.print(f"Try it with: adp3d doctor --prior {prior.value}")


def _from_environment(ctx: typer.Context) -> bool:
    source = ctx.get_parameter_source("key")
    return source is not None and source.name == "ENVIRONMENT"


def _pip(console: Console) -> None:
    """Install the package unless it is there."""
    from ..prior.chroma.package import load_package  # heavy

    try:
        load_package()
    except InputError:
        console.print(f"Installing {', '.join(_PACKAGES)} ...")
    else:
        return
    command = [sys.executable, "-m", "pip", "install", "--no-input", "--no-deps", *_PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise InputError(f"pip could not install {_PACKAGES[0]} ({lines[-1][:200] if lines else 'without a message'}).")
    load_package()
