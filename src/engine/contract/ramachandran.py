"""Ramachandran classes of (phi, psi), from contours derived from crystal structures.

The contours come with the package (``validation/data/ramachandran.npz``) and are made by
``python -m adp3d.training.ramachandran_statistics``. The engine judges models by them, and ChimeraX draws them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALLOWED",
    "FAVOURED",
    "KINDS",
    "OUTLIER",
    "UNDEFINED",
    "Contours",
    "classify",
    "load_contours",
    "residue_kinds",
]

_DATA = Path(__file__).resolve().parents[1] / "validation" / "data" / "ramachandran.npz"

KINDS = ("general", "glycine", "proline", "pre-proline")
"""Kinds of residue with their own contours, by index."""

UNDEFINED, OUTLIER, ALLOWED, FAVOURED = -1, 0, 1, 2


@dataclass(frozen=True)
class Contours:
    """Log densities of (phi, psi) and the levels that enclose 98 % and 99.8 % of the residues.

    Parameters
    ----------
    log_density : ndarray, shape (4, G, G)
        Natural log of the probability density per square degree on a periodic grid; entry
        ``[k, i, j]`` is kind k at phi = -180 + 360 i / G, psi = -180 + 360 j / G degrees.
    favoured, allowed : ndarray, shape (4,)
        A residue is favoured, or at least allowed, from these log densities up.
    """

    log_density: NDArray[np.float64]
    favoured: NDArray[np.float64]
    allowed: NDArray[np.float64]

    def evaluate(
        self, phi: NDArray[np.floating], psi: NDArray[np.floating], kinds: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Interpolate the log density (periodic, bilinear); NaN where an angle is NaN.

        `phi` and `psi` in degrees and `kinds` broadcast to the shape of the result.
        """
        phi, psi, kinds = np.broadcast_arrays(phi, psi, kinds)
        grid = self.log_density.shape[1]
        defined = np.isfinite(phi) & np.isfinite(psi)
        u = (np.where(defined, phi, 0.0) + 180.0) * grid / 360.0
        v = (np.where(defined, psi, 0.0) + 180.0) * grid / 360.0
        i, j = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
        a, b = u - i, v - j
        i0, i1, j0, j1 = i % grid, (i + 1) % grid, j % grid, (j + 1) % grid
        table = self.log_density
        value = (
            (1 - a) * (1 - b) * table[kinds, i0, j0]
            + a * (1 - b) * table[kinds, i1, j0]
            + (1 - a) * b * table[kinds, i0, j1]
            + a * b * table[kinds, i1, j1]
        )
        return np.where(defined, value, np.nan)


@lru_cache(maxsize=1)
def load_contours() -> Contours:
    """Contours shipped with the package."""
    with np.load(_DATA) as z:
        log_density = z["offset"] + z["step"] * z["log_density"].astype(np.float64)
        return Contours(log_density, z["favoured"].astype(np.float64), z["allowed"].astype(np.float64))


def residue_kinds(sequence: str, linked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Index into `KINDS` of each residue; shape (N,). Glycine and proline come before pre-proline."""
    codes = np.array(list(sequence))
    kinds = np.zeros(codes.size, np.int64)
    kinds[:-1][linked & (codes[1:] == "P")] = 3
    kinds[codes == "G"] = 1
    kinds[codes == "P"] = 2
    return kinds


def classify(
    phi: NDArray[np.floating],
    psi: NDArray[np.floating],
    kinds: NDArray[np.integer],
    contours: Contours | None = None,
) -> NDArray[np.int8]:
    """Class of each (phi, psi) pair in degrees; arguments broadcast. `UNDEFINED` where NaN."""
    contours = contours or load_contours()
    level = contours.evaluate(phi, psi, kinds)
    kinds = np.broadcast_to(kinds, level.shape)
    classes = np.where(
        level >= contours.favoured[kinds],
        FAVOURED,
        np.where(level >= contours.allowed[kinds], ALLOWED, OUTLIER),
    )
    return np.where(np.isfinite(level), classes, UNDEFINED).astype(np.int8)
