"""How well the density beside a trace suits the residue types that are to lie there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from .field import FreeDensity

__all__ = [
    "DISTANCES",
    "RESOLUTIONS",
    "TABLES",
    "SideChainDensity",
    "load_side_chain_density",
    "probability_right",
    "sequence_fit",
    "values_beside",
]

Array = NDArray[np.float64]

DISTANCES = (1.5, 2.5, 3.5, 4.5, 6.0)
"""Angstrom from CA towards CB at which the density is looked at: from CB itself to the ends of long side chains."""
RESOLUTIONS = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
"""Angstrom at which the statistics were taken; between them they are interpolated."""
TABLES = ("mean", "within", "pooled_mean", "pooled", "information")
"""Names of the arrays in the file of statistics, in the order of the attributes of `SideChainDensity`."""
_OUTWARDS, _SIDEWARDS = 0.76, -0.65
"""Components of the direction from CA to CB: along the bisector of the two CA bonds, away from them, and along
the normal of their plane. Means of eleven validation chains."""
_APART = 5.0
"""Angstrom between CA atoms from which two in a row are no neighbours: a peptide across a bad bond has no more."""
_MOST = 3.0
"""Nats that one residue counts at most, for or against: metals, ligands and disordered side chains surprise."""
_BEFOREHAND = 2.0
"""Log odds of a segment that fits the map to be right, before its side chains are looked at: 85 to 90 % are."""
_MIDDLE = 0.5
"""Of the mean for right residues, what says neither yes nor no: wrong ones have about as much less than nothing."""
_AROUND = 8
"""Residues on either side whose side chains tell of one: with fewer a right stretch may look wrong by chance, with more
the wrong part of a long one is hidden. Chosen with `_MIDDLE` on eleven validation chains, segments of 6 residues and
more from four replicas: in maps at 4 A none of 70 within 1 A looks wrong, of 35 beyond 1.8 A three in four do; at 3 A
none of 66, and four in five of 14."""


@dataclass(frozen=True)
class SideChainDensity:
    """Densities beside CA atoms at one resolution, as normal distributions.

    Attributes
    ----------
    mean : ndarray, shape (20, D)
        At `DISTANCES`, in standard units (see `adp3d.prior.standard_map`); residue types in the order of `AMINO_ACIDS`.
    within : ndarray, shape (D, D)
        Covariance about the mean of the type.
    pooled_mean : ndarray, shape (D,)
        Of all types together.
    pooled : ndarray, shape (D, D)
        Covariance about it.
    information : float
        Mean of `log_ratio` for right residues, in nats: 0.1 to 0.5.
    """

    mean: Array
    within: Array
    pooled_mean: Array
    pooled: Array
    information: float

    def log_ratio(self, values: Array, types: NDArray[np.int64]) -> Array:
        """Log of the likelihood of values (M, D) for residue types (M,), over that for any residue; in nats, (M,)."""
        own = _log_normal(values - self.mean[types], self.within)
        return own - _log_normal(values - self.pooled_mean, self.pooled)


@lru_cache(maxsize=4)
def load_side_chain_density(resolution: float) -> SideChainDensity:
    """Statistics for maps of a resolution in angstrom; those of the nearest one outside the range that there is.

    They come from the training split; see `adp3d.training.side_chain_density_statistics`.
    """
    path = resources.files(__package__) / "data" / "side_chain_density.npz"
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as z:
        tables = [z[name].astype(np.float64) for name in TABLES]
    at = float(np.interp(resolution, RESOLUTIONS, np.arange(len(RESOLUTIONS))))
    low = min(int(at), len(RESOLUTIONS) - 2)
    mean, within, pooled_mean, pooled, information = (
        table[low] + (at - low) * (table[low + 1] - table[low]) for table in tables
    )
    return SideChainDensity(mean, within, pooled_mean, pooled, float(information[0]))


def values_beside(field: FreeDensity, ca: Array) -> Array:
    """Density (M - 2, D) on the side where CB is, of all but the first and last CA atom of a trace (M, 3)."""
    before, after = _unit(ca[1:-1] - ca[:-2]), _unit(ca[2:] - ca[1:-1])
    towards = _unit(_OUTWARDS * _unit(before - after) + _SIDEWARDS * _unit(np.cross(before, after)))
    return field.at(ca[1:-1, None] + np.array(DISTANCES)[:, None] * towards[:, None])


def sequence_fit(
    field: FreeDensity,
    ca: Array,
    types: NDArray[np.int64],
    chain_index: NDArray[np.int64],
    statistics: SideChainDensity,
) -> Array:
    """How much more likely the density beside each residue is for its type than for any, in nats, (N,).

    Residues at ends of chains, beside breaks and of unknown type get exactly zero.

    Parameters
    ----------
    field : FreeDensity
    ca : ndarray, shape (N, 3)
        CA atoms in angstrom.
    types : ndarray of int64, shape (N,)
        Index into `AMINO_ACIDS`; 20 where unknown.
    chain_index : ndarray of int64, shape (N,)
    statistics : SideChainDensity
        For the resolution of the map.
    """
    out = np.zeros(len(ca))
    linked = (chain_index[1:] == chain_index[:-1]) & (np.linalg.norm(np.diff(ca, axis=0), axis=-1) < _APART)
    told = linked[:-1] & linked[1:] & (types[1:-1] < len(statistics.mean))
    inner = np.flatnonzero(told)
    out[inner + 1] = statistics.log_ratio(values_beside(field, ca)[inner], types[1:-1][inner])
    return np.clip(out, -_MOST, _MOST)


def probability_right(nats: Array, segment: slice, statistics: SideChainDensity, clarity: float = 1.0) -> Array:
    """Probability of each residue of a segment to be in its place, from the sequence fit (N,) of those around it.

    Parameters
    ----------
    nats : ndarray, shape (N,)
        From `sequence_fit`.
    segment : slice
        Residues that are right or wrong together; others do not count.
    statistics : SideChainDensity
    clarity : float
        How much the map shows of side chains beside what maps of its resolution do, from 0 to 1.

    Returns
    -------
    ndarray, shape (length of the segment,)
    """
    own = np.where(nats[segment] == 0, 0.0, nats[segment] - _MIDDLE * statistics.information)
    sums = np.convolve(own, np.ones(2 * _AROUND + 1))[_AROUND : _AROUND + len(own)]
    return np.asarray(1.0 / (1.0 + np.exp(-(_BEFOREHAND + clarity * sums))))


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6))


def _log_normal(difference: Array, covariance: Array) -> Array:
    """Log density (M,) at differences (M, D) from the mean, less the constant."""
    solved = np.linalg.solve(covariance, difference.T).T
    return np.asarray(-0.5 * (difference * solved).sum(-1) - 0.5 * np.linalg.slogdet(covariance)[1])
