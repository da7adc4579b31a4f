"""Which residues of a starting model the map supports, and how far the others may move."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ..ensemble.recombination import missing_segments
from ..placing.target import Target
from .chance import by_chance, caution

__all__ = ["SHORTEST_BODY", "Support", "along_chains", "judge_support"]

SHORTEST_BODY = 25
"""Rejected residues in a row that may be a domain in a wrong place; fewer are a loop or an end."""

# Chosen by hand. In the bundled example (1.75 A) the fits of the deposited model's residues are 0.80 (first
# percentile), 0.96 (quartile) and 0.99 (median) of their upper quartile; of the model moved by 1 A the median is 0.43,
# moved by 2 A or more 0.19 is the 99th percentile. Poorer maps bring the two closer together.
_WINDOW = 5
"""Residues over which the fit is averaged: a turn and a half of a helix."""
_REJECT_BELOW = 0.35
"""Fit below which a residue is contradicted, as a fraction of the upper quartile of the model: between
those moved by 1 and by 2 A."""
_CERTAIN = 2.0
"""Standard deviations by which the fit of a residue must also be lower than a typical one, so that it is not chance;
more in coarse maps (`caution`)."""
_ENOUGH = 0.8
"""Density at a residue's atoms, relative to what the model has there and to the upper quartile of that, from which a
residue is not contradicted, whatever the correlation says: in coarse maps, density of missing residues 4 to 7 A away
lowers that of right ones. Chosen on 16 validation chains with 35 % missing: of right residues 1.6 % are contradicted,
instead of 5.3 %, at 6 A (1.2 and 5.2 % at 8 A; next to none, as before, at 3 and 4 A), of residues moved by 6 A 69 %
instead of 74 % (34 and 42 % at 8 A; 83 and 84 % at 4 A)."""
_ACCEPT_ABOVE = 0.8
"""Fit from which a built segment is supported, as the same fraction: all but one in a hundred of the right ones."""
_DOUBT = 3.0
"""Factor on sigma just above rejection; 1 at a typical fit, linear between."""
_LEAST_TYPICAL = 0.2
"""Upper quartile of local correlations below which nothing is rejected: 0.78 in the example; at most 0.05 with its
model turned at random."""
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
    contradicted : float
        Local correlation below which the map contradicts a residue: lower ones say nothing more.
    """

    fit: NDArray[np.float64]
    typical: float
    trusted: NDArray[np.bool_]
    in_body: NDArray[np.bool_]
    contradicted: float

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

    def apply(self, target: Target) -> Target:
        """The target with doubtful residues free to move further, and rejected ones far.

        Between a typical fit and rejection, sigma grows linearly up to threefold. Of a rejected residue
        only the CA stays, with a sigma of 4 A, and nothing if it is part of a misplaced domain.
        """
        good = np.nan_to_num(self.fit, nan=0.0) / max(self.typical, 1e-6)
        doubt = np.clip((1.0 - good) / (1.0 - _REJECT_BELOW), 0.0, 1.0)
        widening = 1.0 + (_DOUBT - 1.0) * doubt
        loop = self.rejected & ~self.in_body
        known = target.known & self.trusted[:, None]
        known[:, 1] |= target.known[:, 1] & loop
        # in the solver's precision, so that results keep every bit
        widened = target.sigma.astype(np.float32) * widening.astype(np.float32)[:, None]
        sigma = np.where(loop[:, None], _LOOP_SIGMA, widened.astype(np.float64))
        return replace(target, known=known, sigma=sigma)

    def lines(self, target: Target) -> list[str]:
        """Sentences for the user."""
        bad = int(self.rejected.sum())
        if not bad:
            return [f"The map supports all known residues (typical local correlation {self.typical:.2f})."]
        chain, first, _ = target.labels[int(np.flatnonzero(self.rejected)[0])]
        return [
            f"{bad} known residues (the first: {chain} {first}) lie where the map does not support them "
            f"(local correlation below {self.contradicted:.2f}) and will be built anew."
        ]


def judge_support(
    target: Target, local_fit: NDArray[np.float64], resolution: float, share: NDArray[np.float64] | None = None
) -> Support:
    """Verdict on each residue of a starting model.

    A residue is rejected where the fit, averaged over five residues of its chain, is below 0.35 of the upper quartile
    over the model, and lower than that by more than chance makes of it, and where there is less density at its atoms
    than there should be. If the quartile itself is below 0.2 nothing is rejected: then the map is too poor, or the
    model too badly placed, to judge by.

    Parameters
    ----------
    target : Target
    local_fit : ndarray, shape (N,)
        Local map-model correlation of the known residues; NaN elsewhere.
    resolution : float
        Of the map, in angstrom.
    share : ndarray, shape (N,), optional
        Density of the map at the known residues over what the model has there; NaN elsewhere. By default, density is
        never enough: where nothing is missing, the fit tells by itself.
    """
    fit = along_chains(local_fit, target.polymer.chain_index)
    finite = fit[np.isfinite(fit)]
    typical = float(np.percentile(finite, 75)) if len(finite) else 0.0
    known = target.known[:, 1]
    least = max(typical, _LEAST_TYPICAL)
    certain = _CERTAIN * caution(resolution) * by_chance(least, resolution, _WINDOW)
    contradicted = min(_REJECT_BELOW * least, least - certain)
    supported = np.nan_to_num(fit, nan=-1.0) >= contradicted
    if share is not None:
        supported |= _has_enough(along_chains(share, target.polymer.chain_index))
    trusted = known & (supported if typical >= _LEAST_TYPICAL else True)
    if not trusted.any():
        trusted = known
    in_body = np.zeros(len(known), dtype=bool)
    for run in missing_segments(trusted | ~known, target.polymer.chain_index):
        in_body[run] = run.stop - run.start >= SHORTEST_BODY
    return Support(np.where(known, fit, np.nan), least, trusted, in_body, contradicted)


def _has_enough(share: NDArray[np.float64]) -> NDArray[np.bool_]:
    finite = share[np.isfinite(share)]
    if not len(finite):
        return np.zeros(len(share), bool)
    return np.asarray(np.nan_to_num(share, nan=-np.inf) >= _ENOUGH * max(float(np.percentile(finite, 75)), 0.0))


def along_chains(values: NDArray[np.float64], chain_index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over five residues along each chain, of those that have a value; values and result have shape (N,)."""
    out = np.full_like(values, np.nan)
    for chain in np.unique(chain_index):
        rows = chain_index == chain
        present = np.isfinite(values[rows]).astype(np.float64)
        total = uniform_filter1d(np.nan_to_num(values[rows]), _WINDOW, mode="constant")
        count = uniform_filter1d(present, _WINDOW, mode="constant")
        with np.errstate(invalid="ignore", divide="ignore"):
            out[rows] = np.where(present > 0, total / count, np.nan)
    return out
