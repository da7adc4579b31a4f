"""How users ask for a measurement in one line: ``NAME[@FILE][ WORDS]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InputError

__all__ = ["Request", "parse_request"]

_REQUEST = re.compile(r"(?P<name>[A-Za-z][\w.-]*)(@(?P<file>[^\s].*?))?( (?P<words>.*))?", re.DOTALL)
_QUOTED = re.compile(r'(?P<name>[A-Za-z][\w.-]*)@"(?P<file>[^"]+)"( (?P<words>.*))?', re.DOTALL)


@dataclass(frozen=True)
class Request:
    """A measurement that a job takes beside its own.

    Attributes
    ----------
    name : str
        Its name in the registry.
    file : str or None
        Path; one with blanks is written in double quotes.
    words : tuple of str
        What else is said of it.
    """

    name: str
    file: str | None = None
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        file = "" if self.file is None else f'@"{self.file}"' if " " in self.file else f"@{self.file}"
        return " ".join((self.name + file, *self.words))


def parse_request(text: str) -> Request:
    """Read a request.

    Raises
    ------
    InputError
        If it does not begin with a name.
    """
    found = _QUOTED.fullmatch(text.strip()) or _REQUEST.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{text!r} names no measurement; write its name, @ and a file if it has one, and its words.")
    return Request(found["name"], found["file"], tuple((found["words"] or "").split()))
