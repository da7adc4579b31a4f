"""Chains of equal sequence that are copies of each other: the group that relates them, and who is whose copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..contract.errors import InputError
from .symmetry import IDENTITY, Symmetry, apply, closed_group, inverse

__all__ = [
    "TOLERANCE",
    "Orbit",
    "SequenceChain",
    "find_group",
    "find_orbits",
    "linked_chains",
    "nearest_chain",
    "refuse_occupied",
    "refuse_overlap",
]

Array = NDArray[np.float64]

TOLERANCE = 2.0
"""Angstrom (rms of CA atoms) within which chains are copies: NCS copies of crystal structures differ by less than 1 A,
models placed one by one in maps of 3 to 5 A by 1 to 2 A."""
_FEW = 20
"""Residues that two copies must have in common, to be told from chance."""
_TOO_NEAR = 3.5
"""Angstrom between CA atoms of different chains that only overlapping ones have: bonded neighbours have 3.8."""
_OVERLAP = 0.1
"""Part of the CA atoms that may be so near: domain-swapped tails cross, whole chains do not."""


@dataclass(frozen=True)
class SequenceChain:
    """A chain of a job: its name, its sequence and CA atoms (N, 3) in angstrom, NaN where it has none."""

    name: str
    sequence: str
    ca: Array

    @property
    def points(self) -> Array:
        """The CA atoms that it has, (n, 3), in angstrom."""
        return _points(self.ca)

    @property
    def shown(self) -> int:
        """Number of residues with a CA atom."""
        return len(self.points)

    @property
    def centre(self) -> Array:
        """Mean of its CA atoms, (3,), in angstrom."""
        return np.asarray(np.nanmean(self.ca, axis=0))


@dataclass(frozen=True)
class Orbit:
    """One chain and its copies.

    Attributes
    ----------
    chain : str
        Name of the chain that is computed.
    copies : tuple of str or None
        Name of the chain that each operator takes it to, itself first; None where the model has none.
    """

    chain: str
    copies: tuple[str | None, ...]


def find_group(chains: Sequence[SequenceChain], tolerance: float = TOLERANCE) -> Symmetry | None:
    """The point group that chains of equal sequence form, as exact operators; None if they form none.

    The chains of the class with most residues tell: the operators are the superpositions of its most complete chain on
    each of the others that take every chain of the class to another one.

    Parameters
    ----------
    chains : sequence of SequenceChain
    tolerance : float
        Largest deviation of copies, rms of CA atoms in angstrom.
    """
    ordered = sorted(chains, key=lambda chain: chain.sequence)
    classes = [list(members) for _, members in groupby(ordered, key=lambda chain: chain.sequence)]
    several = [members for members in classes if len(members) > 1]
    for members in sorted(several, key=lambda group: -sum(chain.shown for chain in group)):
        found = _group_of(sorted(members, key=lambda chain: -chain.shown), tolerance)
        if found is not None:
            return found
    return None


def _group_of(members: list[SequenceChain], tolerance: float) -> Symmetry | None:
    """Point group of chains of one sequence, the most complete first."""
    operators, permutations = [], []
    for other in members:
        operator = IDENTITY if other is members[0] else _superposed(members[0], other, tolerance)
        if operator is None:
            continue
        # where one copy is a little off, far ones follow by more
        images = [nearest_chain(operator, chain, members, 2 * tolerance) for chain in members]
        if None in images or len(set(images)) < len(members):
            continue
        operators.append(operator)
        permutations.append(tuple(i for i in images if i is not None))
    if len(operators) < 2 or len(set(permutations)) < len(permutations):
        return None
    index = {permutation: g for g, permutation in enumerate(permutations)}
    table = np.empty((len(operators), len(operators)), np.int64)
    for g, first in enumerate(permutations):
        for h, second in enumerate(permutations):
            both = index.get(tuple(first[i] for i in second))
            if both is None:
                return None
            table[g, h] = both
    found = closed_group(np.array(operators), table, np.mean([chain.centre for chain in members], axis=0))
    if found is None:
        return None
    for operator, permutation in zip(found.operators, permutations, strict=True):
        apart = [_deviation(operator, chain, members[i]) for chain, i in zip(members, permutation, strict=True)]
        if max(apart) > tolerance:
            return None
    return found


def find_orbits(
    chains: Sequence[SequenceChain],
    symmetry: Symmetry,
    complete: bool,
    tolerance: float = 2 * TOLERANCE,
    computed: str | None = None,
) -> list[Orbit]:
    """Which chains are copies of each other under given operators.

    Of each orbit the most complete chain is computed; where there are several orbits, those chains that lie together
    with the first one.

    Parameters
    ----------
    chains : sequence of SequenceChain
    symmetry : Symmetry
    complete : bool
        Leave out chains that do not have all their copies; otherwise copies that the model lacks are None.
    tolerance : float
        Largest deviation of copies, rms of CA atoms in angstrom.
    computed : str, optional
        Chain that is computed of its orbit, instead of the most complete one of all.

    Raises
    ------
    InputError
        If an operator leaves a chain where it is, or an open set of operators does not reach all chains that follow
        each other by them.
    """
    left = sorted(chains, key=lambda chain: (chain.name != computed, -chain.shown))
    orbits: list[Orbit] = []
    first: SequenceChain | None = None
    while left:
        members = _orbit(left[0], left, symmetry, tolerance)
        there = [left[i] for i in members if i is not None]
        names = {chain.name for chain in there}
        if not symmetry.closed:
            linked = linked_chains(left[0], left, symmetry, tolerance)
            names = {chain.name for chain in linked}
            there = linked if first is None else _reaching_all(linked, symmetry, tolerance)
        if not (complete and None in members):
            best = left[0] if first is None else _beside(first, there)
            first = best if first is None else first
            again = _orbit(best, left, symmetry, tolerance)
            orbits.append(Orbit(best.name, tuple(None if i is None else left[i].name for i in again)))
        left = [chain for chain in left if chain.name not in names]
    order = {chain.name: i for i, chain in enumerate(chains)}
    return sorted(orbits, key=lambda orbit: order[orbit.chain])


def _orbit(chain: SequenceChain, chains: list[SequenceChain], symmetry: Symmetry, tolerance: float) -> list[int | None]:
    """For each operator the index of the chain that it takes a chain to; the chain's own for the identity."""
    own = chains.index(chain)
    found: list[int | None] = [own]
    for operator in symmetry.operators[1:]:
        image = nearest_chain(operator, chain, chains, tolerance)
        if image == own:
            raise InputError(
                f"The symmetry {symmetry.name} leaves chain {chain.name} where it is: check its axis and its centre."
            )
        found.append(None if image in found else image)
    return found


