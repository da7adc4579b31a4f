"""Rotamers of each residue type as the backbone likes them: probabilities and places by phi and psi.

The table comes with the package (``data/backbone_rotamers.npz``) and is made by
``python -m adp3d.training.backbone_rotamer_statistics``; the idea is that of Dunbrack and Karplus, J. Mol. Biol. 230,
543 (1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from ..sidechain.templates import CHIS, MSE, RESIDUE_NAMES
from ..validation.rotamers import chi_periods

__all__ = ["BackboneRotamers", "LocalRotamers", "backbone_rotamers"]

Array = NDArray[np.float64]

_BOX = np.deg2rad(30.0)
"""Radians of each chi that a probability is meant for, as `adp3d.rotamers.library.chi_log_density` has it."""
_LEAST = 1e-9
"""Probability of what no rotamer explains."""


@dataclass(frozen=True)
class LocalRotamers:
    """R rotamers of a residue where its backbone is.

    Attributes
    ----------
    probability : ndarray, shape (R,)
    chi : ndarray, shape (R, D)
        Means in radians.
    spread : ndarray, shape (R, D)
        Standard deviations in radians.
    period : ndarray, shape (D,)
        In radians.
    """

    probability: Array
    chi: Array
    spread: Array
    period: Array

    def likeliest(self, most: int) -> Array:
        """Torsions (K, 4) in radians of up to ``most`` rotamers, likeliest first; zero where there is no torsion."""
        order = np.argsort(-self.probability, kind="stable")[:most]
        chi = np.zeros((len(order), CHIS))
        chi[:, : self.chi.shape[1]] = self.chi[order]
        return chi

    def log_density(self, chi: NDArray[np.floating]) -> Array:
        """Log probability (C,) of torsions (C, 4) in radians, each chi within 30 degrees: a sum of Gaussians."""
        off = np.asarray(chi, np.float64)[:, None, : self.chi.shape[1]] - self.chi
        off -= self.period * np.rint(off / self.period)
        within = np.minimum(np.log(_BOX / (self.spread * np.sqrt(2 * np.pi))), 0.0).sum(-1)
        each = np.exp(within - 0.5 * np.square(off / self.spread).sum(-1))
        return np.asarray(np.log(each @ self.probability + _LEAST))


@dataclass(frozen=True)
class BackboneRotamers:
    """R rotamers of a residue type on a grid of G by G backbone torsions; index i stands for ``-180 + 360 i / G``.

    Attributes
    ----------
    probability : ndarray, shape (G, G, R)
        By phi and psi.
    chi : ndarray, shape (G, G, R, D)
        Means in radians, not wrapped: those of a rotamer are nearly the same.
    spread : ndarray, shape (R, D)
        Standard deviations in radians about them.
    period : ndarray, shape (D,)
        In radians.
    """

    probability: Array
    chi: Array
    spread: Array
    period: Array

    def at(self, phi: float, psi: float) -> LocalRotamers:
        """Rotamers at torsions in degrees, bilinear between the points of the grid."""
        size = len(self.probability)
        place = (np.array([phi, psi]) + 180.0) * size / 360.0
        low = np.floor(place).astype(np.int64)
        part = place - low
        weight = np.outer([1 - part[0], part[0]], [1 - part[1], part[1]])
        rows = np.ix_((low[0] + np.arange(2)) % size, (low[1] + np.arange(2)) % size)
        probability = np.tensordot(weight, self.probability[rows], 2)
        return LocalRotamers(probability, np.tensordot(weight, self.chi[rows], 2), self.spread, self.period)


@lru_cache(maxsize=1)
def backbone_rotamers() -> Mapping[int, BackboneRotamers]:
    """The packaged table by residue type (rows of `adp3d.sidechain.templates.RESIDUE_NAMES`) with torsions."""
    path = resources.files(__package__) / "data" / "backbone_rotamers.npz"
    found = {}
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as z:
        step, unit = float(z["log_step"]), np.deg2rad(float(z["degrees"]))
        for name in z["names"].tolist():
            probability = np.exp(-step * z[f"{name}_log"].astype(np.float64))
            probability /= probability.sum(-1, keepdims=True)
            chi = np.deg2rad(z[f"{name}_peak"].astype(np.float64)) + unit * z[f"{name}_off"].astype(np.float64)
            found[RESIDUE_NAMES.index(name)] = BackboneRotamers(
                probability, chi, np.deg2rad(z[f"{name}_spread"].astype(np.float64)), np.deg2rad(chi_periods(name))
            )
    found[MSE] = found[RESIDUE_NAMES.index("MET")]
    return found
