"""Rotations spread evenly over all orientations."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

__all__ = ["even_rotations", "rotations_for_step"]

_PHI = math.sqrt(2.0)
_PSI = 1.533751168755204288118041
"""Irrational ratios of the two spirals: the positive root of psi^4 = psi + 4 (Alexa, CVPR 2022)."""
_COVERING = 2.0
"""Rotations for each ball of the step's radius: balls overlap where they leave no gaps. With 2, of 20,000 random
orientations 99 % are within the step of the nearest rotation (`tests/engine/fitting/test_rotations.py`)."""


def even_rotations(count: int) -> NDArray[np.float64]:
    """Rotation matrices (count, 3, 3) of a super-Fibonacci spiral, which fills all orientations evenly.

    Alexa, "Super-Fibonacci Spirals: Fast, Low-Discrepancy Sampling of SO(3)", CVPR 2022, algorithm 1.
    """
    s = np.arange(count) + 0.5
    t = s / count
    inner, outer = np.sqrt(t), np.sqrt(1.0 - t)
    alpha, beta = 2.0 * math.pi * s / _PHI, 2.0 * math.pi * s / _PSI
    quaternions = np.stack(
        [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)], axis=1
    )
    matrices: NDArray[np.float64] = Rotation.from_quat(quaternions).as_matrix()
    return matrices


def rotations_for_step(step: float) -> int:
    r"""How many even rotations leave (nearly) no orientation farther than ``step`` radians from one of them.

    Of all rotations, the part :math:`(\delta - \sin\delta)/\\pi` is within the angle :math:`\delta` of a given one.
    """
    return max(1, math.ceil(_COVERING * math.pi / (step - math.sin(step))))
