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
    "Clarity",
    "SideChainDensity",
    "clarity_of",
    "load_side_chain_density",
    "probability_right",
    "residue_fit",
    "sequence_fit",
    "shown",
    "told_residues",
    "values_beside",
]

Array = NDArray[np.float64]

DISTANCES = (1.5, 2.5, 3.5, 4.5, 6.0)
"""Angstrom from CA towards CB at which the density is looked at: from CB itself to the ends of long side chains."""
RESOLUTIONS = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
"""Angstrom at which the statistics were taken; between them they are interpolated."""
TABLES = ("mean", "within", "pooled_mean", "pooled", "right", "wrong")
"""Names of the arrays in the file of statistics, in the order of the attributes of `SideChainDensity`."""
_OUTWARDS, _SIDEWARDS = 0.76, -0.65
"""Components of the direction from CA to CB: along the bisector of the two CA bonds, away from them, and along
the normal of their plane. Means of eleven validation chains."""
_APART = 5.0
"""Angstrom between CA atoms from which two in a row are no neighbours: a peptide across a bad bond has no more."""
_MOST = 3.0
"""Nats that one residue counts at most, for or against: metals, ligands and disordered side chains surprise."""
_UNSEEN, _SEEN = -1.5, -0.5
"""Standard units at CA up to which the map does not show a residue, so that it says nothing, and from which what it
says counts in full: seven and 31 % of all backbones, whose mean is 0 and whose standard deviation is 1, are below."""
_BEFOREHAND = 2.0
"""Log odds of a segment that fits the map to be right, before its side chains are looked at: 85 to 90 % are."""
_MIDDLE = 0.75
"""Where between what wrong types and right ones say a residue says neither yes nor no: traces that were chosen for
their fit say more than wrong types at the places of right residues."""
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
    right, wrong : float
        Mean of `log_ratio` beside residues of that type, and with the types of others, in nats.
    """

    mean: Array
    within: Array
    pooled_mean: Array
    pooled: Array
    right: float
    wrong: float

    def log_ratio(self, values: Array, types: NDArray[np.int64]) -> Array:
        """Log of the likelihood of values (M, D) for residue types (M,), over that for any residue; in nats, (M,).

        One residue has 3 at most, for or against.
        """
        own = _log_normal(values - self.mean[types], self.within)
        return np.clip(own - _log_normal(values - self.pooled_mean, self.pooled), -_MOST, _MOST)

    def log_ratio_of_others(self, values: Array, types: NDArray[np.int64]) -> Array:
        """Mean of `log_ratio` (M,) if each residue had the type of any of these residues."""
        kinds, counts = np.unique(types, return_counts=True)
        each = [self.log_ratio(values, np.full(len(values), kind)) for kind in kinds]
        return np.average(each, axis=0, weights=counts)


@dataclass(frozen=True)
class Clarity:
    """How clearly one map tells residue types apart.

    Attributes
    ----------
    share : float
        Of what maps of its resolution tell, from 0 to 1.
    middle : float
        Nats of a residue that speak neither for nor against its place.
    """

    share: float
    middle: float


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
    mean, within, pooled_mean, pooled, right, wrong = (
        table[low] + (at - low) * (table[low + 1] - table[low]) for table in tables
    )
    return SideChainDensity(mean, within, pooled_mean, pooled, float(right[0]), float(wrong[0]))


def values_beside(field: FreeDensity, before: Array, ca: Array, after: Array) -> Array:
    """Density (M, D) on the side where CB is, of CA atoms (M, 3) between those before and after them in the chain."""
    incoming, outgoing = _unit(ca - before), _unit(after - ca)
    towards = _unit(_OUTWARDS * _unit(incoming - outgoing) + _SIDEWARDS * _unit(np.cross(incoming, outgoing)))
    return field.at(ca[:, None] + np.array(DISTANCES)[:, None] * towards[:, None])


def shown(field: FreeDensity, ca: Array) -> Array:
    """How far the map shows residues (M,) with CA atoms (M, 3), from 0 to 1."""
    return np.clip((field.at(ca) - _UNSEEN) / (_SEEN - _UNSEEN), 0.0, 1.0)


def residue_fit(
    field: FreeDensity, trace: tuple[Array, Array, Array], types: NDArray[np.int64], statistics: SideChainDensity
) -> Array:
    """How much more likely the density beside residues is for their types than for any, in nats, (M,).

    Parameters
    ----------
    field : FreeDensity
    trace : tuple of ndarray, each of shape (M, 3)
        CA atoms of the residues before, of these, and of those after them, in angstrom.
    types : ndarray of int64, shape (M,)
        Index into `AMINO_ACIDS`.
    statistics : SideChainDensity
        For the resolution of the map.
    """
    return shown(field, trace[1]) * statistics.log_ratio(values_beside(field, *trace), types)


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
    told = told_residues(ca, types, chain_index, statistics)
    out[told] = residue_fit(field, (ca[told - 1], ca[told], ca[told + 1]), types[told], statistics)
    return out


def told_residues(
    ca: Array, types: NDArray[np.int64], chain_index: NDArray[np.int64], statistics: SideChainDensity
) -> NDArray[np.int64]:
    """Residues of known type between neighbours, as `sequence_fit` gets them: rows (K,)."""
    linked = (chain_index[1:] == chain_index[:-1]) & (np.linalg.norm(np.diff(ca, axis=0), axis=-1) < _APART)
    return np.flatnonzero(linked[:-1] & linked[1:] & (types[1:-1] < len(statistics.mean))) + 1


def clarity_of(right: float, wrong: float, statistics: SideChainDensity) -> Clarity:
    """How clearly a map tells types apart, from what it says of known residues and of others in their places."""
    share = (right - wrong) / (statistics.right - statistics.wrong)
    return Clarity(float(np.clip(share, 0.0, 1.0)), wrong + _MIDDLE * (right - wrong))


def probability_right(nats: Array, segment: slice, clarity: Clarity) -> Array:
    """Probability of each residue of a segment to be in its place, from the sequence fit (N,) of those around it.

    Parameters
    ----------
    nats : ndarray, shape (N,)
        From `sequence_fit`.
    segment : slice
        Residues that are right or wrong together; others do not count.
    clarity : Clarity
        Of this map.

    Returns
    -------
    ndarray, shape (length of the segment,)
    """
    own = np.where(nats[segment] == 0, 0.0, nats[segment] - clarity.middle)
    sums = np.convolve(own, np.ones(2 * _AROUND + 1))[_AROUND : _AROUND + len(own)]
    return np.asarray(1.0 / (1.0 + np.exp(-(_BEFOREHAND + clarity.share * sums))))


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6))


def _log_normal(difference: Array, covariance: Array) -> Array:
    """Log density (M,) at differences (M, D) from the mean, less the constant."""
    solved = np.linalg.solve(covariance, difference.T).T
    return np.asarray(-0.5 * (difference * solved).sum(-1) - 0.5 * np.linalg.slogdet(covariance)[1])
