"""Messages with which a client steers a running job."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

__all__ = ["PLACING", "RELAXING", "Fix", "Pause", "Resume", "SetWeight", "Steering", "Stop", "Tug"]

PLACING, RELAXING = "placing side chains", "relaxing"
"""Stages after the last one that samples: there, nothing is held, released or tugged any more."""

_FARTHEST = 1e5
"""Angstrom from the origin of a frame up to which a place is taken for one: wider than any map."""


@dataclass(frozen=True)
class Stop:
    """Client to engine: end the running job after a checkpoint, or take a `Question` back.

    Answered by `Stopped`, unless the answer was on its way already.
    """

    kind: ClassVar[str] = "stop"
    job_id: str


@dataclass(frozen=True)
class Pause:
    """Client to engine: hold the running job."""

    kind: ClassVar[str] = "pause"
    job_id: str


@dataclass(frozen=True)
class Resume:
    """Client to engine: let a paused job go on."""

    kind: ClassVar[str] = "resume"
    job_id: str


@dataclass(frozen=True)
class SetWeight:
    """Client to engine: change a weight (such as ``density_weight``) of the running job."""

    kind: ClassVar[str] = "set_weight"
    job_id: str
    name: str
    value: float


@dataclass(frozen=True)
class Fix:
    """Client to engine: hold residues of the running job where the best replica (see `Best`) has them, or release them.

    ``residues`` are positions in the order of `Layout`.
    """

    kind: ClassVar[str] = "fix"
    job_id: str
    residues: list[int]
    fixed: bool = True


@dataclass(frozen=True)
class Tug:
    """Client to engine: pull a residue of the running job (all replicas) towards a place, or let it go (``on`` False).

    A new place of the same residue replaces the one before; one residue is pulled at a time.

    Attributes
    ----------
    residue : int
        Position in the order of `Layout`.
    target : list of float, length 3
        Where its CA atom is pulled, in the frame of `Layout`, in angstrom.
    """

    kind: ClassVar[str] = "tug"
    job_id: str
    residue: int
    target: list[float]
    on: bool = True

    def __post_init__(self) -> None:
        if self.residue < 0:
            raise ValueError(f"there is no residue {self.residue}")
        if len(self.target) != 3 or not all(math.isfinite(v) and abs(v) <= _FARTHEST for v in self.target):
            raise ValueError(f"{self.target[:4]} is no place in angstrom")


Steering = Stop | Pause | Resume | SetWeight | Fix | Tug
