"""Positional uncertainty of input atoms from what their B-factor column means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError

__all__ = [
    "BFACTOR_FLOOR",
    "CONFIDENCE_MODES",
    "CONFIDENCE_SCALES",
    "CONSTANT_SIGMA",
    "MODELANGELO_DROP",
    "PLDDT_DROP",
    "SIGMA_MAX",
    "AtomUncertainty",
    "atom_uncertainty",
    "confidence_sigma",
]

Array = NDArray[np.float64]

CONFIDENCE_MODES = ("none", "modelangelo", "plddt", "bfactor")
CONFIDENCE_SCALES = ("modelangelo", "plddt")
"""Modes in which the column holds a confidence, not a B-factor."""
CONSTANT_SIGMA = 0.3
"""Sigma in angstrom of every atom in mode ``none``."""
MODELANGELO_DROP = 30.0
"""ModelAngelo confidence below which an atom counts as unknown."""
PLDDT_DROP = 50.0
"""pLDDT below which an atom counts as unknown."""
BFACTOR_FLOOR = 0.15
"""Smallest sigma in angstrom in mode ``bfactor``."""
SIGMA_MAX = 3.0
"""Largest sigma in angstrom in any mode."""


@dataclass(frozen=True)
class AtomUncertainty:
    """Per-atom standard deviation and which atoms to keep.

    Parameters
    ----------
    sigma : ndarray, same shape as the B-factors
        Standard deviation per coordinate, in angstrom; finite and positive everywhere.
    keep : ndarray of bool, same shape
        False where the atom is too uncertain (or carries no value) and should be rebuilt.
    note : str
        One line for the report; empty where there is nothing to say.
    lddt : ndarray or None, same shape
        In mode ``plddt``: predicted lDDT from 0 to 1, NaN where the atom carries no value.
    """

    sigma: Array
    keep: NDArray[np.bool_]
    note: str = ""
    lddt: Array | None = None


def atom_uncertainty(b_iso: Array, mode: str) -> AtomUncertainty:
    """Turn B-factor columns into a standard deviation per coordinate, in angstrom.

    With ``c`` the confidence as a fraction:

    - ``none``: ``sigma = 0.3``.
    - ``modelangelo`` (0..100): ``sigma = 0.25 + 1.25 (1 - c)``; below 30 the atom is unknown. A choice, set
      after one real model (7pzt, noise-free 2 A map): its 101 residues at c = 1 were off by 0.16 per
      coordinate, its 7 between 0.5 and 0.98 by 0.5, its 2 near 0.3 by 0.9. Real maps are worse, so the
      formula stays above that.
    - ``plddt`` (0..100, or 0..1 if no value exceeds 1): below 50 the atom is unknown. From 50 up, what is
      known is how the atom lies to its neighbours: lDDT counts right distances, and a model can be bent by
      angstroms over its length at 95. Refinement therefore holds such residues by distances to each other
      (`adp3d.predictions.local_distances`), and leaves their places to the map. Sigma is for jobs without a
      map, where the model is the only frame, and for the first stage of those with one:
      ``1.5 exp(4 (0.7 - c)) / sqrt(3)``, the empirical relation between predicted lDDT and rms error of
      Hiranuma et al., Nat. Commun. 12, 1340 (2021), as Phenix uses it for predicted models, per coordinate.
    - ``bfactor`` (angstrom^2): ``sigma = 0.5 sqrt(B / (8 pi^2))``, at least 0.15. Half, because B contains
      motion and map blur besides the error of the mean position. Nothing is dropped.

    Every mode is monotone and ends at 3 A.

    Parameters
    ----------
    b_iso : ndarray
        B-factor column, any shape; NaN where an atom is absent.
    mode : str
        One of `CONFIDENCE_MODES`.

    Returns
    -------
    AtomUncertainty
        Sigma, mask and a note.

    Raises
    ------
    InputError
        If the mode is unknown or the column cannot hold such values.
    """
    if mode not in CONFIDENCE_MODES:
        raise InputError(f"Unknown confidence mode '{mode}': use one of {', '.join(CONFIDENCE_MODES)}.")
    finite = np.isfinite(b_iso)
    if mode == "none":
        return AtomUncertainty(np.full(b_iso.shape, CONSTANT_SIGMA), np.ones(b_iso.shape, bool))
    if not finite.any():
        raise InputError(f"The model has no B-factors, so 'confidence {mode}' cannot be used; use none.")
    if mode == "bfactor":
        return _from_bfactor(b_iso, finite)
    name, drop = ("ModelAngelo confidence", MODELANGELO_DROP) if mode == "modelangelo" else ("pLDDT", PLDDT_DROP)
    low, high = float(b_iso[finite].min()), float(b_iso[finite].max())
    if low < 0 or high > 100.5:
        raise InputError(
            f"The B-factor column ranges from {low:.2f} to {high:.2f} and is not a {name} of 0 to 100; "
            "use 'confidence bfactor' or 'confidence none'."
        )
    if mode == "plddt" and 0 < high <= 1.0:
        b_iso, low, high = b_iso * 100, low * 100, high * 100
    lddt = b_iso / 100 if mode == "plddt" else None
    keep = finite & (np.where(finite, b_iso, -1.0) >= drop)
    if not keep.any():
        raise InputError(
            f"No atom reaches a {name} of {drop:.0f} (highest: {high:.1f}), so nothing of the model would "
            "be used; check what the B-factor column holds or use 'confidence none'."
        )
    sigma = confidence_sigma(np.where(finite, b_iso, 0.0) / 100, mode)
    note = f"{int((finite & ~keep).sum())} backbone atoms with a {name} below {drop:.0f} count as unknown"
    return AtomUncertainty(sigma, keep, note if (finite & ~keep).any() else "", lddt)


def confidence_sigma(fraction: Array, mode: str) -> Array:
    """Standard deviation per coordinate in angstrom that a confidence c of 0 to 1 stands for.

    The formulas of `atom_uncertainty`, for ``modelangelo`` and ``plddt``; any shape.
    """
    doubt = 1.0 - fraction
    sigma = 0.25 + 1.25 * doubt if mode == "modelangelo" else 1.5 * np.exp(4 * (doubt - 0.3)) / np.sqrt(3)
    return np.minimum(sigma, SIGMA_MAX)


def _from_bfactor(b_iso: Array, finite: NDArray[np.bool_]) -> AtomUncertainty:
    """Half the rms displacement along one coordinate, between the floor and the ceiling."""
    if (b_iso[finite] < 0).any():
        raise InputError("The model has negative B-factors; use 'confidence none' or correct the file.")
    rms = np.sqrt(np.where(finite, b_iso, 0.0) / (8 * np.pi**2))
    flat = float(np.ptp(b_iso[finite])) == 0.0
    note = "all B-factors are equal, so every atom is trusted equally" if flat else ""
    return AtomUncertainty(np.clip(0.5 * rms, BFACTOR_FLOOR, SIGMA_MAX), finite, note)
