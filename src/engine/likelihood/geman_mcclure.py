r"""Geman and McClure's function: harmonic at first, level far outside, so that what others contradict lets go.

:math:`\rho(s) = \frac12\,\frac{s^2}{1 + s^2/c^2}` of a deviation s in standard deviations.

References
----------
S. Geman and D. E. McClure (1987), Bull. Int. Stat. Inst. 52, 5; J. T. Barron (2019), CVPR, 4331.
"""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

__all__ = ["LETS_GO", "energy", "slope", "square_width"]

LETS_GO = 2.0
"""Standard deviations c at which a restraint pulls with a quarter of a harmonic one's force; it pulls hardest at
c/sqrt(3) and lets go beyond, as top-out restraints do (O. S. Smart et al., Acta Cryst. D68, 368 (2012); ISOLDE:
T. I. Croll and R. J. Read, Acta Cryst. D77, 1136 (2021)). For its choice see
`adp3d.likelihood.internal_geometry.InternalGeometryLikelihood`."""

_Sigma = TypeVar("_Sigma", float, Tensor)


def square_width(sigma: _Sigma, doubt: float, lets_go: float = LETS_GO) -> _Sigma:
    """c^2 + (2u/sigma)^2, where the structure itself is uncertain by u: ``doubt`` in the unit of ``sigma``."""
    return lets_go**2 + (2.0 * doubt / sigma) ** 2


def energy(scaled: Tensor, width: Tensor | float) -> Tensor:
    """The function of deviations in standard deviations, for widths c^2."""
    square = scaled.square()
    return 0.5 * square / (1.0 + square / width)


def slope(scaled: Tensor, width: Tensor | float) -> Tensor:
    """Force of a restraint over that of a harmonic one."""
    ratio: Tensor = (1.0 + scaled.square() / width) ** -2
    return ratio
