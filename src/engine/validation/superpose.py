"""Least-squares superposition of point sets and root-mean-square deviations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Superposition", "kabsch", "rmsd", "superpose"]


@dataclass(frozen=True)
class Superposition:
    """Rigid motion ``x -> x @ rotation.T + translation`` (batched).

    Parameters
    ----------
    rotation : ndarray, shape (..., 3, 3)
        Orthogonal matrices; determinant +1, or -1 where a mirror image was asked for.
    translation : ndarray, shape (..., 3)
        Shift applied after the rotation, in A.
    """

    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Move points of shape (..., M, 3), in A; NaN stays NaN."""
        moved = np.asarray(points, np.float64) @ np.swapaxes(self.rotation, -1, -2)
        return moved + self.translation[..., None, :]


def kabsch(
    mobile: NDArray[np.floating],
    target: NDArray[np.floating],
    mask: NDArray[np.bool_] | None = None,
    weights: NDArray[np.floating] | None = None,
    mirror: bool = False,
) -> Superposition:
    """Rigid motion minimising ``sum_i w_i |R m_i + t - y_i|^2`` over the selected points.

    Parameters
    ----------
    mobile, target : ndarray, shape (..., M, 3)
        Corresponding points, in A; leading dimensions broadcast. Points outside `mask` may be NaN.
    mask : ndarray of bool, shape (..., M), optional
        Points that count; all by default.
    weights : ndarray, shape (..., M), optional
        Non-negative weights; 1 by default.
    mirror : bool
        Look for the best motion of the mirror image of `mobile` (an improper rotation) instead.

    Returns
    -------
    Superposition

    Raises
    ------
    ValueError
        If the shapes disagree, nothing is selected, or a selected coordinate is not finite.

    References
    ----------
    W. Kabsch (1976), Acta Cryst. A32, 922; the determinant correction follows the SVD form.
    """
    mobile, target, weight = _selected(mobile, target, mask, weights)
    total = weight.sum(-1)[..., None]
    centre_m = (weight[..., None] * mobile).sum(-2) / total
    centre_t = (weight[..., None] * target).sum(-2) / total
    moved = mobile - centre_m[..., None, :]
    fixed = target - centre_t[..., None, :]
    covariance = np.swapaxes(weight[..., None] * moved, -1, -2) @ fixed
    u, _, vt = np.linalg.svd(covariance)
    handedness = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0) * (-1.0 if mirror else 1.0)
    diagonal = np.ones((*handedness.shape, 3))
    diagonal[..., 2] = handedness
    rotation = np.swapaxes((u * diagonal[..., None, :]) @ vt, -1, -2)
    translation = centre_t - (rotation @ centre_m[..., None])[..., 0]
    return Superposition(rotation, translation)


def superpose(
    mobile: NDArray[np.floating],
    target: NDArray[np.floating],
    mask: NDArray[np.bool_] | None = None,
    weights: NDArray[np.floating] | None = None,
    mirror: bool = False,
) -> NDArray[np.float64]:
    """Coordinates of `mobile` after `kabsch` onto `target`; shape (..., M, 3), in A."""
    return kabsch(mobile, target, mask, weights, mirror).apply(mobile)


def rmsd(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    mask: NDArray[np.bool_] | None = None,
    *,
    superposed: bool = False,
    mirror: bool = False,
) -> NDArray[np.float64]:
    """Root-mean-square deviation ``sqrt(mean_i |a_i - b_i|^2)`` over the selected points.

    Parameters
    ----------
    a, b : ndarray, shape (..., M, 3)
        Corresponding points, in A; leading dimensions broadcast. Points outside `mask` may be NaN.
    mask : ndarray of bool, shape (..., M), optional
        Points that count; all by default.
    superposed : bool
        Superpose `a` onto `b` first (`kabsch`); otherwise compare in place.
    mirror : bool
        With `superposed`: superpose the mirror image of `a`.

    Returns
    -------
    ndarray, shape (...)
        In A.

    Raises
    ------
    ValueError
        As `kabsch`; also if `mirror` is asked for without `superposed`.
    """
    if mirror and not superposed:
        raise ValueError("mirror needs superposed=True: a mirror image has no place of its own")
    moved = superpose(a, b, mask, mirror=mirror) if superposed else a
    moved, target, weight = _selected(moved, b, mask, None)
    squared = ((moved - target) ** 2).sum(-1)
    result: NDArray[np.float64] = np.sqrt((weight * squared).sum(-1) / weight.sum(-1))
    return result


def _selected(
    mobile: NDArray[np.floating],
    target: NDArray[np.floating],
    mask: NDArray[np.bool_] | None,
    weights: NDArray[np.floating] | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Broadcast points and weights, with zeros where nothing is selected."""
    mobile, target = np.asarray(mobile, np.float64), np.asarray(target, np.float64)
    if mobile.shape[-2:] != target.shape[-2:] or mobile.shape[-1] != 3:
        raise ValueError(f"point sets of shapes {mobile.shape} and {target.shape} do not correspond")
    shape = np.broadcast_shapes(mobile.shape, target.shape)
    weight = np.ones(shape[:-1]) if weights is None else np.broadcast_to(weights, shape[:-1])
    if mask is not None:
        weight = np.where(mask, weight, 0.0)
    used = weight > 0
    if (weight < 0).any() or not used.any(-1).all():
        raise ValueError("weights must be non-negative and select at least one point of each set")
    moving = np.where(used[..., None], mobile, 0.0).astype(np.float64)
    fixed = np.where(used[..., None], target, 0.0).astype(np.float64)
    if not (np.isfinite(moving).all() and np.isfinite(fixed).all()):
        raise ValueError("a selected point has no finite coordinates")
    return moving, fixed, np.asarray(weight, np.float64)
