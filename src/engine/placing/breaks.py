"""Chain breaks: neighbours in a list of residues that cannot be neighbours in space."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..structure.polymer import Polymer
from .alignment import CA_STEP, STEP_TOLERANCE

if TYPE_CHECKING:
    from .target import Target

__all__ = ["Break", "find_breaks", "peptide_lengths", "positions_with_breaks", "with_breaks_between"]

_TORN = 3.0
"""Angstrom from C to N at which neighbours are not bonded: to bond them, atoms would have to move by more than 0.8 A on
either side, which is more than the error of atoms that a map supports. A bond has 1.33."""


@dataclass(frozen=True)
class Break:
    """Two residues with known places, between which too few residues lie to join them.

    Attributes
    ----------
    before, after : int
        Rows of the two.
    distance : float
        Between their CA atoms, in angstrom.
    """

    before: int
    after: int
    distance: float

    @property
    def between(self) -> int:
        """Residues of the job between the two."""
        return self.after - self.before - 1

    @property
    def at(self) -> int:
        """First row on the far side: residues in between are shared out, so that each end can be built on."""
        return self.before + 1 + (self.between + 1) // 2


def find_breaks(
    ca: NDArray[np.float64],
    chain_index: NDArray[np.int64],
    *,
    aside: Collection[int] = (),
    peptide: NDArray[np.float64] | None = None,
    left_out: NDArray[np.int64] | None = None,
) -> list[Break]:
    """Breaks of all chains.

    An extended chain spans 3.9 A for each residue; 2 A more are allowed for errors of the model. Neighbours without
    residues between them are also a break if their peptide bond would be longer than 3 A: the ends of a loop may be
    near each other without being bonded.

    Parameters
    ----------
    ca : ndarray, shape (N, 3)
        Places in angstrom that residues keep, NaN where a residue may be anywhere.
    chain_index : ndarray of int64, shape (N,)
    aside : collection of int
        Rows that are bonded to the next one in another way than from C to N: breaks whatever the distance.
    peptide : ndarray, shape (N - 1,), optional
        Distance from the C of each residue to the N of the next in angstrom, NaN where not known; see
        `peptide_lengths`.
    left_out : ndarray of int64, shape (N,), optional
        Residues of the sequence that are missing from the list right before each of it.

    Returns
    -------
    list of Break
    """
    known = np.flatnonzero(np.isfinite(ca).all(axis=-1))
    distance = np.linalg.norm(np.diff(ca[known], axis=0), axis=-1)
    place = np.arange(len(ca)) if left_out is None else np.cumsum(1 + left_out)
    steps = np.diff(place[known])
    apart = distance > CA_STEP * steps + STEP_TOLERANCE
    beside = (steps == 1) & (np.diff(known) == 1)
    apart |= np.isin(known[:-1], list(aside)) & beside
    if peptide is not None:
        torn = np.nan_to_num(peptide) > _TORN
        apart[beside] |= torn[known[:-1][beside]]
    apart &= np.diff(chain_index[known]) == 0
    return [Break(int(known[i]), int(known[i + 1]), float(distance[i])) for i in np.flatnonzero(apart)]


def peptide_lengths(xyz: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance from each C to the next N, shape (N - 1,), in angstrom; NaN where one of them is not held.

    ``xyz`` (N, 4, 3) holds N, CA, C, O in angstrom, ``held`` (N, 4) tells which of them keep their places.
    """
    length = np.linalg.norm(xyz[1:, 0] - xyz[:-1, 2], axis=-1)
    return np.where(held[1:, 0] & held[:-1, 2], length, np.nan)


def positions_with_breaks(
    breaks: list[Break], chain_index: NDArray[np.int64], left_out: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Positions on the sequence (N,), counted on in each chain and jumping at breaks and over residues left out.

    The jump is as many residues as an extended chain would need, so that whoever looks at positions (noise
    correlation, network, geometry) takes the two sides for what they are: not bonded. ``left_out`` (N,) counts
    residues of the sequence that are missing from the list right before each of it.
    """
    step = np.ones(len(chain_index), np.int64) if left_out is None else 1 + left_out
    for one in breaks:
        step[one.at] = max(2, round(one.distance / CA_STEP) - one.between, step[one.at])
    position = np.cumsum(step)
    first = np.flatnonzero(np.diff(chain_index, prepend=-1) != 0)
    lengths = np.diff(np.append(first, len(chain_index)))
    return np.asarray(position - np.repeat(position[first], lengths), np.int64)


def with_breaks_between(target: Target, firm: NDArray[np.bool_]) -> Target:
    """The target with breaks where firm residues ask for them, and nowhere else.

    Residues that a job will move or build anew (not ``firm``, shape (N,)) can be brought to their neighbours, so
    they break no chain.
    """
    polymer = target.polymer
    ca = np.where((target.known[:, 1] & firm)[:, None], target.xyz[:, 1], np.nan)
    peptide = peptide_lengths(target.xyz, target.known & firm[:, None])
    breaks = find_breaks(ca, polymer.chain_index, aside=target.aside, peptide=peptide, left_out=target.left_out)
    positions = positions_with_breaks(breaks, polymer.chain_index, target.left_out)
    if np.array_equal(positions, polymer.residue_index):
        return target
    return replace(target, polymer=Polymer(polymer.sequence, polymer.chain_index, positions, polymer.chain_ids))
