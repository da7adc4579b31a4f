"""A job of which only some residues are sampled: who listens hears of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .events import Events, Passed

__all__ = ["Numbering", "SampledPart"]


@dataclass(frozen=True)
class SampledPart:
    """Residues that are sampled, and where the others are meanwhile.

    Attributes
    ----------
    rows : ndarray of int64, shape (K,)
        Those that are sampled, ascending.
    whole : ndarray, shape (N, 4, 3)
        All residues of the job, in angstrom.
    """

    rows: NDArray[np.int64]
    whole: NDArray[np.floating]

    def embed(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        """All residues (replica, N, 4, 3), those of x (replica, K, 4, 3) in their places."""
        out = np.repeat(self.whole[None].astype(x.dtype), len(x), 0)
        out[:, self.rows] = x
        return out

    def own(self, residues: Sequence[int]) -> list[int]:
        """Numbers among the K of residues of the job; the others are left out."""
        place = {row: i for i, row in enumerate(self.rows.tolist())}
        return [place[row] for row in residues if row in place]

    def told_to(self, events: Events) -> Events:
        """Tell frames and figures of the K residues as those of all; figures of the others are 0."""
        return _Embedded(events, self)


@dataclass(frozen=True)
class Numbering:
    """Numbers of residues in a job, from 0, and among those that are sampled.

    Attributes
    ----------
    part : SampledPart or None
        None if all are sampled.
    """

    part: SampledPart | None = None

    def total(self, sampled: int) -> int:
        """Residues of the job, of which so many are sampled."""
        return sampled if self.part is None else len(self.part.whole)

    def own(self, residues: Sequence[int]) -> list[int]:
        """Numbers among those that are sampled of residues of the job; those that are not are left out."""
        return list(residues) if self.part is None else self.part.own(residues)

    def in_job(self, sampled: int) -> int:
        """Number in the job of a residue that is sampled."""
        return sampled if self.part is None else int(self.part.rows[sampled])


class _Embedded(Passed):
    def __init__(self, events: Events, part: SampledPart) -> None:
        super().__init__(events)
        self._part = part

    def frame(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        super().frame(step, self._part.embed(coordinates), first_replica)

    def preview(self, step: int, coordinates: NDArray[np.floating], first_replica: int = 0) -> None:
        super().preview(step, self._part.embed(coordinates), first_replica)

    def residue_metric(self, name: str, values: Sequence[float], step: int) -> None:
        everywhere = np.zeros(len(self._part.whole))
        everywhere[self._part.rows] = values
        super().residue_metric(name, everywhere.tolist(), step)
