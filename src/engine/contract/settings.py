"""Settings of jobs: one row for each, from which command line, ChimeraX command, panel and documentation are made.

A row is the declaration of a field of a specification: its type, default and name there, and here what values it
takes, what it is called elsewhere, and what is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from .domains import Domain

__all__ = ["GROUPS", "INPUT", "OUTPUT", "SAMPLING", "Row", "Setting", "declare", "rows"]

INPUT, SAMPLING, OUTPUT = "Input", "Sampling", "Output"
GROUPS = (INPUT, SAMPLING, OUTPUT)
"""In the order of help texts and tables."""

_KEY = "adp3d setting"


@dataclass(frozen=True)
class Setting:
    """What is said of a setting.

    Parameters
    ----------
    domain : Domain
        Values that it takes.
    help : str
        One or two sentences.
    group : str
        One of `GROUPS`.
    flags : tuple of str
        Options of the command line; by default ``--`` and the name with dashes. Empty for arguments.
    metavar : str
        What the command line calls the value.
    keyword : str or None
        Keyword of the ChimeraX command; by default the name in camel case. None: it has another way to say it.
    label : str
        What the panel calls it; empty if it does not offer it.
    always : bool
        Whether the panel shows it at all times, not only among the further options.
    remembered : bool
        Whether the panel keeps it for the next session.
    step : float
        How far one click in the panel goes.
    checked : bool
        Whether ``adp3d check`` takes it as well.
    steerable : bool
        Whether it can be changed while the job runs.
    argument : int
        Place among the arguments of the command line, from 1; 0 for an option.
    meaning : str
        Cell of the option table in the documentation (Markdown); by default the help.
    """

    domain: Domain
    help: str
    group: str = INPUT
    flags: tuple[str, ...] = ()
    metavar: str = ""
    keyword: str | None = ""
    label: str = ""
    always: bool = False
    remembered: bool = False
    step: float = 1
    checked: bool = True
    steerable: bool = False
    argument: int = 0
    meaning: str = ""


@dataclass(frozen=True)
class Row:
    """A setting with its name and default.

    Parameters
    ----------
    name : str
        Name of the specification's field.
    setting : Setting
    default : object
        `dataclasses.MISSING` if it must be given.
    """

    name: str
    setting: Setting
    default: Any

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is MISSING

    @property
    def flags(self) -> tuple[str, ...]:
        """Options of the command line, the long one first; empty for an argument."""
        if self.setting.argument:
            return ()
        return self.setting.flags or ("--" + self.name.replace("_", "-"),)

    @property
    def keyword(self) -> str | None:
        """Keyword of the ChimeraX command."""
        first, *others = self.name.split("_")
        made = first + "".join(word.capitalize() for word in others)
        return made if self.setting.keyword == "" else self.setting.keyword


def declare(setting: Setting, default: Any = MISSING) -> Any:
    """Field of a specification with its row; without a default the setting must be given."""
    return field(default=default, metadata={_KEY: setting})


def rows(specification: type[Any]) -> tuple[Row, ...]:
    """Settings of a kind of job, in the order in which they are declared."""
    return tuple(_rows(specification))


def _rows(specification: type[Any]) -> Iterator[Row]:
    each: Field[Any]
    for each in fields(specification):
        if _KEY in each.metadata:
            yield Row(each.name, each.metadata[_KEY], each.default)
