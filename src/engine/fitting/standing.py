"""How far the best places of a body stand out from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Standing", "judge_places"]

_LEAST_SPREAD = 0.02
"""Correlation: places that fit by chance differ by 0.01 to 0.04; a narrower spread of the few that were kept is no
reason to believe the first of them."""
LEAST_Z = 5.0
"""From which a place counts as found (`benchmarks/docking.py`): the lowest of a table of z at which none of 43 wrong
places was taken. Twenty validation chains in maps of 3 to 8 A had 8.5 and more, 17 of them bent by 3 A and found within
4 A and 10 degrees 3.3 to 12 (12 of them above 5); other proteins in these maps 3.4 and less, and one wrong place of a
bent one 4.6."""


@dataclass(frozen=True)
class Standing:
    """The places that stand out.

    Attributes
    ----------
    count : int
        How many of the first places are as good as each other: copies of the body, if they are found at all.
    z : float
        Standard deviations by which the last of them exceeds the mean of those behind it.
    next : float
        Correlation of the best place that is none of them.
    """

    count: int
    z: float
    next: float

    @property
    def found(self) -> bool:
        """Whether they are places of the body, and not the best of chance."""
        return self.z >= LEAST_Z


def judge_places(correlations: Sequence[float]) -> Standing:
    """Split distinct places, best first, at the widest gap in their first half.

    Raises
    ------
    ValueError
        If there are fewer than four, which tell nothing of chance.
    """
    scores = np.asarray(correlations, dtype=float)
    if len(scores) < 4:
        raise ValueError("at least four places are needed to tell whether the first of them stands out")
    gaps = scores[:-1] - scores[1:]
    count = int(gaps[: len(scores) // 2].argmax()) + 1
    rest = scores[count:]
    z = (scores[count - 1] - rest.mean()) / max(float(rest.std()), _LEAST_SPREAD)
    return Standing(count, float(z), float(rest[0]))
