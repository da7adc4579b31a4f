"""Whether a CA trace or its mirror image looks like a natural protein, without knowing the truth.

Distances and low-resolution density cannot tell a protein from its mirror image; the trace itself can,
because L-amino acids make right-handed helices, twisted strands and right-handed connections.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .torsions import dihedral, distance

__all__ = [
    "FOLD_BINS",
    "LOCAL_BINS",
    "Handedness",
    "Tables",
    "fold_features",
    "handedness",
    "load_tables",
    "local_features",
]

Array = NDArray[np.float64]

LOCAL_BINS = (36, 10)
"""Bins of the CA torsion (10 degrees) and of |CA_i - CA_i+3| (0.75 A from 4 A)."""

FOLD_BINS = (24, 4, 3, 4)
"""Bins of crossing angle (15 degrees), distance (4 A), strand-like ends (0 to 2), separation (8)."""

SMOOTHING, SEGMENT, LEAST_SEPARATION, CONTACT = 4, 4, 8, 16.0
UNCLEAR = 0.3  # nats; natural chains of 40 residues and more have at least twice this
STRAND_LENGTH = 8.5  # A; 4 residues rise 6 A in a helix, 11 to 13 A in a strand
HELIX_REACH, HELIX_TORSION = 6.5, 90.0


@dataclass(frozen=True)
class Tables:
    """Log odds of a feature bin against its mirror image; shapes `LOCAL_BINS` and `FOLD_BINS`."""

    local: Array
    fold: Array


@dataclass(frozen=True)
class Handedness:
    """Evidence for the natural hand; every field has the batch shape (...).

    Parameters
    ----------
    helix : ndarray
        Right-handed minus left-handed share of the helix-like windows, in [-1, 1]; NaN without any.
    local : ndarray
        Mean log odds (nats per window of 4 CA) of the local chain twist: +0.6 to +3 for natural
        traces, the negative for their mirror images.
    fold : ndarray
        Mean log odds (nats per pair) of how smoothed chain segments cross at least 8 residues apart.
        Weaker (right for 93 % of held-out chains, 96 % from 80 residues up), but blind to the
        local twist: it also tells mirrored folds whose helices were built right-handed.
    """

    helix: Array
    local: Array
    fold: Array

    @property
    def mirrored(self) -> NDArray[np.bool_]:
        """Whether the mirror image would look more natural: by local twist, or by fold where that is unclear.

        A fold mirrored with natural helices is not reported here, since neither image is natural:
        compare `fold` between the replicas of a job to find it.
        """
        local, fold = np.nan_to_num(self.local), np.nan_to_num(self.fold)
        return np.where(np.abs(local) > UNCLEAR, local < 0, local + fold < 0)


@lru_cache(maxsize=1)
def load_tables() -> Tables:
    """Tables shipped with the package (made by ``adp3d.training.handedness_statistics``)."""
    with (files(__package__) / "data" / "handedness.npz").open("rb") as stream, np.load(stream) as z:
        return Tables(z["local"].astype(np.float64), z["fold"].astype(np.float64))


def handedness(
    ca: NDArray[np.floating], linked: NDArray[np.bool_] | None = None, tables: Tables | None = None
) -> Handedness:
    """Judge the hand of CA traces.

    Helix-like windows are four consecutive CA with ``|CA_i - CA_i+3| < 6.5`` A and a torsion of less
    than 90 degrees either way (+50 in an alpha helix, -50 in its mirror image). Log odds are
    ``log P(bin) / P(mirrored bin)`` over crystal structures; they change sign exactly under reflection.

    Parameters
    ----------
    ca : ndarray, shape (..., N, 3)
        CA positions in A; NaN where missing.
    linked : ndarray of bool, shape (N - 1,), optional
        Residues followed by the next one on the sequence (`torsions.linked_residues`); all by default.
    tables : Tables, optional
        Other tables than the package's.

    Returns
    -------
    Handedness
        NaN where a trace has nothing to judge.
    """
    ca = np.asarray(ca, np.float64)
    tables = tables or load_tables()
    torsion, reach, defined = _windows(ca, linked)
    local = _mean(tables.local[_local_bins(torsion, reach)], defined)
    flat = ca.reshape(-1, *ca.shape[-2:])
    fold = []
    for trace in flat:
        bins = fold_features(trace, linked)
        fold.append(tables.fold[bins].mean() if bins[0].size else np.nan)
    return Handedness(_helix_share(torsion, reach, defined), local, np.reshape(fold, ca.shape[:-2]))


def local_features(ca: NDArray[np.floating], linked: NDArray[np.bool_] | None = None) -> tuple[NDArray[np.int64], ...]:
    """Bins (`LOCAL_BINS`) of all windows of one trace (N, 3); two index arrays."""
    torsion, reach, defined = _windows(ca, linked)
    return tuple(index[defined] for index in _local_bins(torsion, reach))


def fold_features(ca: NDArray[np.floating], linked: NDArray[np.bool_] | None = None) -> tuple[NDArray[np.int64], ...]:
    """Bins (`FOLD_BINS`) of all pairs of chain segments of one trace (N, 3); four index arrays.

    The trace is averaged over 4 residues, which takes the local helix away; a segment joins two points
    of the smoothed trace 4 residues apart. Pairs at least 8 residues apart with midpoints closer than
    16 A count; the angle is the torsion around the line between their midpoints.
    """
    span = SMOOTHING + SEGMENT
    count = len(ca) - span + 1
    empty = np.zeros(0, np.int64)
    if count < 2:
        return (empty,) * len(FOLD_BINS)
    smooth = np.mean([ca[k : len(ca) - SMOOTHING + 1 + k] for k in range(SMOOTHING)], axis=0)
    start, end = smooth[:count], smooth[SEGMENT : SEGMENT + count]
    whole = np.isfinite(start).all(-1) & np.isfinite(end).all(-1) & (distance(start, end) > 3.0)
    if linked is not None:
        breaks = np.concatenate([[0], np.cumsum(~np.asarray(linked, bool))])
        whole &= breaks[:count] == breaks[span - 1 :]
    kept = np.flatnonzero(whole)
    if kept.size < 2:
        return (empty,) * len(FOLD_BINS)
    middle = (start + end)[kept] / 2
    pairs = cKDTree(middle).query_pairs(CONTACT, output_type="ndarray").reshape(-1, 2)
    i, j = np.sort(kept[pairs], axis=1).T
    far = j - i >= LEAST_SEPARATION
    i, j = i[far], j[far]
    first, second = (start[i] + end[i]) / 2, (start[j] + end[j]) / 2
    crossing = dihedral(start[i], first, second, start[j])
    apart = distance(first, second)
    strands = (distance(start, end) > STRAND_LENGTH).astype(np.int64)
    separation = (j - i) // LEAST_SEPARATION - 1
    return (
        _torsion_bin(crossing, FOLD_BINS[0]),
        np.minimum((apart // 4.0).astype(np.int64), FOLD_BINS[1] - 1),
        strands[i] + strands[j],
        np.minimum(separation, FOLD_BINS[3] - 1),
    )


def _windows(ca: NDArray[np.floating], linked: NDArray[np.bool_] | None) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Torsion and end-to-end distance of four consecutive CA, and where they are defined."""
    a, b, c, d = (ca[..., k : max(ca.shape[-2] - 3 + k, k), :] for k in range(4))
    torsion, reach = dihedral(a, b, c, d), distance(a, d)
    defined = np.isfinite(torsion) & np.isfinite(reach)
    if linked is not None:
        linked = np.asarray(linked, bool)
        defined &= linked[:-2] & linked[1:-1] & linked[2:]
    return torsion, reach, defined


def _local_bins(torsion: Array, reach: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    bins = np.clip(np.nan_to_num((reach - 4.0) // 0.75), 0, LOCAL_BINS[1] - 1).astype(np.int64)
    return _torsion_bin(np.nan_to_num(torsion), LOCAL_BINS[0]), bins


def _torsion_bin(torsion: Array, bins: int) -> NDArray[np.int64]:
    return np.clip(np.floor((torsion + 180.0) * bins / 360.0), 0, bins - 1).astype(np.int64)


def _helix_share(torsion: Array, reach: Array, defined: NDArray[np.bool_]) -> Array:
    turned = np.abs(np.nan_to_num(torsion)) < HELIX_TORSION
    helical = defined & turned & (np.nan_to_num(reach) < HELIX_REACH)
    return _mean(np.sign(torsion), helical)


def _mean(values: Array, mask: NDArray[np.bool_]) -> Array:
    count = mask.sum(-1)
    total = np.where(mask, values, 0.0).sum(-1)
    result: Array = np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
    return result
