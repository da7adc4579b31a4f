"""Machine code of the inner loops that run on the CPU, made by numba at their first use and kept."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["compiled"]

_UNUSABLE_CACHE = (RuntimeError, OSError, EOFError, pickle.UnpicklingError)
"""What numba raises where it finds no folder to write to, the disk is full, or a file that it kept is damaged."""


def compiled(signature: str, reorder: bool = False) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Compile a function that fills arrays, for one signature; it runs without the interpreter's lock, for threads.

    The machine code is kept where Python keeps its own (``__pycache__`` beside the module), else in the user's cache
    folder (``NUMBA_CACHE_DIR`` names another), for this processor and this text of the module: a kernel may therefore
    call nothing of the project that stands in another file. Where nothing can be written, it is compiled each time.

    Parameters
    ----------
    signature : str
        Types of arguments and result, as numba writes them. Arrays are not aliases of each other by agreement only.
    reorder : bool
        Whether sums may be taken in another order, which lets them run on vectors; the order is the same in each run.
    """
    relaxed = {"reassoc", "contract", "nsz"} if reorder else {"contract"}

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        def build(cache: bool) -> Callable[..., None]:
            made: Callable[..., None] = njit(signature, cache=cache, nogil=True, error_model="numpy", fastmath=relaxed)(
                function
            )
            return made

        try:
            return build(cache=True)
        except _UNUSABLE_CACHE:
            return build(cache=False)

    return decorate
