"""A plausible course of the backbone where nothing is known of it, to have something to show at once."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

__all__ = ["arc", "backbone_on_trace", "complete_trace", "helix", "plausible_backbone"]

Array = NDArray[np.float64]

_CA_CA = 3.8
_RISE, _RADIUS, _TURN = 1.5, 2.3, np.deg2rad(100.0)
_CHAIN_SPACING = 12.0
# Positions along and beside the line from one CA to the next, for a flat trans peptide.
_C_ALONG, _C_BESIDE = 1.42, 0.54
_O_ALONG, _O_BESIDE = 1.66, 1.75
_N_BEFORE, _N_BESIDE = 1.41, -0.38


def plausible_backbone(xyz: Array, chain_index: NDArray[np.int64]) -> Array:
    """Backbone with unknown atoms on arcs between known ones, and on helices at the ends of chains.

    Parameters
    ----------
    xyz : ndarray, shape (N, 4, 3)
        N, CA, C, O in angstrom, NaN where unknown.
    chain_index : ndarray of int64, shape (N,)

    Returns
    -------
    ndarray, shape (N, 4, 3)
        Known atoms as they are, everything finite. For display: nothing keeps loops off each other.
    """
    trace = complete_trace(xyz[:, 1], chain_index)
    built = np.concatenate([backbone_on_trace(trace[chain_index == c]) for c in dict.fromkeys(chain_index.tolist())])
    return np.where(np.isfinite(xyz), xyz, built)


def complete_trace(ca: Array, chain_index: NDArray[np.int64]) -> Array:
    """CA positions (N, 3) with unknown ones (NaN) filled in; residues of a chain are consecutive."""
    known = np.isfinite(ca[:, 0])  # an atom has all its coordinates or none
    centre = ca[known].mean(0) if known.any() else np.zeros(3)
    out: Array = ca.copy()
    for number, chain in enumerate(dict.fromkeys(chain_index.tolist())):
        rows = np.flatnonzero(chain_index == chain)
        anchors = rows[known[rows]]
        if not len(anchors):
            start = centre + np.array([0.0, _CHAIN_SPACING * number, 0.0])
            out[rows] = helix(len(rows), start, np.array([1.0, 0.0, 0.0]))
            continue
        for before, after in itertools.pairwise(anchors.tolist()):
            if after - before > 1:
                outwards = (ca[before] + ca[after]) / 2 - centre
                out[before + 1 : after] = arc(ca[before], ca[after], after - before - 1, outwards)
        first, last = int(anchors[0]), int(anchors[-1])
        out[rows[0] : first] = helix(first - rows[0], ca[first], ca[first] - centre)[::-1]
        out[last + 1 : rows[-1] + 1] = helix(rows[-1] - last, ca[last], ca[last] - centre)
    return out


def arc(start: Array, end: Array, count: int, outwards: Array) -> Array:
    r"""Evenly spaced points (count, 3) on an arc of circle of length 3.8 (count + 1) between two points.

    With half opening u, the chord d and the length L of an arc obey sin(u)/u = d/L. Points further apart than
    that are joined by a straight line.

    Parameters
    ----------
    start, end : ndarray, shape (3,)
        In angstrom.
    count : int
    outwards : ndarray, shape (3,)
        To which side the arc bulges.
    """
    length, chord = _CA_CA * (count + 1), end - start
    ratio = float(np.linalg.norm(chord)) / length
    fractions = (np.arange(1, count + 1) / (count + 1))[:, None]
    if ratio >= 0.999:
        return start + fractions * chord
    low, high = 0.0, np.pi
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.sinc(middle / np.pi) > ratio else (low, middle)
    half = (low + high) / 2
    along = _unit(chord, np.array([1.0, 0.0, 0.0]))
    side = _perpendicular(outwards, along)
    radius = length / (2 * half)
    angles = half * (2 * fractions - 1)
    centre = (start + end) / 2 - radius * np.cos(half) * side
    result: Array = centre + radius * (np.sin(angles) * along + np.cos(angles) * side)
    return result


def helix(count: int, start: Array, direction: Array) -> Array:
    """CA positions (count, 3) of an alpha helix whose residue before the first one is at ``start``."""
    axis = _unit(direction, np.array([1.0, 0.0, 0.0]))
    u = _perpendicular(np.array([0.0, 0.0, 1.0]), axis)
    v = np.cross(axis, u)
    k = np.arange(1, count + 1)[:, None]
    result: Array = start + _RISE * k * axis + _RADIUS * ((np.cos(_TURN * k) - 1) * u + np.sin(_TURN * k) * v)
    return result


def backbone_on_trace(ca: Array) -> Array:
    """N, CA, C, O (n, 4, 3) of a chain from its CA atoms (n, 3): flat trans peptides in between."""
    # a residue more on either side, so that all have both neighbours
    if len(ca) > 1:
        extended = np.concatenate([2 * ca[:1] - ca[1:2], ca, 2 * ca[-1:] - ca[-2:-1]])
    else:
        extended = ca + _CA_CA * np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    steps = np.diff(extended, axis=0)
    along = np.array([_unit(step, np.array([1.0, 0.0, 0.0])) for step in steps])
    helper = np.concatenate([along[:1], along[:-1]])
    beside = np.array([_perpendicular(h, a) for h, a in zip(helper, along, strict=True)])
    n = ca - _N_BEFORE * along[:-1] + _N_BESIDE * beside[:-1]
    c = ca + _C_ALONG * along[1:] + _C_BESIDE * beside[1:]
    o = ca + _O_ALONG * along[1:] + _O_BESIDE * beside[1:]
    return np.stack([n, ca, c, o], axis=1)


def _unit(vector: Array, otherwise: Array) -> Array:
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm > 1e-6 else otherwise


def _perpendicular(vector: Array, axis: Array) -> Array:
    """Unit vector along the part of ``vector`` that is perpendicular to the unit vector ``axis``."""
    part = vector - (vector @ axis) * axis
    if np.linalg.norm(part) < 1e-6:
        part = np.cross(axis, np.eye(3)[int(np.abs(axis).argmin())])
    result: Array = part / np.linalg.norm(part)
    return result
