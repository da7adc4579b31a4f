"""TM-score with a known correspondence of residues."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tmtools import tm_align

__all__ = ["tm_score"]


def tm_score(model: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """TM-score of a model against a reference of the same sequence.

    ``max over superpositions of 1/L sum_i 1 / (1 + (d_i / d_0)^2)``, ``d_0 = 1.24 (L - 15)^(1/3) - 1.8``,
    L being the number of reference residues; residue i of the model answers to residue i of the
    reference (no structural alignment). The search is tmtools' (TM-align kept to a given alignment).

    Parameters
    ----------
    model, reference : ndarray, shape (N, 3)
        CA positions in A; NaN rows are missing. Reference residues missing in the model count as lost.

    Returns
    -------
    float
        In (0, 1]; NaN with fewer than 3 common residues.

    Raises
    ------
    ValueError
        If the shapes disagree.

    References
    ----------
    Y. Zhang, J. Skolnick (2004), Proteins 57, 702; (2005), Nucleic Acids Res. 33, 2302.
    """
    model, reference = np.asarray(model, np.float64), np.asarray(reference, np.float64)
    if model.shape != reference.shape or model.ndim != 2 or model.shape[1] != 3:
        raise ValueError(f"CA positions of shapes {model.shape} and {reference.shape} do not correspond")
    counted = np.isfinite(reference).all(-1)
    present = np.isfinite(model).all(-1) & counted
    if present.sum() < 3:
        return float("nan")
    residues = "A" * int(counted.sum())
    aligned = "".join("A" if there else "-" for there in present[counted])
    result = tm_align(
        np.ascontiguousarray(model[present]),
        np.ascontiguousarray(reference[counted]),
        aligned.replace("-", ""),
        residues,
        alignment=[aligned, residues],
    )
    return float(result.tm_norm_chain2)
