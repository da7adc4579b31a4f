"""Which residues of a starting model the map supports, and how far the others may move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from torch import Tensor

from ..ensemble.recombination import missing_segments
from ..physics.masking import MaskedModel
from ..placing.target import Target
from .map_problem import MapProblem

__all__ = ["SHORTEST_BODY", "Support", "judge_support"]

SHORTEST_BODY = 25
"""Rejected residues in a row that may be a domain in a wrong place; fewer are a loop or an end."""

_WINDOW = 5
_REJECT_BELOW = 0.35
_ACCEPT_ABOVE = 0.8
_DOUBT = 3.0
_LOOP_SIGMA = 4.0
"""Standard deviation in angstrom of a rejected loop's CA: it is seldom much further from its place, and the free
end of a chain would otherwise wander into the density of something else."""


@dataclass(frozen=True)
class Support:
    """The map's verdict on the starting model.

    Attributes
    ----------
    fit : ndarray, shape (N,)
        Local map-model correlation of known residues, averaged over five along the chain; NaN elsewhere.
    typical : float
        Upper quartile of ``fit``: what a correct residue scores in this map.
    trusted : ndarray of bool, shape (N,)
        Known residues that the map does not contradict.
    in_body : ndarray of bool, shape (N,)
        Residues in a contradicted part that is long enough to be a misplaced domain.
    """

    fit: NDArray[np.float64]
    typical: float
    trusted: NDArray[np.bool_]
    in_body: NDArray[np.bool_]

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """Known residues that the map contradicts, shape (N,)."""
        return np.isfinite(self.fit) & ~self.trusted

    def outside(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Known residues (N,) that the map does not reach, shape (N,): it says nothing of them."""
        return known & ~np.isfinite(self.fit)

    @property
    def threshold(self) -> float:
        """Local correlation from which a built segment counts as supported."""
        return _ACCEPT_ABOVE * self.typical

    def trusting(self, residues: NDArray[np.bool_]) -> Support:
        """Verdict with further residues (N,) trusted, whatever the map says: those that the user keeps."""
        return replace(self, trusted=self.trusted | residues)

    def apply(self, model: MaskedModel) -> MaskedModel:
        """Partial model in which doubtful residues may move further, and rejected ones far.

        Between a typical fit and rejection, sigma grows linearly up to threefold. Of a rejected residue
        only the CA stays, with a sigma of 4 A, and nothing if it is part of a misplaced domain.
        """
        device = model.known.device
        trusted = torch.as_tensor(self.trusted, device=device)
        good = np.nan_to_num(self.fit, nan=0.0) / max(self.typical, 1e-6)
        doubt = np.clip((1.0 - good) / (1.0 - _REJECT_BELOW), 0.0, 1.0)
        widening = torch.as_tensor(1.0 + (_DOUBT - 1.0) * doubt, device=device, dtype=model.sigma.dtype)
        loop = torch.as_tensor(self.rejected & ~self.in_body, device=device)
        known = model.known & trusted[:, None]
        known[:, 1] |= model.known[:, 1] & loop
        sigma = torch.where(loop[:, None], _LOOP_SIGMA, model.sigma * widening[:, None])
        return replace(model, known=known, sigma=sigma)

    def lines(self, target: Target) -> list[str]:
        """Sentences for the user."""
        bad = int(self.rejected.sum())
        if not bad:
            return [f"The map supports all known residues (typical local correlation {self.typical:.2f})."]
        chain, first, _ = target.labels[int(np.flatnonzero(self.rejected)[0])]
        return [
            f"{bad} known residues (the first: {chain} {first}) lie where the map does not support them "
            f"(local correlation below {_REJECT_BELOW * self.typical:.2f}) and will be built anew."
        ]


def judge_support(target: Target, maps: MapProblem, start: Tensor) -> Support:
    """Local fit of the starting backbone (N, 4, 3) to the map, and the verdict on each residue.

    A residue is rejected where the fit, averaged over five residues of its chain, is below 0.35 of
    the upper quartile over the model. If the quartile itself is below 0.2 nothing is rejected: then the map
    is too poor, or the model too badly placed, to judge by.
    """
    raw = maps.start_fit(start[None])
    fit = _smoothed(raw, target.polymer.chain_index)
    finite = fit[np.isfinite(fit)]
    typical = float(np.percentile(finite, 75)) if len(finite) else 0.0
    known = target.known[:, 1]
    supported = np.nan_to_num(fit, nan=-1.0) >= _REJECT_BELOW * typical
    trusted = known & (supported if typical >= 0.2 else True)
    if not trusted.any():
        trusted = known
    in_body = np.zeros(len(known), dtype=bool)
    for run in missing_segments(trusted | ~known, target.polymer.chain_index):
        in_body[run] = run.stop - run.start >= SHORTEST_BODY
    return Support(np.where(known, fit, np.nan), max(typical, 0.2), trusted, in_body)


def _smoothed(values: NDArray[np.float64], chain_index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over a window along each chain, of the residues that have a value."""
    out = np.full_like(values, np.nan)
    for chain in np.unique(chain_index):
        rows = chain_index == chain
        present = np.isfinite(values[rows]).astype(np.float64)
        total = uniform_filter1d(np.nan_to_num(values[rows]), _WINDOW, mode="constant")
        count = uniform_filter1d(present, _WINDOW, mode="constant")
        with np.errstate(invalid="ignore", divide="ignore"):
            out[rows] = np.where(present > 0, total / count, np.nan)
    return out
