"""Errors that users meet."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one sentence that says what is wrong and what to do about it. The command line
    prints it without a traceback and exits with code 2; the worker sends it as an ``error`` message.
    """
