"""Ramachandran classes of the backbone of models; the contours are those of `adp3d.contract.ramachandran`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contract.ramachandran import (
    ALLOWED,
    FAVOURED,
    KINDS,
    OUTLIER,
    UNDEFINED,
    Contours,
    classify,
    load_contours,
    residue_kinds,
)
from .torsions import backbone_torsions

__all__ = [
    "ALLOWED",
    "FAVOURED",
    "KINDS",
    "OUTLIER",
    "UNDEFINED",
    "Contours",
    "RamachandranReport",
    "classify",
    "load_contours",
    "ramachandran",
    "residue_kinds",
]


@dataclass(frozen=True)
class RamachandranReport:
    """Ramachandran classes of one model or a batch.

    Parameters
    ----------
    classes : ndarray of int8, shape (..., N)
        `FAVOURED`, `ALLOWED`, `OUTLIER` or `UNDEFINED` (chain ends, missing atoms).
    favoured, allowed, outliers : ndarray, shape (...)
        Fractions of the defined residues; they sum to 1 (NaN where nothing is defined).
    """

    classes: NDArray[np.int8]
    favoured: NDArray[np.float64]
    allowed: NDArray[np.float64]
    outliers: NDArray[np.float64]


def ramachandran(
    x: NDArray[np.floating], sequence: str, linked: NDArray[np.bool_], contours: Contours | None = None
) -> RamachandranReport:
    """Favoured, allowed and outlier residues of a backbone.

    Parameters
    ----------
    x : ndarray, shape (..., N, 4, 3)
        N, CA, C, O in A; missing atoms are NaN.
    sequence : str
        N one-letter codes.
    linked : ndarray of bool, shape (N - 1,)
        Residues followed by the next one on the sequence (`torsions.linked_residues`).
    contours : Contours, optional
        Other contours than the package's.

    Returns
    -------
    RamachandranReport
    """
    torsions = backbone_torsions(x, linked)
    classes = classify(torsions.phi, torsions.psi, residue_kinds(sequence, linked), contours)
    defined = (classes != UNDEFINED).sum(-1)

    def fraction(label: int) -> NDArray[np.float64]:
        count = np.asarray((classes == label).sum(-1), np.float64)
        fractions: NDArray[np.float64] = np.divide(count, defined, out=np.full(count.shape, np.nan), where=defined > 0)
        return fractions

    return RamachandranReport(classes, fraction(FAVOURED), fraction(ALLOWED), fraction(OUTLIER))
