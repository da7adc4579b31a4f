"""HTML without templates: every text is escaped unless it was made here."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

__all__ = ["Markup", "element", "join", "table"]

_EMPTY = ("img", "meta", "br")
"""Elements without content."""


class Markup(str):
    """Text that is HTML already. Made by `element`, `join` and `table` only; anything else is escaped by them."""

    __slots__ = ()


def element(name: str, /, *content: str, **attributes: str) -> Markup:
    """One element. ``class_`` gives the attribute ``class``; underscores become dashes."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>" + ("" if name in _EMPTY else f"{join(content)}</{name}>"))


def join(parts: Iterable[str], between: str = "") -> Markup:
    """Parts one after the other, with a text between them."""
    return Markup(str(_escaped(between)).join(map(_escaped, parts)))


def table(
    head: Sequence[str], lines: Iterable[Sequence[str]], numbers: Sequence[bool] = (), **attributes: str
) -> Markup:
    """Table with a heading for each column.

    Parameters
    ----------
    head : sequence of str
    lines : iterable of sequence of str
        Cells.
    numbers : sequence of bool
        Columns that are aligned to the right; by default none.
    **attributes
        Of the table.
    """
    aligned = list(numbers) or [False] * len(head)

    def row(cell: str, cells: Sequence[str]) -> Markup:
        made = (
            element(cell, text, align="right") if right else element(cell, text)
            for text, right in zip(cells, aligned, strict=True)
        )
        return element("tr", *made)

    body = [row("td", cells) for cells in lines]
    return element("table", element("thead", row("th", head)), element("tbody", *body), **attributes)


def _escaped(text: str) -> str:
    return text if isinstance(text, Markup) else html.escape(str(text))
