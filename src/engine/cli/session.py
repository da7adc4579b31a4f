"""What the commands of one invocation share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..job.execute import Pipeline, load_pipeline

__all__ = ["Session"]


@dataclass
class Session:
    """State of one invocation of the command line.

    Attributes
    ----------
    load : callable
        Gives the pipeline for a kind of job.
    debug : bool
        Show tracebacks.
    """

    load: Callable[[str], Pipeline] = load_pipeline
    debug: bool = False
