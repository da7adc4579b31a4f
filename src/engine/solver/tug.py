r"""A residue that the user pulls towards a place while a job runs: a harmonic restraint whose target moves.

:math:`E(x) = \tfrac{k}{2}|x_{\mathrm{CA}} - y|^2` in every replica, added to what else is known of that atom. Where the
place is far, the restraint pulls towards a point on the way to it: its force is bounded, and no bond is torn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..prior.evidence import KnownAtoms

__all__ = ["TUG_REACH", "TUG_SIGMA", "Tug"]

TUG_SIGMA = 0.25
"""Standard deviation in angstrom that the place has as a measurement, k = 1 / sigma^2: as exact as the better half of
a model's atoms (0.2 to 0.5), so that a tug wins over them but leaves neighbours, bonds and map a say."""
TUG_REACH = 6.0
"""Angstrom beyond which the pull grows no more: two residues along a strand, which chains follow within some steps."""

_CA = 1


class Tug:
    """The residue that is pulled, if any.

    Attributes
    ----------
    residue : int or None
        Its position among the residues of the job.
    target : ndarray, shape (3,)
        Where the user wants its CA atom, in angstrom.
    """

    def __init__(self) -> None:
        self.residue: int | None = None
        self.target: NDArray[np.float64] = np.zeros(3)
        self._point: NDArray[np.float64] = self.target

    def pull(self, residue: int, target: ArrayLike) -> None:
        """Pull a residue towards a place (3,), instead of what is pulled so far.

        Raises
        ------
        ValueError
            If the place is not finite.
        """
        place = np.asarray(target, dtype=np.float64)
        if place.shape != (3,) or not np.isfinite(place).all():
            raise ValueError(f"{place.tolist()} is no place that a residue can be pulled to")
        self.residue, self.target, self._point = residue, place, place

    def let_go(self) -> None:
        """Pull nothing any more."""
        self.residue = None

    def aim(self, x: Tensor) -> None:
        """Pull towards the point on the way to the target that is within reach, from a structure (N, 4, 3)."""
        if self.residue is None:
            return
        here = x[self.residue, _CA].detach().double().cpu().numpy()
        way = self.target - here
        far = float(np.linalg.norm(way))
        self._point = self.target if far <= TUG_REACH else here + (TUG_REACH / far) * way

    def over(self, known: KnownAtoms) -> KnownAtoms:
        r"""Known atoms with the pull added.

        Two harmonic terms of one atom are one: :math:`w = w_0 + k`, :math:`y = (w_0 y_0 + k y_1) / w`.
        """
        if self.residue is None:
            return known
        spot, stiffness = (self.residue, _CA), TUG_SIGMA**-2
        target, weights = known.target.clone(), known.weights.clone()
        before = weights[spot].clone()
        point = torch.as_tensor(self._point).to(target)
        weights[spot] = before + stiffness
        target[spot] = (before * target[spot] + stiffness * point) / (before + stiffness)
        return KnownAtoms(target, weights)

    def hide(self, known: KnownAtoms, pinned: NDArray[np.bool_]) -> KnownAtoms:
        """Known atoms without those of the residue, except for pinned ones (N, 4).

        For what the prior is shown: it would take the place that the residue is being pulled away from for certain.
        """
        if self.residue is None:
            return known
        weights = known.weights.clone()
        weights[self.residue, torch.as_tensor(~pinned[self.residue], device=weights.device)] = 0.0
        return replace(known, weights=weights)
