"""Keywords of the commands that describe a job: the table of settings, and what only ChimeraX has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any, TypeVar

from ..engine.contract.domains import Flag, Folder, Integer, Optional, Real, Requests, Text, bare
from ..engine.contract.kinds import KINDS
from ..engine.contract.settings import GROUPS, OUTPUT, Row, Setting, rows
from ..engine.contract.specification import JobSpec

__all__ = [
    "MAP_ROWS",
    "RUN_ROWS",
    "TIMEOUT",
    "VALIDATE",
    "VALIDATING",
    "annotated",
    "argument",
    "by_name",
    "check_rows",
    "job_rows",
    "takes",
    "typed",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])

RUN_ROWS = (
    Row(
        "live",
        Setting(
            Optional(Flag(), "true, but false in nogui mode"),
            "Show the models while they are computed.",
            OUTPUT,
            label="Live models",
            remembered=True,
        ),
        None,
    ),
    Row("open_result", Setting(Flag(), "Open the result as a new model at the end.", OUTPUT), True),
    Row(
        "wait",
        Setting(
            Optional(Flag(), "false, but true in nogui mode"),
            "Finish the job before the next command.",
            OUTPUT,
        ),
        None,
    ),
)
"""How a job is run and shown; not part of what is computed, and not of the equivalent command."""

MAP_ROWS = (
    Row("map_region", Setting(Text(), "Part of the map to use: 'shown', 'all', or a named region."), "shown"),
    Row(
        "map_step",
        Setting(Optional(Integer(1, 64), "1, unless set by hand"), "Use each Nth grid point along each axis."),
        None,
    ),
)
"""Which part of the map of a job is handed over."""

TIMEOUT = Row("timeout", Setting(Real(1.0, 86_400.0, "seconds"), "How long to wait for the answer."), 300.0)

VALIDATE = Row(
    "validate",
    Setting(Flag(), "Validate the model as it is, in the map if there is one, in place of examining a job."),
    False,
)
VALIDATING = ("model", "map", "resolution", "half_maps", "confidence")
"""Settings that say something of the model and the map themselves, so that a validation takes them as well."""


def job_rows(specification: type[JobSpec]) -> tuple[Row, ...]:
    """Rows of the keywords of a command that runs a kind of job, by group."""
    settings = [row for row in rows(specification) if row.keyword is not None]
    listed = [*settings, *(MAP_ROWS if KINDS[specification.kind].needs_map else ()), *RUN_ROWS]
    return tuple(sorted(listed, key=lambda row: GROUPS.index(row.setting.group)))


def check_rows(specification: type[JobSpec]) -> tuple[Row, ...]:
    """Rows of the keywords of the command that checks a kind of job."""
    return (*(row for row in job_rows(specification) if row.checked), VALIDATE, TIMEOUT)


def argument(row: Row) -> str:
    """Name of a keyword in Python: ``in_map`` for ``inMap``."""
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), row.keyword or row.name)


def annotated(listed: Iterable[Row]) -> list[tuple[str, Any]]:
    """Keywords with their annotations, as `CmdDesc` takes them."""
    from .annotations import annotation

    return [(argument(row), annotation(row.setting.domain)) for row in listed]


def takes(listed: Sequence[Row], optional: bool = False) -> Callable[[_Function], _Function]:
    """Let a function, whose last parameter takes all keywords by name, show a parameter for each.

    ChimeraX compares a command's parameters with its description, and Python's help shows them.

    Parameters
    ----------
    listed : sequence of Row
    optional : bool
        Whether none of them need be given.
    """

    def decorate(function: _Function) -> _Function:
        described = signature(function)
        own = [p for p in described.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
        made = [
            Parameter(
                argument(row),
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if row.required and not optional and not _made_up(row) else None,
            )
            for row in listed
        ]
        function.__signature__ = described.replace(parameters=[*own, *made])  # type: ignore[attr-defined]
        return function

    return decorate


def by_name(listed: Iterable[Row], given: Mapping[str, Any]) -> dict[str, Any]:
    """Values that were given, by the names of their settings; None means not given.

    Raises
    ------
    TypeError
        If there is no such keyword: the call is wrong.
    """
    names = {argument(row): row.name for row in listed}
    unknown = [name for name in given if name not in names]
    if unknown:
        raise TypeError(f"there is no keyword {unknown[0]!r} (there are {', '.join(names)})")
    return {names[name]: value for name, value in given.items() if value is not None}


def typed(listed: Iterable[Row], given: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Keywords of what is computed, as the equivalent command has them; repeated ones once for each value."""
    words: list[tuple[str, Any]] = []
    for row in listed:
        value = given.get(row.name)
        if value is None or row in RUN_ROWS or _made_up(row):
            continue
        each = value if isinstance(bare(row.setting.domain), Requests) else [value]
        words += [(argument(row), one) for one in each]
    return words


def _made_up(row: Row) -> bool:
    """Whether a command finds a value itself if none is given: the folder of a job."""
    return isinstance(row.setting.domain, Folder)
