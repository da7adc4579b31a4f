"""The command line ``adp3d``: thin commands over the pipelines."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those the program was started with: the process is tuned for computing then, for which it starts
        anew (`tune_process`).
    """
    if arguments is None:
        from ..job.runtime import tune_process

        tune_process()
    from .app import run  # heavy imports wait until a command is really run

    return run(arguments)
