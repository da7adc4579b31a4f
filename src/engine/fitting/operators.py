"""Symmetry operators moved to where the map has them: their axes and their centre, as one rigid body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from ..density.map import DensityMap
from ..density.sample import sample
from ..structure.symmetry import IDENTITY, Symmetry, apply, inverse, product

__all__ = ["SettledSymmetry", "settle"]

Array = NDArray[np.float64]

_AROUND = 2.5
"""Angstrom (standard deviation) around CA atoms at which density is compared: backbone and side chains."""
_PROBES = 4000
"""Points of comparison: more change the operators by less than 0.05 A (3isr, four copies at 5 A)."""
_OPERATORS = 6
"""Operators compared, those to the nearest copies: axes and centre have six parameters, and one operator fixes five."""
_FARTHEST = 4.0
"""Angstrom that copies may move by: models that are farther off have other copies, or other symmetry."""
_RIDGE = 2e-4
"""Correlation that a shift of one angstrom must bring: holds what the map does not tell (a shift along an axis)."""
_GAIN = 0.005
"""Correlation below which operators stay as they were given."""


@dataclass(frozen=True)
class SettledSymmetry:
    """A symmetry that suits a map.

    Attributes
    ----------
    symmetry : Symmetry
    moved : float
        How far the copies moved, rms of the model's atoms in angstrom; 0 where the operators stay.
    """

    symmetry: Symmetry
    moved: float = 0.0


def settle(symmetry: Symmetry, density: DensityMap, points: Array) -> SettledSymmetry:
    """Turn and shift all operators together, ``S -> F S F^-1``, so that the map around the copies agrees best.

    Operators from a model are as exact as the model is placed, those from a symbol as its centre is known (programs
    differ by half a voxel). Copies that lie outside of the map are not compared.

    Parameters
    ----------
    symmetry : Symmetry
    density : DensityMap
        The whole map.
    points : ndarray, shape (P, 3)
        CA atoms of the copy that is computed, in angstrom.
    """
    generator = np.random.default_rng(0)  # where exactly the points lie does not matter, as long as it repeats
    chosen = points[generator.integers(len(points), size=_PROBES)]
    probes = chosen + generator.normal(0.0, _AROUND, chosen.shape)
    there = sorted(
        (one for one in symmetry.neighbours() if _inside(density, apply(one, points)) > 0.5),
        key=lambda one: float(np.linalg.norm(apply(one, points).mean(0) - points.mean(0))),
    )[:_OPERATORS]
    if not there or _inside(density, points) <= 0.5:
        return SettledSymmetry(symmetry)
    own = sample(density, probes)
    centre = points.mean(0)
    size = float(np.sqrt(np.square(points - centre).sum(-1).mean()))

    def agreement(parameters: Array) -> float:
        frame = _frame(parameters, centre, size)
        back = inverse(frame)
        moved = (product(frame, product(one, back)) for one in there)
        return float(np.mean([_correlation(own, sample(density, apply(one, probes))) for one in moved]))

    def loss(parameters: Array) -> float:
        return _RIDGE * float(parameters @ parameters) - agreement(parameters)

    found = minimize(loss, np.zeros(6), method="Powell", options={"maxiter": 6, "xtol": 0.02, "ftol": 1e-4})
    frame = _frame(found.x, centre, size)
    back = inverse(frame)
    operators = np.array([product(frame, product(one, back)) for one in symmetry.operators])
    operators[0] = IDENTITY
    ways = [
        np.linalg.norm(apply(a, points) - apply(b, points), axis=-1)
        for a, b in zip(operators, symmetry.operators, strict=True)
    ]
    moved = float(np.sqrt(np.mean(np.square(ways[1:]))))
    if moved > _FARTHEST or agreement(found.x) < agreement(np.zeros(6)) + _GAIN:
        return SettledSymmetry(symmetry)
    return SettledSymmetry(replace(symmetry, operators=operators), moved)


def _frame(parameters: Array, centre: Array, size: float) -> Array:
    """Operator of a rigid motion about a centre: three angles, as ways at a radius of `size`, and three shifts."""
    turn = Rotation.from_rotvec(parameters[:3] / size).as_matrix()
    frame: Array = np.column_stack([turn, centre - turn @ centre + parameters[3:]])
    return frame


def _inside(density: DensityMap, points: Array) -> float:
    """Fraction of points in the box of a map."""
    index = density.to_index(points)
    return float(((index >= 0) & (index <= np.array(density.shape) - 1)).all(-1).mean())


def _correlation(a: Array, b: Array) -> float:
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
