"""Fourier transforms of maps: frequencies, resolution shells, padding and filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from .map import DensityMap

__all__ = ["Shells", "filtered", "nyquist", "padded", "shells", "squared_frequency"]


def squared_frequency(shape: tuple[int, int, int], axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """|s|^2 of every coefficient that `scipy.fft.rfftn` returns, in 1/A^2.

    With frequencies f in cycles per voxel, s = axes^-1 f, for perpendicular axes or not.

    Parameters
    ----------
    shape : tuple of int
        Grid points (nx, ny, nz).
    axes : ndarray, shape (3, 3)
        Step vectors as rows, in angstrom.

    Returns
    -------
    ndarray of float64, shape (nx, ny, nz // 2 + 1)
        Squared frequencies.
    """
    nx, ny, nz = shape
    inverse = np.linalg.inv(axes)
    metric = inverse.T @ inverse
    f = (fft.fftfreq(nx)[:, None, None], fft.fftfreq(ny)[None, :, None], fft.rfftfreq(nz)[None, None, :])
    squared = np.zeros((nx, ny, nz // 2 + 1))
    for i in range(3):
        for j in range(i, 3):
            if metric[i, j] != 0.0:
                squared += (1 if i == j else 2) * metric[i, j] * (f[i] * f[j])
    return np.maximum(squared, 0.0)


def nyquist(axes: NDArray[np.float64]) -> float:
    """Highest frequency that the grid carries in every direction: 1 / (2 longest step), in 1/A."""
    return 0.5 / float(np.linalg.norm(axes, axis=1).max())


@dataclass(frozen=True)
class Shells:
    """Fourier coefficients of a grid grouped by resolution.

    Parameters
    ----------
    frequency : ndarray of float64, shape (S,)
        Root mean square |s| of the members of each shell, in 1/A, increasing.
    count : ndarray of float64, shape (S,)
        Number of coefficients of the full (not the half) transform in each shell.
    index : ndarray of int64, shape (nx * ny * (nz // 2 + 1),)
        Shell of each coefficient of the half transform; S for those in no shell.
    weight : ndarray of float64, same shape as `index`
        2 for coefficients whose conjugate the half transform leaves out, else 1.
    """

    frequency: NDArray[np.float64]
    count: NDArray[np.float64]
    index: NDArray[np.int64]
    weight: NDArray[np.float64]

    def mean(self, quantity: NDArray[Any]) -> NDArray[np.float64]:
        """Mean over each shell of a real quantity given on the half transform; shape (S,)."""
        return _sums(self.index, self.weight * quantity.ravel(), len(self.count)) / self.count

    def spread(self, per_shell: NDArray[np.float64], beyond: float) -> NDArray[np.float64]:
        """Give every coefficient the value of its shell, and `beyond` to those in none (flat array)."""
        return np.append(per_shell, beyond)[self.index]


def shells(shape: tuple[int, int, int], axes: NDArray[np.float64], minimum_count: int = 40) -> Shells:
    """Shells of equal width, one voxel of the transform wide, from the lowest frequency to Nyquist.

    The origin of the transform is in no shell. Shells with fewer than `minimum_count` coefficients
    are joined to their neighbour.
    """
    squared = squared_frequency(shape, axes)
    s = np.sqrt(squared).ravel()
    highest = nyquist(axes)
    width = 1.0 / float((np.array(shape) * np.linalg.norm(axes, axis=1)).min())
    n_raw = max(1, int(highest / width))
    width = highest / n_raw
    index: NDArray[np.int64] = np.minimum((s / width).astype(np.int64), n_raw)
    index[0] = n_raw
    nz = shape[2]
    along_z = np.full(nz // 2 + 1, 2.0)
    along_z[0] = 1.0
    if nz % 2 == 0:
        along_z[-1] = 1.0
    weight = np.tile(along_z, shape[0] * shape[1])
    members = _sums(index, weight, n_raw)
    group, groups, held = np.zeros(n_raw + 1, dtype=np.int64), 0, 0.0
    for shell in range(n_raw):
        group[shell] = groups
        held += float(members[shell])
        if held >= minimum_count:
            groups, held = groups + 1, 0.0
    # What is left over at the end joins the last full shell.
    groups = max(groups, 1)
    group = np.minimum(group, groups - 1)
    group[n_raw] = groups
    index = group[index]
    count = _sums(index, weight, groups)
    frequency = np.sqrt(_sums(index, weight * squared.ravel(), groups) / count)
    return Shells(frequency, count, index, weight)


def _sums(index: NDArray[np.int64], quantity: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """Sum over the members of each group; the last index, one beyond the groups, is left out."""
    return np.bincount(index, quantity, minlength=groups + 1)[:groups].astype(np.float64)


def padded(values: NDArray[np.float32], width: tuple[int, int, int]) -> NDArray[np.float32]:
    """Values with at least `width` extra points behind and before each axis, ready for a transform.

    The surroundings fall linearly from the faces to the mean of the faces, so that the periodic
    transform sees no jump; the total length is one that transforms fast.

    Returns
    -------
    ndarray of float32
        The original is at ``[w0:w0 + nx, w1:w1 + ny, w2:w2 + nz]``.
    """
    level = float(np.mean([values.take(end, axis=axis).mean() for axis in range(3) for end in (0, -1)]))
    pads = []
    for n, w in zip(values.shape, width, strict=True):
        total = fft.next_fast_len(n + 2 * w, real=True)
        pads.append((w, total - n - w))
    return np.pad(values, pads, mode="linear_ramp", end_values=level)


def filtered(map: DensityMap, transfer: Callable[[NDArray[Any]], NDArray[Any]], margin: float) -> DensityMap:
    """Multiply the transform of a map by an isotropic function.

    Parameters
    ----------
    map : DensityMap
        The map.
    transfer : callable
        Takes |s|^2 in 1/A^2 and returns real factors of the same shape.
    margin : float
        Padding in angstrom: how far the filter reaches.
    """
    reach = margin * np.linalg.norm(np.linalg.inv(map.axes), axis=0)
    w = tuple(int(np.ceil(r)) for r in reach)
    box = padded(map.values, (w[0], w[1], w[2]))
    transform = fft.rfftn(box)
    transform *= transfer(squared_frequency(box.shape, map.axes)).astype(np.float32)
    back = fft.irfftn(transform, s=box.shape)
    nx, ny, nz = map.shape
    return map.with_values(back[w[0] : w[0] + nx, w[1] : w[1] + ny, w[2] : w[2] + nz])
