"""What values a setting may take: each domain checks a value, and tells its range to whoever offers the setting."""

from __future__ import annotations

import operator
import os
import re
from dataclasses import dataclass
from typing import Any, Protocol

from .errors import InputError
from .plugins import plugins
from .requests import parse_request

__all__ = [
    "Choice",
    "Device",
    "Domain",
    "File",
    "Flag",
    "Integer",
    "Names",
    "Optional",
    "Plugin",
    "Real",
    "Requests",
    "Residues",
    "SequenceText",
    "Text",
    "TwoFiles",
    "bare",
    "shorten",
]

_NUMBER = r"-?\d{1,7}[A-Za-z]?"
_RANGE = re.compile(rf"[^\s:]+(:{_NUMBER}(-{_NUMBER})?)?")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?|mps")


def shorten(value: object) -> str:
    """Return a value as it is quoted in a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Domain(Protocol):
    """Values that a setting may take."""

    def check(self, name: str, value: Any) -> Any:
        """Value as it is stored.

        Raises
        ------
        InputError
            One sentence that names the setting and says what is wrong.
        """
        ...


@dataclass(frozen=True)
class Integer:
    """Whole numbers from ``low`` to ``high``."""

    low: int
    high: int

    def check(self, name: str, value: Any) -> int:
        """See `Domain.check`."""
        try:
            number = operator.index(value)
        except TypeError:
            number = None
        if number is None or isinstance(value, bool):
            raise InputError(f"'{name}' must be a whole number, not {shorten(value)}.")
        if not self.low <= number <= self.high:
            raise InputError(f"'{name}' must lie between {self.low:,} and {self.high:,}, not {shorten(number)}.")
        return number


@dataclass(frozen=True)
class Real:
    """Numbers from ``low`` to ``high``, in ``unit``."""

    low: float
    high: float
    unit: str = ""

    def check(self, name: str, value: Any) -> float:
        """See `Domain.check`."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"'{name}' must be a number, not {shorten(value)}.")
        if not self.low <= value <= self.high:  # also refuses NaN
            unit = f" {self.unit}" if self.unit else ""
            raise InputError(f"'{name}' must lie between {self.low:g} and {self.high:g}{unit}, not {shorten(value)}.")
        return float(value)


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    options: tuple[str, ...]

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        if not isinstance(value, str) or value not in self.options:
            raise InputError(f"'{name}' must be one of {', '.join(self.options)}, not {shorten(value)}.")
        return value


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    def check(self, name: str, value: Any) -> bool:
        """See `Domain.check`."""
        if not isinstance(value, bool):
            raise InputError(f"'{name}' must be true or false, not {shorten(value)}.")
        return value


@dataclass(frozen=True)
class Text:
    """A text that is not empty."""

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if not isinstance(value, str):
            raise InputError(f"'{name}' must be a text, not {shorten(value)}.")
        if not value.strip() or "\0" in value:
            raise InputError(f"'{name}' must not be empty; give a value or leave it out.")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(f"'{name}' holds characters that cannot be stored; rename the file.") from None
        return value


@dataclass(frozen=True)
class File(Text):
    """Path of a file."""


@dataclass(frozen=True)
class SequenceText(Text):
    """Path of a file of sequences, or the one-letter codes themselves."""


@dataclass(frozen=True)
class Device:
    """Name of a device for computing."""

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        if not isinstance(value, str) or not _DEVICE.fullmatch(value):
            raise InputError(f"'{name}' must be auto, cpu, cuda, cuda:N or mps, not {shorten(value)}.")
        return value


@dataclass(frozen=True)
class Names:
    """Several different names, such as those of chains."""

    what: str = "a list of names"

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """See `Domain.check`."""
        return _texts(name, value, self.what, None)


@dataclass(frozen=True)
class TwoFiles:
    """Two different files."""

    what: str = "a pair of files"

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """See `Domain.check`."""
        return _texts(name, value, self.what, 2)


@dataclass(frozen=True)
class Residues:
    """Residues: ``A:12``, ``A:12-40`` or a whole chain ``A``."""

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """See `Domain.check`."""
        items = _texts(name, value, "a list of residues such as 'A:12-40'", None)
        for item in items:
            if not _RANGE.fullmatch(item):
                raise InputError(f"'{name}' must list residues such as 'A:12', 'A:12-40' or 'A', not {shorten(item)}.")
        return items


@dataclass(frozen=True)
class Requests:
    """Measurements that a job takes beside its own, as `adp3d.contract.requests` reads them."""

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """See `Domain.check`."""
        items = _texts(name, value, "a list of measurements such as 'distances@FILE'", None)
        return tuple(str(parse_request(item)) for item in items)


@dataclass(frozen=True)
class Plugin:
    """Name of something built in, or added by another package (`adp3d.contract.plugins`)."""

    built_in: tuple[str, ...]
    group: str

    @property
    def options(self) -> tuple[str, ...]:
        """Names that there are in this Python environment."""
        return (*self.built_in, *(name for name in plugins(self.group) if name not in self.built_in))

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        return value if value in self.built_in else Choice(self.options).check(name, value)


@dataclass(frozen=True)
class Optional:
    """A domain whose setting may be left to the program: None, which documents call ``unset``."""

    domain: Domain
    unset: str = "none"

    def check(self, name: str, value: Any) -> Any:
        """See `Domain.check`."""
        return None if value is None else self.domain.check(name, value)


def bare(domain: Domain) -> Domain:
    """Return a domain without `Optional` around it."""
    return domain.domain if isinstance(domain, Optional) else domain


def _texts(name: str, value: Any, what: str, count: int | None) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value or (count is not None and len(value) != count):
        raise InputError(f"'{name}' must be {what}, not {shorten(value)}.")
    items = tuple(Text().check(name, item) for item in value)
    if len(set(items)) != len(items):
        raise InputError(f"'{name}' names the same thing twice ({', '.join(items)}); each must differ.")
    return items
