"""Machine code of the inner loops that run on the CPU, made by numba at their first use and kept."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["compiled"]

_UNWRITABLE = (RuntimeError, OSError)
"""What numba raises where it finds no folder to write to, or the disk is full."""
_DAMAGED = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
"""What reading a file that numba kept raises where it is damaged: those that ``pickle`` names, and those seen."""


def compiled(signature: str, compiler: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Compile a function that fills arrays, for one signature.

    The machine code is kept where Python keeps its own (``__pycache__`` beside the module), else in the user's cache
    folder (``NUMBA_CACHE_DIR`` names another), for this processor and this text of the module. Nothing else tells
    numba that code is out of date: a kernel may call nothing of the project that stands in another file, and the flags
    that it is compiled with stand in its own. Where nothing can be written, it is compiled each time; what is damaged
    is made anew.

    Parameters
    ----------
    signature : str
        Types of arguments and result, as numba writes them. Arrays are not aliases of each other by agreement only.
    compiler : callable
        ``numba.njit`` with its flags, as a ``functools.partial``; ``nogil=True`` among them lets kernels run in
        threads.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        def build(cache: bool) -> Callable[..., None]:
            made: Callable[..., None] = compiler(signature, cache=cache)(function)
            return made

        try:
            try:
                return build(cache=True)
            except _DAMAGED:
                _forget(compiler(cache=True)(function).stats.cache_path, function)
                return build(cache=True)
        except _UNWRITABLE:
            return build(cache=False)

    return decorate


def _forget(folder: str, function: Callable[..., Any]) -> None:
    """Remove the indices that numba keeps of a function in a folder, so that it writes them and the code anew."""
    name = function.__qualname__.replace("<", "").replace(">", "")
    for index in Path(folder).glob(f"{Path(function.__code__.co_filename).stem}.{name}-*.nbi"):
        try:
            index.unlink(missing_ok=True)
        except OSError as error:
            warnings.warn(
                f"{index} is damaged and cannot be removed ({error.strerror}), so its code is compiled at each start; "
                "remove it.",
                RuntimeWarning,
                stacklevel=2,
            )
            raise
