"""How far the best places of a body stand out from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Standing", "judge_places"]

_LEAST_SPREAD = 0.02
"""Correlation: places that fit by chance differ by 0.01 to 0.04; a narrower spread of the few that were kept is no
reason to believe the first of them."""
_LEAST_CHANCE, _CHANCE = 4, 20
"""Places that tell what fits by chance: at least, and at most, since the worst of many say nothing of how good the best
of them may be. `LEAST_Z` was calibrated with 20 places in all."""
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
    """Split distinct places, best first, at their widest gap.

    Any gap counts in the first half of the first 20 places. Behind that, at the end of more copies, only one that is
    wider than the places before it differ: copies are alike, and among places by chance some gap is the widest. At
    least four places are left behind it, and chance is measured on the best 20 of these.

    Raises
    ------
    ValueError
        If there are fewer than four, which tell nothing of chance.
    """
    scores = np.asarray(correlations, dtype=float)
    if len(scores) < _LEAST_CHANCE:
        raise ValueError("at least four places are needed to tell whether the first of them stands out")
    gaps = scores[:-1] - scores[1:]
    number = np.arange(len(gaps))
    few = number < min(len(scores), _CHANCE) // 2
    many = (number < len(scores) - _LEAST_CHANCE) & (gaps > scores[0] - scores[:-1])
    count = int(np.where(few | many, gaps, -np.inf).argmax()) + 1
    rest = scores[count : count + _CHANCE]
    z = (scores[count - 1] - rest.mean()) / max(float(rest.std()), _LEAST_SPREAD)
    return Standing(count, float(z), float(rest[0]))
