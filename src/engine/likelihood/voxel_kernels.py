"""Compiled loops over the voxels of a patch of a map: masked sums, and the residual that pulls atoms."""

# mypy: disable-error-code="assignment, no-untyped-def"

from __future__ import annotations

from functools import partial

import numpy as np
from numba import njit

from ..physics.compiling import compiled

__all__ = ["masked_sums", "masked_residual"]

_COMPILER = partial(njit, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
"""Sums may be taken in another order, which lets them run on vectors; the order is the same in each run."""


@compiled("void(f4[:,:,::1], i8, f4[:,:,::1], f4[:,:,::1], i8[::1], f8[::1])", _COMPILER)
def masked_sums(density, depth, mask, values, first, out):
    """Sums of ``m rho``, ``m rho^2`` and ``m rho y`` over a patch.

    Parameters
    ----------
    density : ndarray of float32, shape (nx, ny, pitch)
        rho, in a patch; rows may be longer than `depth`.
    depth : int
        Voxels along the last axis of the patch.
    mask, values : ndarray of float32
        m and y, of the whole map.
    first : ndarray of int64, shape (3,)
        Voxel of the map where the patch begins.
    out : ndarray of float64, shape (3,)
        Each row is summed in single precision, rows in double.
    """
    plain, square, product = 0.0, 0.0, 0.0
    x, y, z = first[0], first[1], first[2]
    for i in range(density.shape[0]):
        for j in range(density.shape[1]):
            model = density[i, j, :depth]
            weight = mask[x + i, y + j, z : z + depth]
            target = values[x + i, y + j, z : z + depth]
            a, b, c = np.float32(0), np.float32(0), np.float32(0)
            for k in range(depth):
                weighted = weight[k] * model[k]
                a += weighted
                b += weighted * model[k]
                c += weighted * target[k]
            plain += a
            square += b
            product += c
    out[0], out[1], out[2] = plain, square, product


@compiled("void(f4[:,:,::1], i8, f4[:,:,::1], f4[:,:,::1], i8[::1], f4, f4)", _COMPILER)
def masked_residual(density, depth, mask, values, first, scale, mean):
    """Put ``m s (s (rho - mean) - y)`` in the place of rho; arrays as in `masked_sums`."""
    x, y, z = first[0], first[1], first[2]
    shift = scale * mean
    for i in range(density.shape[0]):
        for j in range(density.shape[1]):
            model = density[i, j, :depth]
            weight = mask[x + i, y + j, z : z + depth]
            target = values[x + i, y + j, z : z + depth]
            for k in range(depth):
                model[k] = scale * weight[k] * (scale * model[k] - shift - target[k])
