"""Distances that a file gives more than once: in both directions, or simply twice."""

from __future__ import annotations

import math
from dataclasses import replace

from .restraint import AtomLabel, DistanceRestraint, DistanceRestraints

__all__ = ["without_repeats"]

_Atom = tuple[str, int, str, str]


def without_repeats(restraints: DistanceRestraints) -> tuple[DistanceRestraints, list[str]]:
    """Restraints of which each counts once.

    Two are the same if they have the same values and the same pairs of atoms, in whatever order. Those with the same
    pairs and other values are different measurements: all of them stay, and that is told.

    Parameters
    ----------
    restraints : DistanceRestraints

    Returns
    -------
    restraints : DistanceRestraints
        The first of each; the same object if none is repeated.
    notes : list of str
        What was found, one sentence each.
    """
    values_of: dict[frozenset[frozenset[_Atom]], set[tuple[float, ...]]] = {}
    kept: list[DistanceRestraint] = []
    repeated = differing = 0
    for restraint in restraints.restraints:
        pairs = frozenset(frozenset((_atom(a), _atom(b))) for a, b in restraint.alternatives)
        values = tuple(
            -1.0 if math.isnan(value) else value
            for value in (restraint.lower, restraint.target, restraint.upper, restraint.sigma)
        )
        known = values_of.setdefault(pairs, set())
        if values in known:
            repeated += 1
            continue
        differing += bool(known)
        known.add(values)
        kept.append(restraint)
    notes = []
    if repeated:
        notes.append(
            f"{repeated} distances of {restraints.source} repeat another one (the same atoms, perhaps in the other "
            "order, and the same values) and count once."
        )
    if differing:
        notes.append(
            f"{differing} distances of {restraints.source} concern the atoms of another one with other values; all "
            "are used."
        )
    return (replace(restraints, restraints=tuple(kept)) if repeated else restraints), notes


def _atom(label: AtomLabel) -> _Atom:
    return label.chain, label.residue, label.insertion, label.atom
