"""What the panel offers of the table of settings. Knows nothing of Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..commands.keywords import job_rows
from ..engine.contract.domains import Domain, File, Flag, Integer, Real, bare, known_elsewhere
from ..engine.contract.errors import InputError
from ..engine.contract.kinds import KINDS, Kind
from ..engine.contract.settings import Row
from ..engine.contract.specification import JobSpec, specifications

__all__ = ["Field", "defaults", "file_rows", "panel_fields", "tasks", "valid_options"]


@dataclass(frozen=True)
class Field:
    """An option that the panel offers.

    Parameters
    ----------
    row : Row
        Its row in the table of settings.
    tasks : tuple of str
        Commands that have it.
    """

    row: Row
    tasks: tuple[str, ...]

    @property
    def keyword(self) -> str:
        """Keyword of the commands."""
        return self.row.keyword or self.row.name

    @property
    def domain(self) -> Domain:
        """Values that it takes, if it is not left to the program."""
        return bare(self.row.setting.domain)

    @property
    def default(self) -> Any:
        """Value at which the keyword is left out: what the panel shows where nothing was chosen."""
        if self.row.default is not None:
            return self.row.default
        if isinstance(self.domain, Flag):
            return True  # what is switched off where there is no window
        return None if isinstance(self.domain, Integer | Real) else ""

    def fits(self, value: object) -> bool:
        """Whether a value may stand there."""
        try:
            return bool(known_elsewhere(self.domain).check(self.keyword, value) == value)
        except InputError:
            return False


def tasks() -> tuple[Kind, ...]:
    """Kinds of job that the panel offers, each of the name of a command."""
    return tuple(KINDS[specification.kind] for specification in _offered())


def panel_fields() -> tuple[Field, ...]:
    """Options in the order of the panel, those that are always shown first.

    Models, map, sequence and files that a job needs are choosers of their own.
    """
    found: dict[str, Field] = {}
    for specification in _offered():
        for row in job_rows(specification):
            if row.setting.label:
                before = found[row.name].tasks if row.name in found else ()
                found[row.name] = Field(row, (*before, specification.kind))
    return tuple(sorted(found.values(), key=lambda field: not field.row.setting.always))


def file_rows() -> dict[str, Row]:
    """Files that jobs of some kind need, beside models and maps, by keyword."""
    listed = (row for specification in _offered() for row in job_rows(specification))
    return {row.keyword or row.name: row for row in listed if row.required and type(row.setting.domain) is File}


def defaults() -> dict[str, Any]:
    """Option values at which no keyword is written."""
    return {field.keyword: field.default for field in panel_fields()}


def valid_options(stored: object) -> dict[str, Any]:
    """Defaults overlaid with those remembered values that still fit their fields.

    Settings may come from another version, or have been edited by hand.
    """
    options = defaults()
    if isinstance(stored, Mapping):
        for field in panel_fields():
            if field.row.setting.remembered and field.fits(stored.get(field.keyword)):
                options[field.keyword] = stored[field.keyword]
    return options


def _offered() -> tuple[type[JobSpec], ...]:
    """Specifications of the kinds of job that the panel offers."""
    return tuple(specification for specification in specifications() if KINDS[specification.kind].in_panel)
