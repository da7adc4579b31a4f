"""Electron scattering of single atoms: tabulated five-Gaussian form factors and their density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError

__all__ = ["B_PER_VARIANCE", "N_GAUSSIANS", "electron_form_factors"]

N_GAUSSIANS = 5
"""Gaussians per element in the tables."""

B_PER_VARIANCE = 8.0 * math.pi**2
"""B-factor (A^2) of a unit positional variance per axis (A^2): ``B = 8 pi^2 sigma^2``."""


@lru_cache(maxsize=128)
def _coefficients(element: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Amplitudes (A) and widths (A^2) of one element."""
    known = gemmi.Element(element)
    table = known.c4322
    if table is None or known.name == "X":  # gemmi lends unknown elements the numbers of oxygen
        raise InputError(f"No electron form factor is tabulated for element {element!r}; remove these atoms.")
    return tuple(table.a), tuple(table.b)


def electron_form_factors(elements: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of ``f(k) = sum_j a_j exp(-b_j k^2 / 4)``, k = 1/d, for each atom's element.

    Parameters
    ----------
    elements : sequence of str, length A
        Element symbols, any case.

    Returns
    -------
    a : ndarray of float64, shape (A, 5)
        Amplitudes in A (electron scattering lengths; their sum is f(0)).
    b : ndarray of float64, shape (A, 5)
        Widths in A^2, on the scale of B-factors.

    Raises
    ------
    InputError
        If an element has no tabulated electron form factor.

    Notes
    -----
    International Tables for Crystallography, volume C, table 4.3.2.2 (neutral atoms, k/2 below
    2 1/A), as carried by gemmi. Multiply densities made from these numbers by 47.878 V A^2 to get an
    electrostatic potential in volt; refinement against a map fits that factor.
    """
    rows = [_coefficients(element) for element in elements]
    a = np.array([row[0] for row in rows], dtype=np.float64).reshape(-1, N_GAUSSIANS)
    b = np.array([row[1] for row in rows], dtype=np.float64).reshape(-1, N_GAUSSIANS)
    return a, b