def _reaching_all(chains: list[SequenceChain], symmetry: Symmetry, tolerance: float) -> list[SequenceChain]:
    """Those of chains that follow each other from which operators reach all: the ones beside what is computed."""
    found = [one for one in chains if set(_orbit(one, chains, symmetry, tolerance)) >= set(range(len(chains)))]
    if not found:
        names = ", ".join(sorted(chain.name for chain in chains))
        raise InputError(
            f"Chains {names} follow each other by the symmetry {symmetry.name}, but not beside the chains that are "
            "computed with them: check the number of its copies."
        )
    return found


def linked_chains(
    chain: SequenceChain, chains: Sequence[SequenceChain], symmetry: Symmetry, tolerance: float = 2 * TOLERANCE
) -> list[SequenceChain]:
    """A chain and all others that operators and their inverses take it to, in one step or in several."""
    same = [one for one in chains if one.sequence == chain.sequence]
    both = [*symmetry.operators[1:], *(inverse(one) for one in symmetry.operators[1:])]
    found, names = [chain], {chain.name}
    for one in found:  # grows on the way
        for operator in both:
            image = nearest_chain(operator, one, same, tolerance)
            if image is not None and same[image].name not in names:
                found.append(same[image])
                names.add(same[image].name)
    return found


def refuse_overlap(chains: Sequence[SequenceChain], symmetry: Symmetry) -> None:
    """Refuse operators that take chains into each other.

    Parameters
    ----------
    chains : sequence of SequenceChain
        Those that are computed.
    symmetry : Symmetry

    Raises
    ------
    InputError
        If copies overlap.
    """
    own = np.concatenate([chain.points for chain in chains])
    tree = cKDTree(own)
    for operator in symmetry.neighbours():
        if _overlaps(tree, apply(operator, own)):
            raise InputError(
                f"The symmetry {symmetry.name} takes the model into itself: check its axis and its centre, and that "
                "the model has no copies that are turned otherwise."
            )


