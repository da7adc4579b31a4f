"""What values a setting may take: each domain checks a value, and tells its range to whoever offers the setting.

Front ends choose by the type of a domain how its values are written, edited and handed over.
"""

from __future__ import annotations

import operator
import os
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from .errors import InputError
from .plugins import plugins
from .requests import parse_request

__all__ = [
    "Choice",
    "Device",
    "DeviceOrEngine",
    "Domain",
    "File",
    "Flag",
    "Folder",
    "Integer",
    "MapFile",
    "ModelFile",
    "Names",
    "Optional",
    "Plugin",
    "Real",
    "Requests",
    "Residues",
    "SequenceText",
    "Text",
    "TwoFiles",
    "TwoMaps",
    "Word",
    "bare",
    "known_elsewhere",
    "shorten",
]

_NUMBER = r"-?\d{1,7}[A-Za-z]?"
_RANGE = re.compile(rf"[^\s:]+(:{_NUMBER}(-{_NUMBER})?)?")
_ENGINE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,3})?|mps")


def shorten(value: object) -> str:
    """Return a value as it is quoted in a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Domain(Protocol):
    """Values that a setting may take."""

    @property
    def values(self) -> str:
        """Which these are, such as ``1 to 1,024`` or ``a, b or c``; empty if that goes without saying."""
        ...

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

    @property
    def values(self) -> str:
        """See `Domain.values`."""
        return f"{_readable(self.low)} to {_readable(self.high)}"

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

    @property
    def values(self) -> str:
        """See `Domain.values`."""
        return f"{_readable(self.low)} to {_readable(self.high)} {self.unit}".strip()

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

    @property
    def values(self) -> str:
        """See `Domain.values`."""
        return _either(self.options)

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        if not isinstance(value, str) or value not in self.options:
            raise InputError(f"'{name}' must be one of {', '.join(self.options)}, not {shorten(value)}.")
        return value


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    values: ClassVar[str] = ""

    def check(self, name: str, value: Any) -> bool:
        """See `Domain.check`."""
        if not isinstance(value, bool):
            raise InputError(f"'{name}' must be true or false, not {shorten(value)}.")
        return value


@dataclass(frozen=True)
class Text:
    """A text that is not empty."""

    values: ClassVar[str] = ""

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
class Folder(Text):
    """Path of a folder."""


@dataclass(frozen=True)
class File(Text):
    """Path of a file."""


@dataclass(frozen=True)
class ModelFile(File):
    """Path of an atomic model; ChimeraX hands over one that is open."""


@dataclass(frozen=True)
class MapFile(File):
    """Path of a density map; ChimeraX hands over one that is open."""


@dataclass(frozen=True)
class SequenceText(Text):
    """Path of a file of sequences, or the one-letter codes themselves."""


@dataclass(frozen=True)
class Device:
    """Name of a device for computing."""

    options: ClassVar[tuple[str, ...]] = ("auto", "cpu", "cuda", "mps")
    """Those that are offered; a card of several is ``cuda:N``."""
    built_in: ClassVar[tuple[str, ...]] = options
    values: ClassVar[str] = "auto, cpu, cuda, cuda:N or mps"

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        if not isinstance(value, str) or not _DEVICE.fullmatch(value):
            raise InputError(f"'{name}' must be {self.values}, not {shorten(value)}.")
        return value


@dataclass(frozen=True)
class DeviceOrEngine(Device):
    """Name of a device, or of an engine on another computer, which the client knows."""

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        known = isinstance(value, str) and _ENGINE.fullmatch(value) and not value.startswith(("cuda", "mps", "cpu"))
        return str(value) if known else super().check(name, value)


@dataclass(frozen=True)
class Names:
    """Several different names, such as those of chains."""

    what: str = "a list of names"
    values: ClassVar[str] = ""

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """See `Domain.check`."""
        return _texts(name, value, self.what, None)


@dataclass(frozen=True)
class TwoFiles:
    """Two different files."""

    what: str = "a pair of files"
    values: ClassVar[str] = ""

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """See `Domain.check`."""
        return _texts(name, value, self.what, 2)


@dataclass(frozen=True)
class TwoMaps(TwoFiles):
    """Two different density maps; ChimeraX hands over two that are open."""


@dataclass(frozen=True)
class Residues:
    """Residues: ``A:12``, ``A:12-40`` or a whole chain ``A``."""

    values: ClassVar[str] = ""

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """See `Domain.check`."""
        items = _texts(name, value, "a list of residues such as 'A:12-40'", None)
        for item in items:
            if not _RANGE.fullmatch(item):
                raise InputError(f"'{name}' must list residues such as 'A:12', 'A:12-40' or 'A', not {shorten(item)}.")
        return items


@dataclass(frozen=True)
class Plugin:
    """Name of something built in, or added by another package (`adp3d.contract.plugins`)."""

    built_in: tuple[str, ...]
    group: str

    @property
    def options(self) -> tuple[str, ...]:
        """Names that there are in this Python environment."""
        return (*self.built_in, *(name for name in plugins(self.group) if name not in self.built_in))

    @property
    def values(self) -> str:
        """See `Domain.values`."""
        return _either(self.options)

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        return value if value in self.built_in else Choice(self.options).check(name, value)


@dataclass(frozen=True)
class Word:
    """One word, whose meaning is known elsewhere."""

    values: ClassVar[str] = ""

    def check(self, name: str, value: Any) -> str:
        """See `Domain.check`."""
        text = Text().check(name, value)
        if len(text.split()) != 1:
            raise InputError(f"'{name}' must be one word, not {shorten(value)}.")
        return text


@dataclass(frozen=True)
class Requests:
    """Measurements that a job takes beside its own, as `adp3d.contract.requests` reads them.

    Parameters
    ----------
    names : Domain
        Of measurements.
    """

    names: Plugin | Word

    @property
    def values(self) -> str:
        """See `Domain.values`."""
        return self.names.values

    def check(self, name: str, value: Any) -> tuple[str, ...]:
        """See `Domain.check`."""
        items = _texts(name, value, "a list of measurements such as 'distances@FILE'", None)
        requests = [parse_request(item) for item in items]
        for request in requests:
            self.names.check(name, request.name)
        return tuple(map(str, requests))


@dataclass(frozen=True)
class Optional:
    """A domain whose setting may be left to the program: None, which documents call ``unset``."""

    domain: Domain
    unset: str = "none"

    @property
    def values(self) -> str:
        """See `Domain.values`."""
        return self.domain.values

    def check(self, name: str, value: Any) -> Any:
        """See `Domain.check`."""
        return None if value is None else self.domain.check(name, value)


def bare(domain: Domain) -> Domain:
    """Return a domain without `Optional` around it."""
    return domain.domain if isinstance(domain, Optional) else domain


def known_elsewhere(domain: Domain) -> Domain:
    """Return a domain as the client checks it, which knows engines, but not the plug-ins of their environments."""
    if isinstance(domain, Optional):
        return Optional(known_elsewhere(domain.domain), domain.unset)
    if isinstance(domain, Plugin):
        return Word()
    if isinstance(domain, Device):
        return DeviceOrEngine()
    return Requests(Word()) if isinstance(domain, Requests) else domain


def _either(options: tuple[str, ...]) -> str:
    *others, last = options
    return f"{', '.join(others)} or {last}" if others else last


def _readable(number: float) -> str:
    """Limit of a range; the largest that computers count to as a power of two."""
    whole = int(number)
    if whole == number and whole > 2**30 and (whole + 1) & whole == 0:
        return f"2^{whole.bit_length()}-1"
    return f"{whole:,}" if whole == number else f"{number:g}"


def _texts(name: str, value: Any, what: str, count: int | None) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value or (count is not None and len(value) != count):
        raise InputError(f"'{name}' must be {what}, not {shorten(value)}.")
    items = tuple(Text().check(name, item) for item in value)
    if len(set(items)) != len(items):
        raise InputError(f"'{name}' names the same thing twice ({', '.join(items)}); each must differ.")
    return items
