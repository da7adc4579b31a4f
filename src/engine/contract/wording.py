"""How settings are called in sentences.

The engine calls a setting by its name in single quotes, ``'half_maps'``; whoever shows the sentence calls it as its
users do: ``--half-maps`` on the command line, ``'halfMaps'`` in a ChimeraX command. A value may follow the name,
``'device cpu'``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .settings import Row, rows
from .specification import specifications
from .specs.score import ScoreSettings

__all__ = ["in_flags", "in_keywords"]

_NAME = re.compile(r"(?<![\w'])'([a-z][a-z_]*)( [\w.:-]+)?'(?![\w'])")
_OVERWRITE = {"overwrite": "--overwrite"}
"""No setting of a job, but a wish of whoever submits it (`Submit`); in ChimeraX another folder is chosen instead."""


def in_flags(text: str) -> str:
    """Sentence with settings called as the options of the command line."""
    names = {row.name: row.flags[0] for row in _every_row() if row.flags}
    return _called(text, names | _OVERWRITE, "{}{}")


def in_keywords(text: str) -> str:
    """Sentence with settings called as the keywords of ChimeraX commands."""
    return _called(text, {row.name: row.keyword for row in _every_row() if row.keyword}, "'{}{}'")


def _every_row() -> Iterator[Row]:
    for specification in (*specifications(), ScoreSettings):
        yield from rows(specification)


def _called(text: str, names: Mapping[str, str], form: str) -> str:
    def worded(found: re.Match[str]) -> str:
        called = names.get(found[1])
        return found[0] if called is None else form.format(called, found[2] or "")

    return _NAME.sub(worded, text)
