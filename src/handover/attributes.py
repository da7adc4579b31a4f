"""Confidence, fit and energy as residue attributes, which ChimeraX can select, label, render and save by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .atoms import Address

if TYPE_CHECKING:
    from chimerax.atomic import Residue
    from chimerax.core.session import Session

__all__ = [
    "CONFIDENCE_ATTRIBUTE",
    "ENERGY_ATTRIBUTE",
    "FIT_ATTRIBUTE",
    "Confidences",
    "exchange_confidence",
    "register_attributes",
    "set_residue_values",
]

CONFIDENCE_ATTRIBUTE = "adp3d_confidence"
"""0 to 100."""
FIT_ATTRIBUTE = "adp3d_fit"
"""Local map-model correlation, 0 to 1."""
ENERGY_ATTRIBUTE = "adp3d_energy"
"""What the residue adds to the energy of its model, or of an interface, in nats."""

Confidences = dict[Address, float | None]
"""Confidence of residues, 0 to 100; None for those without."""


def register_attributes(session: Session) -> None:
    """Make the attributes known, so that they are offered and saved with sessions."""
    from chimerax.atomic import Residue

    for name in (CONFIDENCE_ATTRIBUTE, FIT_ATTRIBUTE, ENERGY_ATTRIBUTE):
        Residue.register_attr(session, name, "ADP-3D", attr_type=float)


def set_residue_values(
    session: Session,
    residues: Sequence[Residue],
    rows: Sequence[int],
    confidence: NDArray[np.floating],
    fit: Sequence[float] | None,
) -> None:
    """Set the attributes of residues, of which ``rows`` are the numbers in the job.

    Confidence and fit (N,) are in the order of the job; without a value a residue has no attribute.
    """
    register_attributes(session)
    values = [(CONFIDENCE_ATTRIBUTE, confidence)]
    if fit is not None and len(fit) == len(confidence):
        values.append((FIT_ATTRIBUTE, np.array(fit, dtype=np.float64)))
    for name, numbers in values:
        for residue, row in zip(residues, rows, strict=True):
            if np.isfinite(numbers[row]):
                setattr(residue, name, float(numbers[row]))


def exchange_confidence(residues: Mapping[Address, Residue], values: Mapping[Address, float | None]) -> Confidences:
    """Set the confidence of residues, and return what they had; None stands for no confidence.

    Parameters
    ----------
    residues : mapping of Address to Residue
        Residues of one model; those that ``values`` names and are not there are passed over.
    values : mapping of Address to float or None

    Returns
    -------
    dict of Address to float or None
    """
    former: Confidences = {}
    for address, value in values.items():
        residue = residues.get(address)
        if residue is None:
            continue
        if not former:
            register_attributes(residue.structure.session)
        former[address] = getattr(residue, CONFIDENCE_ATTRIBUTE, None)
        if value is not None:
            setattr(residue, CONFIDENCE_ATTRIBUTE, value)
        elif former[address] is not None:
            delattr(residue, CONFIDENCE_ATTRIBUTE)
    return former
