"""Translate restraints between any atoms into restraints between backbone atoms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..structure.polymer import Polymer
from .atom_names import Anchor, anchors
from .locate import Locator
from .restraint import DistanceRestraint, DistanceRestraints, Skipped

__all__ = ["BackboneRestraints", "to_backbone"]

Averaging = Literal["sum", "nearest"]


@dataclass(frozen=True)
class BackboneRestraints:
    """M restraints on distances between backbone atoms, over P atom pairs.

    Parameters
    ----------
    residues : ndarray of int64, shape (P, 2)
        Residue indices of each pair.
    atoms : ndarray of int64, shape (P, 2)
        Atom indices: 0 to 3 for N, CA, C, O; 4 for the ideal CB.
    groups : ndarray of int64, shape (P,)
        Restraint of each pair, 0 ... M - 1, non-decreasing; pairs of one restraint are alternatives.
    lower, upper : ndarray, shape (M,)
        Bounds in A on the distance, or on ``(sum r^-6)^(-1/6)`` over the alternatives. Equal for a
        harmonic restraint.
    sigma : ndarray, shape (M,)
        Standard deviation in A as the file gives it, NaN where it does not.
    names : tuple of str
        Origin of each restraint, for messages.
    skipped : tuple of Skipped
        Restraints left out, and why.
    padded : int
        Restraints whose bounds were loosened because they name atoms that a backbone does not have.
    """

    residues: NDArray[np.int64]
    atoms: NDArray[np.int64]
    groups: NDArray[np.int64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    sigma: NDArray[np.float64]
    names: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    padded: int

    def __len__(self) -> int:
        return len(self.names)

    def lines(self) -> list[str]:
        """Readable summary."""
        ambiguous = int((np.bincount(self.groups) > 1).sum())
        text = [
            f"{len(self)} restraints between backbone atoms: {self.padded} widened for side chains or "
            f"hydrogens, {ambiguous} ambiguous"
        ]
        first = {item.reason: item.name for item in reversed(self.skipped)}
        for reason, count in Counter(item.reason for item in self.skipped).most_common():
            text.append(f"left out {count}: {reason} (first: {first[reason]})")
        return text


def to_backbone(
    restraints: DistanceRestraints,
    polymer: Polymer,
    labels: Sequence[tuple[str, int, str]] | None = None,
    offset: int = 0,
    averaging: Averaging = "sum",
) -> BackboneRestraints:
    r"""Restraints that the backbone of every structure meeting the originals must meet too.

    A named atom a is handed to its anchor A, at most p away (`reach`). If at most n proton pairs share one
    pair of anchors and p is the largest sum of both paddings, a bound on
    :math:`(\sum_k r_k^{-6})^{-1/6} \le u` implies

    .. math:: \Big(\sum_{\text{anchor pairs}} D^{-6}\Big)^{-1/6} \le n^{1/6} u + p

    because every :math:`r_k \ge D - p`; with :math:`r_k \le D + p` a lower bound l becomes
    :math:`m^{-1/6} (l - p)` for m anchor pairs. Restraints between backbone atoms stay as they are:
    a distance without bounds remains harmonic. A restraint is left out as a whole if any of its
    alternatives lies within one residue (it then says nothing about the fold) or cannot be found
    (dropping only that alternative would make the others too strict).

    Parameters
    ----------
    restraints : DistanceRestraints
        As read from a file.
    polymer : Polymer
        The residues of the job.
    labels : sequence of (str, int, str), optional
        Chain, residue number and insertion code of each residue as the file knows it; default: chain ids
        of the polymer and positions on the sequence, from 1.
    offset : int
        Added to the file's residue numbers.
    averaging : {"sum", "nearest"}
        ``"sum"``: the bounds are meant for r^-6 sums over the protons of a wildcard (NEF, CYANA, ARIA,
        CNS ``sum``), and the safe choice for the others. ``"nearest"``: without the factor
        :math:`n^{1/6}`, for bounds on averages, or already corrected for the number of protons.

    Returns
    -------
    BackboneRestraints

    Raises
    ------
    InputError
        If no restraint can be used, or most residue names contradict the sequence.
    """
    locator = Locator.build(restraints, polymer, labels, offset)
    pairs: list[tuple[int, int, int, int]] = []
    groups: list[int] = []
    bounds: list[tuple[float, float, float]] = []
    names: list[str] = []
    skipped: list[Skipped] = list(restraints.skipped)
    padded = 0
    for restraint in restraints.restraints:
        try:
            found = _anchor_pairs(restraint, locator, polymer, restraints)
        except _Unusable as reason:
            skipped.append(Skipped(restraint.name, str(reason)))
            continue
        padding = max(entry.padding for entry in found.values())
        count = max(entry.count for entry in found.values()) if averaging == "sum" else 1
        groups.extend([len(names)] * len(found))
        pairs.extend(found)
        names.append(restraint.name)
        bounds.append((*_loosened(restraint, padding, count, len(found)), restraint.sigma))
        padded += padding > 0
    if not names:
        why = Counter(item.reason for item in skipped).most_common(1)[0][0]
        raise InputError(f"No restraint of {restraints.source} can be used: {why}.")
    table = np.array(pairs, np.int64)
    lower, upper, sigma = np.array(bounds).T
    return BackboneRestraints(
        residues=table[:, :2],
        atoms=table[:, 2:],
        groups=np.array(groups, np.int64),
        lower=lower,
        upper=upper,
        sigma=sigma,
        names=tuple(names),
        skipped=tuple(skipped),
        padded=padded,
    )


class _Unusable(Exception):
    """Why one restraint is left out."""


@dataclass(frozen=True)
class _PairUse:
    """Largest padding (A) and number of proton pairs behind one pair of anchors."""

    padding: float
    count: int


def _anchor_pairs(
    restraint: DistanceRestraint, locator: Locator, polymer: Polymer, restraints: DistanceRestraints
) -> dict[tuple[int, int, int, int], _PairUse]:
    """Anchor pairs of a restraint, as (residue, residue, atom, atom)."""
    found: dict[tuple[int, int, int, int], _PairUse] = {}
    for labels in restraint.alternatives:
        ends: list[tuple[int, tuple[Anchor, ...]]] = []
        for label in labels:
            residue = locator.find(label)
            if isinstance(residue, str):
                raise _Unusable(residue)
            choices = anchors(polymer.sequence[residue], label.atom, restraints.wildcards)
            if not choices:
                raise _Unusable(f"no atom {label.atom} in residue type {polymer.sequence[residue]}")
            ends.append((residue, choices))
        (i, first), (j, second) = ends
        if i == j:
            raise _Unusable("both atoms are in one residue")
        for a in first:
            for b in second:
                key = (i, j, a.atom, b.atom) if i < j else (j, i, b.atom, a.atom)
                before = found.get(key, _PairUse(0.0, 0))
                padding = max(before.padding, a.padding + b.padding)
                found[key] = _PairUse(padding, before.count + a.count * b.count)
    return found


def _loosened(restraint: DistanceRestraint, padding: float, count: int, n_pairs: int) -> tuple[float, float]:
    """Bounds in A on the anchors' distance."""
    lower, upper = restraint.lower, restraint.upper
    if lower == 0 and upper == math.inf:
        lower = upper = restraint.target
    if padding == 0 and count == 1:
        return lower, upper
    return max(lower - padding, 0.0) * n_pairs ** (-1 / 6), count ** (1 / 6) * upper + padding
