"""Rows of a table, several at a time."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from command import positive
from report import Row

__all__ = ["add_options", "compute"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """``--processes`` and ``--resume``."""
    parser.add_argument("--processes", type=positive, default=1, help="rows computed at the same time")
    parser.add_argument("--resume", action="store_true", help="keep the rows that the output folder has")


def compute(work: Callable[..., Row], tasks: Sequence[tuple[object, ...]], processes: int) -> Iterator[Row]:
    """Rows ``work(*task)`` as they are finished; each is independent and seeded, so their order does not matter."""
    # workers inherit the tuned environment
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for finished in as_completed([pool.submit(work, *task) for task in tasks]):
            yield finished.result()
