"""How settings are called in sentences.

The engine calls a setting by its name in single quotes, ``'half_maps'``; whoever shows the sentence calls it as its
users do: ``--half-maps`` on the command line, ``'halfMaps'`` in a ChimeraX command.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .settings import Row, rows
from .specification import specifications

__all__ = ["in_flags", "in_keywords"]

_NAME = re.compile(r"(?<![\w'])'([a-z][a-z_]*)'(?![\w'])")


def in_flags(text: str) -> str:
    """Sentence with settings called as the options of the command line."""
    return _called(text, lambda row: row.flags[0] if row.flags else None)


def in_keywords(text: str) -> str:
    """Sentence with settings called as the keywords of ChimeraX commands."""
    return _called(text, lambda row: f"'{row.keyword}'" if row.keyword else None)


def _called(text: str, name: Callable[[Row], str | None]) -> str:
    table = {row.name: name(row) for specification in specifications() for row in rows(specification)}

    def worded(found: re.Match[str]) -> str:
        called = table.get(found[1])
        return called or found[0]

    return _NAME.sub(worded, text)
