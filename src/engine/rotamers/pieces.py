"""Side chains computed some at a time, so that memory does not grow with the model, and whoever waits is heard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

__all__ = ["AT_ONCE", "Ask", "in_pieces", "nobody"]

AT_ONCE = 2048
"""Side chains computed together. The largest have nine atoms that move, which take 4 kB each where gradients are
computed (64 spline coefficients with their places, 32 neighbours): 80 MB."""

Ask = Callable[[], None]
"""Called between pieces; what it raises ends the computation."""


def nobody() -> None:
    """Ask nobody."""


def in_pieces(count: int, ask: Ask = nobody) -> Iterator[slice]:
    """Slices that cover ``count`` rows, in order, `AT_ONCE` each; one empty slice if there are none.

    Parameters
    ----------
    count : int
    ask : callable
        Called before each piece.
    """
    for first in range(0, max(count, 1), AT_ONCE):
        ask()
        yield slice(first, min(first + AT_ONCE, count))
