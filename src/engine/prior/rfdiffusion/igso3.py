"""Brownian rotations: the isotropic Gaussian on SO(3)."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["mean_character", "random_rotations", "rotation_of_vector", "spread_of_character"]

_ANGLES = 2048
_LEAST_SIGMA = 0.02
"""Radians below which the angle is that of a Gaussian vector: the curvature of SO(3) changes it by 1e-4 there."""
_TAIL = 30.0
"""Exponent at which the series may stop."""


def mean_character(sigma: float) -> float:
    r"""Mean of :math:`(1 + 2\cos\omega)/3 = \mathrm{tr}(Q)/3` over rotations Q of spread sigma: :math:`e^{-\sigma^2}`.

    Rotations that follow each other multiply it, if one of them is isotropic.
    """
    return math.exp(-(sigma**2))


def spread_of_character(character: float) -> float:
    """Inverse of `mean_character`, in radians; infinite for 0 and less."""
    return math.sqrt(-math.log(min(character, 1.0))) if character > 0 else math.inf


def random_rotations(sigma: float, count: int, generator: torch.Generator) -> Tensor:
    r"""Rotation matrices (count, 3, 3) of spread sigma about the identity, double precision.

    Brownian motion on SO(3) after a time :math:`\sigma^2`, so that small rotations have standard deviation sigma about
    each axis. The angle has the density

    .. math::
        p(\omega) = \frac{1 - \cos\omega}{\pi} \sum_l (2l + 1) e^{-l(l + 1)\sigma^2/2}
        \frac{\sin((l + 1/2)\,\omega)}{\sin(\omega/2)}

    and its axis any direction.

    References
    ----------
    Leach et al., Denoising diffusion probabilistic models on SO(3) (2022), with sigma = sqrt(2) of their scale;
    Yim et al., SE(3) diffusion model (2023).
    """
    axes = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    if sigma < _LEAST_SIGMA:
        return rotation_of_vector(sigma * axes)
    uniform = torch.rand(count, generator=generator, dtype=torch.float64)
    angles, distribution = _table(round(sigma, 6))
    angle = torch.from_numpy(np.interp(uniform.numpy(), distribution, angles))
    return rotation_of_vector(angle[:, None] * axes / axes.norm(dim=-1, keepdim=True))


def rotation_of_vector(vector: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) by angles |v| in radians about axes v (..., 3)."""
    zero = torch.zeros_like(vector[..., 0])
    x, y, z = vector.unbind(-1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    turned: Tensor = torch.linalg.matrix_exp(cross)
    return turned


@lru_cache(maxsize=256)
def _table(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angles in [0, pi] and their cumulative distribution."""
    angles = np.linspace(0.0, math.pi, _ANGLES + 1)
    middle = 0.5 * (angles[1:] + angles[:-1])
    orders = np.arange(math.ceil(math.sqrt(2.0 * _TAIL) / sigma) + 2)
    terms = (2 * orders + 1) * np.exp(-orders * (orders + 1) * sigma**2 / 2)
    series = np.sin(middle[:, None] * (orders + 0.5)) @ terms / np.sin(middle / 2)
    density = np.maximum(series, 0.0) * (1.0 - np.cos(middle))
    distribution = np.concatenate([[0.0], np.cumsum(density)])
    return angles, distribution / distribution[-1]
