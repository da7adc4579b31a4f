"""Distances in nanometres, told by what atoms can do."""

from __future__ import annotations

import math
from dataclasses import replace

from .restraint import AtomLabel, DistanceRestraint, DistanceRestraints

__all__ = ["in_angstrom"]

_SHORTEST_CA = 2.7
"""Angstrom between CA or CB of different residues: a cis peptide has CA at 2.9."""
_SHORTEST_HEAVY, _SHORTEST_PROTON = 2.3, 1.5
"""Angstrom between atoms that are at least two residues apart: hydrogen bonds have 2.5 and more, protons 1.8."""
_SHORTEST = 1.2
"""Angstrom between any two atoms of different residues: C and N of a peptide bond have 1.33, two SG 2.03."""
_LEAST_SHARE = 0.8
"""Of the distances that must be impossible in angstrom: in nanometres all below 27 A between CA are."""
_LARGEST_NM = 20.0
"""Nanometres that no distance within a protein exceeds."""


def in_angstrom(restraints: DistanceRestraints) -> tuple[DistanceRestraints, str]:
    """Restraints with all distances ten times as long if they can only be nanometres.

    They are if at least four fifths of the largest distances that they allow (bound or value) between different
    residues are shorter than atoms can come to each other, and none is absurd in nanometres.

    Parameters
    ----------
    restraints : DistanceRestraints

    Returns
    -------
    restraints : DistanceRestraints
        In angstrom; the same object if nothing was changed.
    note : str
        What was found, empty if all is as it should be.
    """
    judged = [
        (longest, _shortest(restraint))
        for restraint in restraints.restraints
        if math.isfinite(longest := _longest(restraint)) and _shortest(restraint) > 0
    ]
    short = sum(longest < least for longest, least in judged)
    if not short:
        return restraints, ""
    if short >= _LEAST_SHARE * len(judged) and max(longest for longest, _ in judged) <= _LARGEST_NM:
        converted = tuple(_times_ten(restraint) for restraint in restraints.restraints)
        note = (
            f"The distances of {restraints.source} are a tenth of what atoms can have ({short} of {len(judged)} are "
            "shorter than any contact), so they were taken as nanometres and multiplied by 10."
        )
        return replace(restraints, restraints=converted), note
    return restraints, (
        f"{short} of {len(judged)} distances of {restraints.source} are shorter than any contact between the atoms; "
        "check their values and units (angstrom)."
    )


def _longest(restraint: DistanceRestraint) -> float:
    """Longest distance that a restraint is meant to allow: its upper bound, or its value."""
    if math.isfinite(restraint.upper):
        return restraint.upper
    return math.inf if math.isnan(restraint.target) else restraint.target


def _shortest(restraint: DistanceRestraint) -> float:
    """Shortest distance possible between its atoms; 0 where alternatives within one residue make it unknown."""
    # several alternatives add up to a shorter effective distance, but not to a tenth
    return min(_contact(first, second) for first, second in restraint.alternatives)


def _contact(first: AtomLabel, second: AtomLabel) -> float:
    if (first.chain, first.residue, first.insertion) == (second.chain, second.residue, second.insertion):
        return 0.0
    if {first.atom, second.atom} <= {"CA", "CB"}:
        return _SHORTEST_CA
    if first.chain == second.chain and abs(first.residue - second.residue) < 2:
        return _SHORTEST
    kinds = {first.atom[:1], second.atom[:1]}
    if kinds <= set("CNO"):
        return _SHORTEST_HEAVY
    return _SHORTEST_PROTON if kinds <= set("CNOH") else _SHORTEST


def _times_ten(restraint: DistanceRestraint) -> DistanceRestraint:
    return replace(
        restraint,
        lower=10 * restraint.lower,
        target=10 * restraint.target,
        upper=10 * restraint.upper,
        sigma=10 * restraint.sigma,
    )
