"""The B-factors with which a result goes into the user's model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .atoms import Address, ModelAtoms, ResidueRow

__all__ = ["B_FACTORS", "with_b_factors"]

B_FACTORS = ("plausible", "confidence", "keep")
"""Those that a refinement program can start from, the confidence, or those that were there."""


def with_b_factors(
    result: ModelAtoms, before: ModelAtoms, confidence: Mapping[Address, float], b_factors: str
) -> ModelAtoms:
    """Atoms of a result with the B-factors that are wanted.

    A result has plausible B-factors, unless its job was told to write the confidence, as older versions always did:
    then atoms that were there get theirs back, and new ones the mean of the nearest residues of the chain.

    Parameters
    ----------
    result, before : ModelAtoms
        The result, and the model that its job was given, under the same names.
    confidence : mapping of Address to float
        Of the job's residues.
    b_factors : str
        One of `B_FACTORS`.
    """
    if b_factors == "confidence":
        rows = [_filled(row, confidence[row.address]) if row.address in confidence else row for row in result.residues]
    elif _holds_confidence(result, confidence):
        rows = _restored(result, before, confidence)
    else:
        return result
    return ModelAtoms(tuple(rows), result.xyz)


def _filled(row: ResidueRow, value: float) -> ResidueRow:
    return replace(row, atoms=tuple(replace(atom, bfactor=value) for atom in row.atoms))


def _holds_confidence(result: ModelAtoms, confidence: Mapping[Address, float]) -> bool:
    """Whether every atom of the job has the confidence of its residue as B-factor (files keep two decimals)."""
    ours = [(row, confidence[row.address]) for row in result.residues if row.address in confidence and row.atoms]
    return bool(ours) and all(abs(atom.bfactor - stated) < 0.01 for row, stated in ours for atom in row.atoms)


def _restored(result: ModelAtoms, before: ModelAtoms, confidence: Mapping[Address, float]) -> list[ResidueRow]:
    old = before.by_address()
    means = {address: float(np.mean([atom.bfactor for atom in row.atoms])) for address, row in old.items() if row.atoms}
    rows = []
    for place, row in enumerate(result.residues):
        if row.address not in confidence:
            rows.append(row)
            continue
        had = old[row.address].conformers() if row.address in old else {}
        near = _nearest(result, place, means)
        atoms = (
            replace(atom, bfactor=had[key].bfactor if (key := (atom.name, atom.altloc)) in had else near)
            for atom in row.atoms
        )
        rows.append(replace(row, atoms=tuple(atoms)))
    return rows


def _nearest(result: ModelAtoms, place: int, means: Mapping[Address, float]) -> float:
    """Mean B-factor of the nearest residues before and after one in its chain; 0 if there are none."""
    chain = result.residues[place].address[0]
    found = []
    for step in (-1, 1):
        at = place
        while 0 <= at < len(result.residues) and result.residues[at].address[0] == chain:
            if result.residues[at].address in means:
                found.append(means[result.residues[at].address])
                break
            at += step
    return float(np.mean(found)) if found else 0.0
