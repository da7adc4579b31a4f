"""Whether a model lies in an open map: a quick look at low resolution, before anything is written for the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from chimerax.map import Volume

__all__ = ["correlation_nearby"]

_STEP = 3.0
"""Angstrom between the points that are compared."""
_MARGIN = 9.0
"""Angstrom around the atoms that are looked at, beyond the reach of what blurs them."""
_MAP_SPREAD, _ATOM_SPREAD = 1.7, 1.9
"""Angstrom, standard deviations of the blur of map and atoms: B of 225 A^2, which the engine takes at such steps, and
60 A^2 more of an atom."""
_MASK_LEVEL = 0.02
"""Part of the highest density of the blurred atoms from which a point belongs to their surroundings."""


def correlation_nearby(volume: Volume, points: NDArray[np.float64]) -> float:
    """Correlation of a map with atoms in their surroundings, times the share of the atoms that lie in its box.

    Parameters
    ----------
    volume : Volume
    points : ndarray, shape (n, 3)
        Atoms in the map's own frame, in angstrom; at least one.
    """
    size = np.array(volume.data.size)
    matrix = np.asarray(volume.data.xyz_to_ijk_transform.matrix, np.float64)
    per_angstrom = np.linalg.norm(matrix[:, :3], axis=1)
    index = points @ matrix[:, :3].T + matrix[:, 3]
    inside = ((index >= 0) & (index <= size - 1)).all(axis=1)
    if not inside.any():
        return 0.0
    index = index[inside]
    step = np.maximum(np.rint(_STEP * per_angstrom), 1).astype(int)
    low = np.maximum(np.floor(index.min(0) - _MARGIN * per_angstrom), 0).astype(int)
    high = np.minimum(np.ceil(index.max(0) + _MARGIN * per_angstrom), size - 1).astype(int)
    count = (high - low + 1) // step
    if (count < 2).any():
        return 0.0
    region = (tuple(low.tolist()), tuple((low + count * step - 1).tolist()), (1, 1, 1))
    (ni, nj, nk), (si, sj, sk) = count.tolist(), step.tolist()
    values = np.asarray(volume.region_matrix(region), np.float32)
    density = values.reshape(nk, sk, nj, sj, ni, si).mean(axis=(1, 3, 5), dtype=np.float64)
    atoms = np.zeros(density.shape)
    i, j, k = np.minimum((index - low).astype(int) // step, count - 1).T
    np.add.at(atoms, (k, j, i), 1.0)
    cells = (per_angstrom / step)[::-1]
    density, atoms = _blurred(density, _MAP_SPREAD * cells), _blurred(atoms, _ATOM_SPREAD * cells)
    near = atoms > _MASK_LEVEL * atoms.max()
    if min(density[near].std(), atoms[near].std()) == 0.0:
        return 0.0
    return float(np.corrcoef(density[near], atoms[near])[0, 1] * inside.mean())


def _blurred(values: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian blur by the given number of points along each axis."""
    nz, ny, nx = values.shape
    along = (np.fft.fftfreq(nz), np.fft.fftfreq(ny), np.fft.rfftfreq(nx))
    z, y, x = (np.exp(-2.0 * (np.pi * f * s) ** 2) for f, s in zip(along, spread, strict=True))
    result = np.fft.irfftn(np.fft.rfftn(values) * (z[:, None, None] * y[:, None] * x), s=values.shape, axes=(0, 1, 2))
    return np.asarray(result, np.float64)
