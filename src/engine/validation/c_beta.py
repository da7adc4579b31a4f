"""How far C-beta atoms lie from where the backbone says that they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from .torsions import distance

__all__ = ["c_beta_deviation", "ideal_c_beta"]

_IDEAL: Mapping[str, tuple[float, float, float, float, float]] = MappingProxyType(
    {
        "ALA": (1.536, 110.1, 122.9, 110.6, -122.6),
        "PRO": (1.530, 112.2, 115.1, 103.0, -120.7),
        "VAL": (1.540, 109.1, 123.4, 111.5, -122.0),
        "THR": (1.540, 109.1, 123.4, 111.5, -122.0),
        "ILE": (1.540, 109.1, 123.4, 111.5, -122.0),
    }
)
_OTHERS = (1.530, 110.1, 122.8, 110.5, -122.6)
# Distance CA-CB (A), angle C-CA-CB, torsion N-C-CA-CB, angle N-CA-CB, torsion C-N-CA-CB (degrees), as in MolProbity,
# whose definition of the deviation they are part of.


def ideal_c_beta(names: Sequence[str], x: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ideal C-beta positions (N, 3) in A: the mean of the places built from N and from C, at the ideal distance.

    Parameters
    ----------
    names : sequence of str
        N residue names.
    x : ndarray, shape (N, 4, 3)
        N, CA, C, O in A; NaN where missing.

    Returns
    -------
    ndarray, shape (N, 3)
        NaN for glycine and where N, CA or C is missing.
    """
    x = np.asarray(x, np.float64).reshape(-1, 4, 3)
    length, angle_c, torsion_c, angle_n, torsion_n = (
        np.array([_IDEAL.get(name, _OTHERS) for name in names], np.float64).reshape(-1, 5).T
    )
    n, ca, c = x[:, 0], x[:, 1], x[:, 2]
    middle = (_fourth(n, c, ca, length, angle_c, torsion_c) + _fourth(c, n, ca, length, angle_n, torsion_n)) / 2
    away = middle - ca
    size = np.sqrt((away**2).sum(-1, keepdims=True))
    ideal: NDArray[np.float64] = ca + away * length[:, None] / size
    ideal[[name == "GLY" for name in names]] = np.nan
    return ideal


def c_beta_deviation(names: Sequence[str], x: NDArray[np.floating], cb: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distances (N,) in A of C-beta atoms (N, 3) from `ideal_c_beta`, which see; NaN where undefined."""
    return distance(np.asarray(cb, np.float64), ideal_c_beta(names, x))


def _fourth(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    length: NDArray[np.float64],
    angle: NDArray[np.float64],
    torsion: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Point d with distance c-d, angle b-c-d and torsion a-b-c-d (degrees)."""
    along = _unit(c - b)
    normal = _unit(np.cross(b - a, along))
    bend, turn = np.radians(angle), np.radians(torsion)
    step = np.stack([-np.cos(bend), np.sin(bend) * np.cos(turn), np.sin(bend) * np.sin(turn)], -1) * length[:, None]
    placed: NDArray[np.float64] = (
        c + step[:, :1] * along + step[:, 1:2] * np.cross(normal, along) + step[:, 2:] * normal
    )
    return placed


def _unit(v: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = v / np.maximum(np.sqrt((v**2).sum(-1, keepdims=True)), 1e-9)
    return unit
