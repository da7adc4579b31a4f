"""Where commands print."""

from __future__ import annotations

from rich.console import Console

__all__ = ["plain_console"]


def plain_console(*, stderr: bool = False, width: int | None = None) -> Console:
    """Console that shows text as it is: names of files and chains may look like markup (``x[bold].pdb``, ``:A:``)."""
    return Console(stderr=stderr, width=width, markup=False, emoji=False)