def refuse_occupied(added: Mapping[str, Array], others: Mapping[str, Array]) -> None:
    """Refuse copies that would be put where the model has other chains.

    Parameters
    ----------
    added, others : mapping of ndarray, shape (N, 3)
        CA atoms of chains in angstrom, by name: of copies that the model lacks, and of its chains that are no copies.
        NaN where they have none.

    Raises
    ------
    InputError
        If some of them overlap.
    """
    for ca in added.values():
        tree = cKDTree(_points(ca))
        for name, own in others.items():
            if _overlaps(tree, _points(own)):
                raise InputError(
                    f"The symmetry puts a copy where the model has chain {name}, which is none of equal sequence: give "
                    "the full sequence with 'sequence' if it is a copy, or remove it."
                )


def _points(ca: Array) -> Array:
    """Rows (n, 3) of CA atoms (N, 3) that are there."""
    return ca[np.isfinite(ca).all(-1)]


def _overlaps(tree: cKDTree, points: Array) -> bool:
    """Whether more of the points (n, 3) than cross now and then are too near to those of a tree."""
    near = np.isfinite(tree.query(points, distance_upper_bound=_TOO_NEAR)[0])
    return bool(len(points)) and bool(near.mean() > _OVERLAP)


def _superposed(mobile: SequenceChain, target: SequenceChain, tolerance: float) -> Array | None:
    """Operator that superposes a chain on another one of its sequence; None where they differ."""
    both = np.asarray(np.isfinite(mobile.ca).all(-1) & np.isfinite(target.ca).all(-1))
    if np.count_nonzero(both) < min(_FEW, len(mobile.ca)):
        return None
    fixed, moving = ([gemmi.Position(*point) for point in chain.ca[both].tolist()] for chain in (target, mobile))
    motion = gemmi.superpose_positions(fixed, moving).transform
    operator = np.column_stack([np.array(motion.mat.tolist()), motion.vec.tolist()])
    return operator if _deviation(operator, mobile, target) <= tolerance else None


def _deviation(operator: Array, mobile: SequenceChain, target: SequenceChain) -> float:
    """Root mean square distance of CA atoms in angstrom, infinite where hardly any are in common."""
    apart = np.linalg.norm(apply(operator, mobile.ca) - target.ca, axis=-1)
    both = np.asarray(np.isfinite(apart))
    if np.count_nonzero(both) < min(_FEW, len(mobile.ca)):
        return float("inf")
    return float(np.sqrt(np.mean(apart[both] ** 2)))


def nearest_chain(
    operator: Array, mobile: SequenceChain, targets: Sequence[SequenceChain], tolerance: float
) -> int | None:
    """Index of the chain of equal sequence that an operator takes a chain to."""
    found = [_deviation(operator, mobile, one) if one.sequence == mobile.sequence else float("inf") for one in targets]
    best = int(np.argmin(found))
    return best if found[best] <= tolerance else None


def _beside(first: SequenceChain, chains: list[SequenceChain]) -> SequenceChain:
    """The chain next to another one; of equally near ones the most complete."""
    return min(chains, key=lambda chain: (round(float(np.linalg.norm(chain.centre - first.centre))), -chain.shown))
