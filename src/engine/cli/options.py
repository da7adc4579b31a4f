"""Options and arguments: those of jobs made from the table of settings, and what only the command line has."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..contract.domains import (
    Domain,
    File,
    Flag,
    Folder,
    Integer,
    Names,
    Optional,
    Real,
    Requests,
    Residues,
    TwoFiles,
    bare,
)
from ..contract.settings import INPUT, OUTPUT, Row, rows
from ..contract.specification import CommonSpec, RefineSpec

__all__ = [
    "Debug",
    "Device",
    "Output",
    "Overwrite",
    "Pae",
    "Prior",
    "Resolution",
    "option",
    "parameters",
    "with_parameters",
    "written",
]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FOLDER", help="Job folder. Default: named after the input.", rich_help_panel=OUTPUT
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a job that the folder holds.", rich_help_panel=OUTPUT)
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

_TYPES: Mapping[type, Any] = {
    Integer: int,
    Real: float,
    Flag: bool,
    File: Path,
    Folder: Path,
    TwoFiles: tuple[Path, Path],
    Requests: list[str],
}
"""Types of values on the command line, also for what a domain is a special case of; those of others are texts."""


def option(row: Row) -> Any:
    """Annotated type of a setting on the command line."""
    inner = bare(row.setting.domain)
    kind = next((_TYPES[each] for each in type(inner).__mro__ if each in _TYPES), str)
    optional = isinstance(row.setting.domain, Optional)
    said = row.setting
    if said.argument:
        return Annotated[kind, typer.Argument(metavar=said.metavar, help=said.help, show_default=False)]
    panel = None if said.group == INPUT else said.group
    values = f" Values: {inner.values}." if inner.values and inner.values not in said.help else ""
    # what is done by default needs a word that leaves it out
    flags = [f"{flag}/--no-{flag[2:]}" if inner == Flag() and row.default is True else flag for flag in row.flags]
    return Annotated[
        kind | None if optional else kind,
        typer.Option(*flags, metavar=said.metavar or None, help=said.help + values, rich_help_panel=panel),
    ]


_COMMON = {row.name: row for row in rows(CommonSpec)}
Device = option(_COMMON["device"])
Prior = option(_COMMON["prior"])
_REFINE = {row.name: row for row in rows(RefineSpec)}
Resolution = option(_REFINE["resolution"])
Pae = option(_REFINE["pae"])


def parameters(table: Iterable[Row]) -> list[inspect.Parameter]:
    """Keyword parameters of a command, the arguments first."""
    listed = sorted(table, key=lambda row: row.setting.argument or math.inf)
    return [
        inspect.Parameter(
            row.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if row.required else row.default,
            annotation=option(row),
        )
        for row in listed
    ]


def with_parameters(command: Callable[..., None], made: Iterable[inspect.Parameter]) -> None:
    """Give a command, whose last parameter takes all settings by name, the parameters that typer is to see."""
    own = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    first = [parameter for parameter in own if parameter.annotation is typer.Context]
    every = [*first, *made, *(parameter for parameter in own if parameter not in first)]
    command.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in every}


def written(domain: Domain, value: Any) -> Any:
    """Value of a setting from what the command line gave for it."""
    inner = bare(domain)
    if value is None:
        return None
    if isinstance(inner, Names | Residues):
        return tuple(part.strip() for part in str(value).split(","))
    if isinstance(inner, Requests):
        return tuple(value) or None
    if isinstance(inner, TwoFiles):
        return tuple(str(path) for path in value)
    return str(value) if isinstance(value, Path) else value
