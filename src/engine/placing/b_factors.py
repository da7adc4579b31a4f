"""The B-factor column of a result: plausible B-factors in angstrom^2, or the confidence, never a mixture."""

from __future__ import annotations

from collections.abc import Callable

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..structure.observed import BACKBONE_ATOMS
from .target import Target
from .uncertainty import CONFIDENCE_SCALES, confidence_sigma

__all__ = ["AtomB", "b_factor_column", "new_b_factor", "spread_b_factor", "spread_of_confidence"]

Array = NDArray[np.float64]

AtomB = Callable[[int, float | None], float]
"""B-factor of an atom from the job's residue it belongs to and the value it had (None for a new atom)."""

_ISOTROPIC = 8 * np.pi**2 / 3
"""B in angstrom^2 for a mean square displacement of 1 angstrom^2 in space (B = 8 pi^2 <u_x^2>)."""

_WIDEST = 3.0
"""Displacement in angstrom at which a B-factor ends: B = 237 angstrom^2. Refinement programs stop at 200 to 300,
since the density of such an atom is flat in any map."""

_UNMEASURED = 1.0
"""Displacement in angstrom of new atoms where no atom with a B-factor tells one: B = 26 angstrom^2, as ordered
parts of deposited models have it."""


def spread_of_confidence(confidence: NDArray[np.floating]) -> Array:
    """Spread s of replicas in angstrom, any shape, of confidences c = 100 / (1 + (s/2)^2) of 0 to 100."""
    c = np.clip(np.asarray(confidence, dtype=np.float64), 1e-6, 100.0)
    return 2.0 * np.sqrt(100.0 / c - 1.0)


def spread_b_factor(confidence: NDArray[np.floating]) -> Array:
    """B-factors in angstrom^2, any shape, of atoms displaced by the spread that a confidence states.

    ``B = 8 pi^2 s^2 / 3``, at most 237.
    """
    return _ISOTROPIC * np.minimum(spread_of_confidence(confidence), _WIDEST) ** 2


def new_b_factor(confidence: NDArray[np.floating]) -> Array:
    """B-factors in angstrom^2, any shape, of atoms without neighbours that have one: 26 and what the spread adds."""
    return np.minimum(_ISOTROPIC * _UNMEASURED**2 + spread_b_factor(confidence), _ISOTROPIC * _WIDEST**2)


def b_factor_column(
    column: str,
    template: gemmi.Model,
    target: Target,
    confidence: NDArray[np.floating],
    meaning: str = "none",
) -> AtomB:
    """How the B-factor column of a result is filled.

    ``confidence``: every atom of the job has the confidence of its residue, 0 to 100.

    ``plausible``: B-factors in angstrom^2, which refinement programs can start from. Atoms of residues that the
    model showed keep theirs; where the model's column held a confidence, ``B = 8 pi^2 sigma^2`` of the
    uncertainty sigma per coordinate that it stands for. New atoms, and those of residues that were dropped
    and rebuilt, have the B-factors of the nearest residues of their chain, interpolated along it, raised by
    what the spread of the replicas adds (`spread_b_factor`).

    Parameters
    ----------
    column : str
        One of `adp3d.contract.specification.B_FACTORS`.
    template : gemmi.Model
        The model that the target was built from.
    target : Target
        The job's residues.
    confidence : ndarray, shape (N,)
        0 to 100.
    meaning : str
        What the model's own column holds; one of `CONFIDENCE_MODES`.

    Returns
    -------
    AtomB
    """
    if column == "confidence":
        stated = np.asarray(confidence, dtype=np.float64)
        return lambda row, old: float(stated[row])
    shown = np.asarray(target.known.any(axis=1))
    backbone = [_backbone_b(template, target, row) if shown[row] else [] for row in range(target.n_residues)]
    own = np.array([float(np.mean(values)) if values else np.nan for values in backbone])
    of_model = _reading(meaning, max((max(values) for values in backbone if values), default=0.0))
    own = of_model(own)
    limit = np.maximum(_ISOTROPIC * _WIDEST**2, np.nanmax(own, initial=0.0))
    new = np.minimum(_along_chains(own, target.polymer.chain_index) + spread_b_factor(confidence), limit)

    def plausible(row: int, old: float | None) -> float:
        if old is None or not shown[row]:
            return float(new[row])
        return float(of_model(np.array(old)))

    return plausible


def _backbone_b(template: gemmi.Model, target: Target, row: int) -> list[float]:
    """B-factor column of the backbone atoms of a residue that the model shows."""
    source = target.sources[row]
    if source is None:
        return []
    names = {name + source.suffix for name in BACKBONE_ATOMS}
    return [atom.b_iso for atom in template[source.chain][source.residue] if atom.name in names]


def _reading(meaning: str, highest: float) -> Callable[[Array], Array]:
    """How values of the model's column become B-factors in angstrom^2."""
    if meaning not in CONFIDENCE_SCALES:
        return lambda values: values
    scale = 100.0 if meaning == "plddt" and 0 < highest <= 1.0 else 1.0

    def convert(values: Array) -> Array:
        sigma = confidence_sigma(np.clip(values * scale / 100.0, 0.0, 1.0), meaning)
        return np.minimum(3 * _ISOTROPIC * sigma**2, _ISOTROPIC * _WIDEST**2)

    return convert


def _along_chains(own: Array, chain_index: NDArray[np.integer]) -> Array:
    """Fill NaN (N,) by interpolation along each chain, or with the mean of all where a chain has no value."""
    measured = np.isfinite(own)
    filled = np.full_like(own, own[measured].mean() if measured.any() else _ISOTROPIC * _UNMEASURED**2)
    for chain in np.unique(chain_index):
        rows = np.flatnonzero(chain_index == chain)
        known = rows[measured[rows]]
        if len(known):
            filled[rows] = np.interp(rows, known, own[known])
    return filled
