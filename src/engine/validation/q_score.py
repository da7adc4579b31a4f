"""Q-scores: how well the density around each atom is resolved, compared with a Gaussian."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..density.map import DensityMap
from ..density.sample import sample

__all__ = ["Q_SIGMA", "q_scores", "sphere_points"]

Array = NDArray[np.float64]

Q_SIGMA = 0.6
"""Standard deviation in A of the reference Gaussian (Pintilie et al. 2020)."""

RADII = np.arange(1, 21) * 0.1
"""Radii in A of the shells around an atom, besides its centre."""

POINTS = 8
"""Least number of points on a shell."""

TRIES = 50
"""How often a shell is tried, with two points more each time, until enough of them belong to the atom."""

OWN = 0.9
"""A point belongs to its atom if no other is closer than this part of the radius of the shell (a little less than the
radius itself, so that the atom is not found to be closer than itself)."""

_BATCH = 2048  # atoms at once


def q_scores(density: DensityMap, xyz: NDArray[np.floating], sigma: float = Q_SIGMA) -> Array:
    """Q-score of each atom: correlation about the mean of the density around it with a Gaussian, as in MapQ.

    ``Q = <u - <u>, v - <v>> / (|u - <u>| |v - <v>|)``, where u are the values of the map at points on shells up to
    2.0 A around the atom that are closer to it than to any other, and ``v = exp(-r^2 / 2 sigma^2)`` at their radii.
    The centre counts as often as a shell has points. A shell takes at least 8 points; if too few of the evenly spread
    ones belong to the atom, two more are spread, up to 106, and a shell on which that fails is left out.

    Parameters
    ----------
    density : DensityMap
    xyz : ndarray, shape (A, 3)
        Heavy atoms of the whole model, one conformer, in A.
    sigma : float
        A.

    Returns
    -------
    ndarray, shape (A,)
        -1 to 1; 0 where the map is constant around an atom. Outside the map the density counts as 0.

    Notes
    -----
    Pintilie, Zhang, Su, Li, Schmid & Chiu (2020), Nat. Methods 17, 328.
    """
    xyz = np.asarray(xyz, np.float64).reshape(-1, 3)
    scores = np.zeros(len(xyz))
    if not len(xyz):
        return scores
    tree = cKDTree(xyz)
    for start in range(0, len(xyz), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(xyz)))
        scores[rows] = _batch(density, xyz, tree, rows, sigma)
    return scores


@lru_cache(maxsize=TRIES)
def sphere_points(count: int) -> Array:
    """Evenly spread directions (count, 3), as MapQ has them: a spiral (Saff & Kuijlaars 1997, Math. Intell. 19, 5)."""
    height = np.linspace(-1.0, 1.0, count)
    ring = np.sqrt(np.maximum(1.0 - height**2, 0.0))
    steps = np.zeros(count)
    steps[1:-1] = 3.6 / (np.sqrt(count) * ring[1:-1])
    angle = np.cumsum(steps)
    angle[-1] = 0.0
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), height], -1)


def _batch(density: DensityMap, xyz: Array, tree: cKDTree, rows: NDArray[np.int64], sigma: float) -> Array:
    """Q-scores of some of the atoms."""
    centre = xyz[rows]
    others = _neighbours(xyz, tree, rows)
    at_centre = sample(density, centre)
    # Sums over all points of an atom: their number, u, u u, u v; v and v v follow from the numbers.
    number, reference = np.full(len(rows), float(POINTS)), np.full(len(rows), float(POINTS))
    reference_square = reference.copy()
    total, square, product = POINTS * at_centre, POINTS * at_centre**2, POINTS * at_centre
    for radius in RADII:
        gaussian = float(np.exp(-0.5 * (radius / sigma) ** 2))
        for atom, points in _shell(centre, others, float(radius)):
            values = sample(density, points)
            count = np.bincount(atom, minlength=len(rows)).astype(np.float64)
            sums = np.bincount(atom, values, len(rows))
            number += count
            reference += gaussian * count
            reference_square += gaussian**2 * count
            total += sums
            square += np.bincount(atom, values**2, len(rows))
            product += gaussian * sums
    covariance = product - total * reference / number
    spread = np.maximum(square - total**2 / number, 0.0) * (reference_square - reference**2 / number)
    constant = spread <= 1e-12 * np.maximum(square * reference_square, 1e-300)
    return np.asarray(np.where(constant, 0.0, covariance / np.sqrt(np.where(constant, 1.0, spread))))


def _neighbours(xyz: Array, tree: cKDTree, rows: NDArray[np.int64]) -> Array:
    """Positions of other atoms relative to each atom, nearest first, far away where there are no more; (rows, K, 3)."""
    reach = (1.0 + OWN) * float(RADII[-1])
    lists = tree.query_ball_point(xyz[rows], reach)
    most = max(len(each) for each in lists)
    apart, index = tree.query(xyz[rows], k=max(most, 2), distance_upper_bound=reach * (1 + 1e-9))
    missing = ~np.isfinite(apart) | (index == rows[:, None])
    relative = xyz[np.where(missing, 0, index)] - xyz[rows][:, None]
    relative[missing] = 1e6
    return np.asarray(relative)


def _shell(centre: Array, others: Array, radius: float) -> list[tuple[NDArray[np.int64], Array]]:
    """Points of one shell that belong to their atoms: indices of the atoms, and positions."""
    found = []
    pending = np.arange(len(centre))
    square = (others**2).sum(-1)
    for attempt in range(TRIES):
        directions = sphere_points(POINTS + 2 * attempt)
        # |r d - b|^2 >= (0.9 r)^2 for all other atoms b; those beyond 1.9 r cannot come so close
        near = int((square[pending] < ((1.0 + OWN) * radius) ** 2).sum(-1).max(initial=0)) + 1
        b = others[pending, :near]
        along = np.einsum("pkc,nc->pnk", b, directions, optimize=True)
        limit = (square[pending, :near] + (1.0 - OWN**2) * radius**2) / (2 * radius)
        own = (along <= limit[:, None]).all(-1)
        enough = own.sum(-1) >= POINTS
        atom, point = np.nonzero(own & enough[:, None])
        found.append((pending[atom], centre[pending[atom]] + radius * directions[point]))
        pending = pending[~enough]
        if not pending.size:
            break
    return [each for each in found if len(each[0])]
