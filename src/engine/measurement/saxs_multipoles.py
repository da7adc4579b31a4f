r"""Intensity of beads turned at random, by multipoles: Debye's sum at a cost in proportion to the beads.

.. math::
    \sum_{ij} f_i f_j \frac{\sin q r_{ij}}{q r_{ij}}
    = 4 \pi \sum_{lm} \Big( \sum_i f_i(q)\, j_l(q r_i)\, Y_{lm}(\hat r_i) \Big)^2

with real spherical harmonics about the centre of the beads (H. B. Stuhrmann, Acta Cryst. A26, 297 (1970)). Bessel
functions j_l come from a table with their first two derivatives.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from scipy.special import spherical_jn
from torch import Tensor

__all__ = ["amplitudes", "harmonics", "orders"]

_STEP = 0.05
"""Of the table's argument; the remainder of the second-order expansion is (step/2)^3/6 = 3e-6 of a j_l of order one."""
_BEYOND = 6
"""Orders beyond q r: the square of j_l falls below 1e-4 of its peak within six orders of q r = 10 and eight of 30, and
what is cut off is that of the outermost beads alone."""
_MOST = 60
"""Order at which series end, for memory: beads beyond 110 angstrom are then blurred at q = 0.5."""
_NOTHING = 1e-12
"""Of j_l, beside its largest value of 1."""


def orders(largest: float) -> int:
    """Number of orders l for a largest q r, in whole fours so that tables can be kept."""
    return int(min(4 * math.ceil((largest + _BEYOND + largest ** (1.0 / 3.0)) / 4.0), _MOST))


def amplitudes(places: Tensor, q: Tensor, per_bead: tuple[Tensor, ...], count: int) -> list[Tensor]:
    """Multipoles of one or several kinds of amplitudes of the same beads.

    Parameters
    ----------
    places : Tensor, shape (M, 3)
        Relative to their centre, in angstrom.
    q : Tensor, shape (Q,)
        In 1/angstrom.
    per_bead : tuple of Tensor, each of shape (M, Q)
    count : int
        Number of orders l.

    Returns
    -------
    list of Tensor, each of shape (Q, count^2)
        Such that the sum of the squares over the last axis is the mean intensity; differentiable.
    """
    radius = torch.sqrt(places.square().sum(-1) + 1e-8)
    angular = harmonics(places / radius[:, None], count)
    radial = _bessel(q[:, None] * radius, count)
    scaled = [math.sqrt(4.0 * math.pi) * values.T for values in per_bead]
    # unbound at once: the gradient of each single row would fill a tensor of all of them
    pairs = list(zip(radial.unbind(0), angular, strict=True))
    return [torch.cat([(scale * bessel) @ harmonic for bessel, harmonic in pairs], dim=-1) for scale in scaled]


def harmonics(unit: Tensor, count: int) -> list[Tensor]:
    """Real spherical harmonics of directions (M, 3), a tensor (M, 2 l + 1) for each order l below ``count``.

    Recurrences of normalised Legendre functions divided by sin^m, which have no pole.
    """
    x, y, z = unit.unbind(-1)
    cosines, sines = [torch.ones_like(x)], [torch.zeros_like(x)]
    for _ in range(count - 1):
        cosines, sines = [*cosines, cosines[-1] * x - sines[-1] * y], [*sines, cosines[-1] * y + sines[-1] * x]
    along, across = torch.stack(cosines, -1), torch.stack(sines, -1)
    found: list[Tensor] = []
    before = last = z.new_zeros(len(z), 0)
    diagonal = math.sqrt(1.0 / (4.0 * math.pi))
    for order in range(count):
        m = torch.arange(max(order - 1, 0), dtype=z.dtype, device=z.device)
        a = torch.sqrt((4.0 * order**2 - 1.0) / (order**2 - m**2))
        b = torch.sqrt(((order - 1.0) ** 2 - m**2) / (4.0 * (order - 1.0) ** 2 - 1.0))
        older = torch.nn.functional.pad(before, (0, len(m) - before.shape[1]))
        rows = [a * (z[:, None] * last[:, : len(m)] - b * older)]
        if order:
            rows.append(math.sqrt(2.0 * order + 1.0) * z[:, None] * last[:, -1:])
            diagonal *= math.sqrt((2.0 * order + 1.0) / (2.0 * order))
        rows.append(torch.full_like(z, diagonal)[:, None])
        before, last = last, torch.cat(rows, -1)
        plus = math.sqrt(2.0) * last[:, 1:]
        found.append(torch.cat([last[:, :1], plus * along[:, 1 : order + 1], plus * across[:, 1 : order + 1]], -1))
    return found


def _bessel(x: Tensor, count: int) -> Tensor:
    """j_l(x) for l below ``count``, shape (count, *x.shape)."""
    top = 64 * (int(x.detach().max().item() / _STEP + 2) // 64 + 1)
    table = _table(count, top, x.device, x.dtype)
    nearest = (x.detach() / _STEP).round()
    off = (x - _STEP * nearest).flatten()[:, None]
    value, slope, curvature = (part.index_select(0, nearest.long().flatten()) for part in table)
    found = value + off * (slope + 0.5 * off * curvature)
    return found.T.reshape(count, *x.shape)


@lru_cache(maxsize=8)
def _table(count: int, top: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """j_l, j_l' and j_l'' at multiples of the step, each of shape (top, count)."""
    x = _STEP * np.arange(top)[:, None]
    order = np.arange(count)[None]
    value, slope = spherical_jn(order, x), spherical_jn(order, x, derivative=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        curvature = -2.0 / x * slope - (1.0 - order * (order + 1.0) / x**2) * value
    curvature[0] = np.where(order[0] == 0, -1.0 / 3.0, np.where(order[0] == 2, 2.0 / 15.0, 0.0))
    # what is next to nothing is nothing: arithmetic with denormal numbers takes a hundred times as long
    whole = [np.where(np.abs(part) > _NOTHING, part, 0.0) for part in (value, slope, np.nan_to_num(curvature))]
    first, second, third = (torch.as_tensor(part, device=device, dtype=dtype) for part in whole)
    return first, second, third
