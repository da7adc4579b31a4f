"""What of a job has to be sampled: residues to be built, and those around the place where they must be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ensemble.recombination import missing_segments

__all__ = ["LEAST_STRETCH", "cut_ends", "window_around"]

_NEAREST, _PER_RESIDUE, _FURTHEST = 8.0, 0.5, 16.0
"""Angstrom from the line between the CA atoms on both sides of a gap within which residues are taken along: half of one
for each residue of the gap, but at least 8 and at most 16. With 8 all of ten gaps of 6 to 16 residues in a complex of
1,156 were built rightly in maps at 3 and 4 A, at 4 A as well as with all residues sampled (medians of 0.42 and 0.41 A;
``benchmarks/windows.py``), in 0.4 of the time. Of the residues in contact with random segments (CA atoms within 8 A; 32
validation chains of 150 residues and more), that takes 75 % along for 8 residues, 64 % for 12 and 55 % for 16; that
of longer ones keeps it at 65 to 80 %. The others explain their density and are in the way, though the network does not
see them."""
_LOOSE = 2
"""Ends of chains are held on one side, and reach as far as gaps that are so many times as long."""
_FLANK = 1
"""Residues along the chain that each of them brings along on either side."""
LEAST_STRETCH = 2 * _FLANK + 1
"""Residues that a stretch has at least, unless its chain is shorter. Fewer between two stretches are taken along."""


def window_around(
    ca: NDArray[np.float64], wanted: NDArray[np.bool_], chain_index: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Residues to be sampled so that some of them can be built, shape (N,).

    Parameters
    ----------
    ca : ndarray, shape (N, 3)
        CA atoms in angstrom; anything for residues that are to be built.
    wanted : ndarray of bool, shape (N,)
        Residues that are to be built.
    chain_index : ndarray of int64, shape (N,)

    Returns
    -------
    ndarray of bool, shape (N,), or None
        None where all of a chain is to be built: it may be anywhere.
    """
    chosen = wanted.copy()
    there = np.flatnonzero(~wanted)
    for gap in missing_segments(~wanted, chain_index):
        ends = [
            row
            for row in (gap.start - 1, gap.stop)
            if 0 <= row < len(ca) and chain_index[row] == chain_index[gap.start]
        ]
        if not ends:
            return None
        length = (gap.stop - gap.start) * (1 if len(ends) == 2 else _LOOSE)
        reach = min(max(_PER_RESIDUE * length, _NEAREST), _FURTHEST)
        chosen[there[_from_line(ca[there], ca[ends[0]], ca[ends[-1]]) <= reach]] = True
    return _whole_stretches(chosen, chain_index)


def cut_ends(chosen: NDArray[np.bool_], chain_index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Chosen residues (N,) next to one of their chain that is not: what is built there has to meet the rest."""
    leaves = (chosen[1:] != chosen[:-1]) & (chain_index[1:] == chain_index[:-1])
    beside = np.zeros_like(chosen)
    beside[1:] |= leaves
    beside[:-1] |= leaves
    return chosen & beside


def _from_line(points: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of points (K, 3) from the line between a and b, (K,)."""
    way = b - a
    along = np.clip((points - a) @ way / max(float(way @ way), 1e-12), 0.0, 1.0)
    return np.asarray(np.linalg.norm(points - (a + along[:, None] * way), axis=-1))


def _whole_stretches(chosen: NDArray[np.bool_], chain_index: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Each residue with those around it along its chain, and short stretches between two."""
    out = chosen.copy()
    for step in range(1, _FLANK + 1):
        same = chain_index[step:] == chain_index[:-step]
        out[step:] |= chosen[:-step] & same
        out[:-step] |= chosen[step:] & same
    for run in missing_segments(~out, chain_index):  # shorter ones are left at ends of chains
        own = np.flatnonzero(chain_index == chain_index[run.start])
        more = max(0, LEAST_STRETCH - (run.stop - run.start))
        out[max(run.start - more, own[0]) : min(run.stop + more, own[-1] + 1)] = True
    for left in missing_segments(out, chain_index):
        own = np.flatnonzero(chain_index == chain_index[left.start])
        if left.stop - left.start < LEAST_STRETCH < len(own):
            out[left] = True
    return out
