"""Density of a single atom in closed form, for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["radial_density"]


def radial_density(
    r: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64], b_factor: float = 0.0
) -> NDArray[np.float64]:
    """Density of one atom at distance r, ``sum_j a_j (4 pi / w_j)^(3/2) exp(-4 pi^2 r^2 / w_j)``.

    Here ``w_j = b_j + B``: the Fourier transform of the form factor times ``exp(-B k^2 / 4)``.

    Parameters
    ----------
    r : ndarray of float64, any shape
        Distances from the atom in A.
    a, b : ndarray of float64, shape (5,)
        Coefficients as from `electron_form_factors`.
    b_factor : float
        Isotropic B-factor in A^2.

    Returns
    -------
    ndarray of float64, shape of `r`
        Density in 1/A^2; its integral over space is f(0) in A.
    """
    width = b + b_factor
    return (a * (4 * np.pi / width) ** 1.5 * np.exp(-4 * np.pi**2 * r[..., None] ** 2 / width)).sum(-1)
