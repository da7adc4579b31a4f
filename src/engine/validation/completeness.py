"""Accuracy of the residues that are known, missing, or most trusted: the paper's Figure 3."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["CaRmsd", "CompletenessCurve", "ca_rmsd", "rmsd_against_completeness"]


@dataclass(frozen=True)
class CompletenessCurve:
    """CA RMSD of the most trusted residues as a function of how many are kept.

    Parameters
    ----------
    completeness : ndarray, shape (K,)
        ``k / N`` for k = 1 ... K kept residues, N being all residues of the target sequence.
    rmsd : ndarray, shape (K,)
        CA RMSD of those k residues to the reference, in A.
    order : ndarray of int64, shape (K,)
        Residue indices, most trusted first.
    """

    completeness: NDArray[np.float64]
    rmsd: NDArray[np.float64]
    order: NDArray[np.int64]

    def at(self, completeness: float) -> float:
        """RMSD (A) at a completeness in (0, 1]; NaN beyond the end of the curve."""
        k = max(1, round(completeness * self.order.size / self.completeness[-1])) if self.order.size else 1
        return float(self.rmsd[k - 1]) if k <= self.rmsd.size else float("nan")


@dataclass(frozen=True)
class CaRmsd:
    """CA RMSD in A over all, the initially known, and the initially missing residues.

    A field is NaN where the group has no residue in common with the reference.
    """

    all: float
    known: float
    missing: float


def rmsd_against_completeness(
    model: NDArray[np.floating],
    reference: NDArray[np.floating],
    confidence: NDArray[np.floating] | None = None,
    model_mask: NDArray[np.bool_] | None = None,
) -> CompletenessCurve:
    r"""RMSD-against-completeness curve (paper, Figure 3b).

    With residues ranked by falling confidence, ``rmsd_k = sqrt(1/k sum_{i <= k} |m_i - r_i|^2)`` at
    completeness ``k / N``. No superposition is made: model and reference share the frame of the map.

    Parameters
    ----------
    model, reference : ndarray, shape (N, 3)
        CA positions in A; NaN rows (or rows outside `model_mask`) are not modelled and end the curve
        before completeness 1. N counts every residue of the sequence.
    confidence : ndarray, shape (N,), optional
        Higher is more trusted. Without it residues are ranked by their error, which needs the truth
        and is the form to use for methods that report no confidence.
    model_mask : ndarray of bool, shape (N,), optional
        Residues that the model contains; default: those with finite coordinates.

    Returns
    -------
    CompletenessCurve
        Empty if model and reference have no residue in common.

    Raises
    ------
    ValueError
        If the shapes disagree, or a modelled residue has no finite confidence.
    """
    error, common = _squared_errors(model, reference, model_mask)
    ranking = -error if confidence is None else np.asarray(confidence, np.float64)
    if ranking.shape != error.shape:
        raise ValueError(f"confidence must have shape {error.shape}")
    indices = np.flatnonzero(common)
    if not np.isfinite(ranking[indices]).all():
        raise ValueError("every modelled residue needs a finite confidence")
    order = indices[np.argsort(-ranking[indices], kind="stable")].astype(np.int64)
    kept = np.arange(1, order.size + 1)
    return CompletenessCurve(kept / error.size, np.sqrt(np.cumsum(error[order]) / kept), order)


def ca_rmsd(
    model: NDArray[np.floating],
    reference: NDArray[np.floating],
    known: NDArray[np.bool_],
    model_mask: NDArray[np.bool_] | None = None,
) -> CaRmsd:
    """CA RMSD in place, apart for residues that were known before the job and those that were missing.

    Parameters
    ----------
    model, reference : ndarray, shape (N, 3)
        CA positions in A; NaN rows do not count.
    known : ndarray of bool, shape (N,)
        Residues whose CA the incomplete model had.
    model_mask : ndarray of bool, shape (N,), optional
        Residues that the model contains; default: those with finite coordinates.

    Returns
    -------
    CaRmsd
    """
    error, common = _squared_errors(model, reference, model_mask)
    known = np.asarray(known, bool)

    def over(selected: NDArray[np.bool_]) -> float:
        return float(np.sqrt(error[selected].mean())) if selected.any() else float("nan")

    return CaRmsd(over(common), over(common & known), over(common & ~known))


def _squared_errors(
    model: NDArray[np.floating], reference: NDArray[np.floating], model_mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Squared CA distances (0 where undefined) and the residues present on both sides."""
    model, reference = np.asarray(model, np.float64), np.asarray(reference, np.float64)
    if model.shape != reference.shape or model.ndim != 2 or model.shape[1] != 3:
        raise ValueError(f"CA positions of shapes {model.shape} and {reference.shape} do not correspond")
    common = np.isfinite(model).all(-1) & np.isfinite(reference).all(-1)
    if model_mask is not None:
        common &= np.asarray(model_mask, bool)
    difference = np.where(common[:, None], model - reference, 0.0)
    return (difference**2).sum(-1), common
