"""Settings of jobs: one row for each, from which command line, ChimeraX command, panel and documentation are made.

A row is the declaration of a field of a specification: its type, default and name there, and here what values it
takes, what it is called elsewhere, and what is said of it.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from inspect import get_annotations
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
    steerable : bool
        Whether it can be changed while the job runs.
    unchecked : bool
        Whether ``adp3d check`` does not take it although it is no matter of output.
    argument : int
        Place among the arguments of the command line, from 1; 0 for an option.
    meaning : str
        What the option table of the documentation says of it (Markdown); by default the help.
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
    steerable: bool = False
    unchecked: bool = False
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
    def checked(self) -> bool:
        """Whether ``adp3d check`` takes it as well: all that is no matter of output, of kinds that it checks."""
        return self.setting.group != OUTPUT and not self.setting.unchecked

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
    """Settings of a kind of job as they are offered.

    By group; in each, the kind's own come before those that it shares with others, in the order in which they are
    declared.
    """
    depth: dict[str, int] = {}
    for number, each in enumerate(specification.__mro__):
        for name in get_annotations(each):
            depth.setdefault(name, number)
    found = [Row(f.name, f.metadata[_KEY], f.default) for f in fields(specification) if _KEY in f.metadata]
    return tuple(sorted(found, key=lambda row: (GROUPS.index(row.setting.group), depth[row.name])))
