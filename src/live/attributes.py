"""Confidence and fit as residue attributes, which ChimeraX can select, label, render and save by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from chimerax.atomic import Residue
    from chimerax.core.session import Session

__all__ = ["CONFIDENCE_ATTRIBUTE", "FIT_ATTRIBUTE", "register_attributes", "set_residue_values"]

CONFIDENCE_ATTRIBUTE = "adp3d_confidence"
"""0 to 100."""
FIT_ATTRIBUTE = "adp3d_fit"
"""Local map-model correlation, 0 to 1."""


def register_attributes(session: Session) -> None:
    """Make the attributes known, so that they are offered and saved with sessions."""
    from chimerax.atomic import Residue

    for name in (CONFIDENCE_ATTRIBUTE, FIT_ATTRIBUTE):
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
