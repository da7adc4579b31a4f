"""Searches for traces that do not depend on each other, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Event, Lock
from typing import TypeVar

__all__ = ["searched"]

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 8
"""Searches at a time at most: each takes 0.04 GB."""


def searched(
    search: Callable[[T, Callable[[], None]], R], what: Sequence[T], threads: int, poll: Callable[[], None]
) -> list[R]:
    """What a search finds for each of several things, in their order, on as many threads.

    Parameters
    ----------
    search : callable
        Of one of them and of what it has to call now and then. Numpy leaves the interpreter's lock alone while it
        computes, so that two searches on two threads take little more time than one.
    what : sequence
    threads : int
    poll : callable
        Called by one search at a time; while it does not return, the others wait. An exception ends all.

    Returns
    -------
    list
    """
    count = min(threads, len(what), _AT_ONCE)
    if count < 2:
        return [search(one, poll) for one in what]
    asked, over = Lock(), Event()

    def ask() -> None:
        with asked:
            if over.is_set():
                raise CancelledError
            poll()

    with ThreadPoolExecutor(count, "tracing") as pool:
        try:
            return list(pool.map(lambda one: search(one, ask), what))
        finally:
            over.set()
