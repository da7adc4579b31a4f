"""Rank replicas by what can be known without the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["SCALES", "Ranking", "rank_replicas", "standardised"]

SCALES = {"log_likelihood": 5.0, "energy": 0.05, "correlation": 0.01}
"""Differences between replicas that count one, for the terms that the pipelines rank by, if the replicas do not differ
by more. Log-likelihood: 5 nats are odds of 150 to 1. Energy (no unit): its noise between replicas, from the draws that
it is averaged over, is 0.002 where they are alike (44 and 172 residues) and 0.025 where they are not (20 residues);
0.05 is twice the latter. Correlation (-1 to 1): chosen by hand; other values were not compared."""


@dataclass(frozen=True)
class Ranking:
    """Replicas from best to worst.

    Attributes
    ----------
    score : Tensor, shape (replica,)
        Sum of standardised terms; higher is better.
    order : tuple of int
        Replicas, best first.
    """

    score: Tensor
    order: tuple[int, ...]

    @property
    def chosen(self) -> int:
        """The replica to report."""
        return self.order[0]


def rank_replicas(
    terms: Mapping[str, Tensor], scales: Mapping[str, float], further: Mapping[str, Tensor] | None = None
) -> Ranking:
    """Add up terms such as the fit to the map and minus the denoising energy.

    Each term is divided by a scale that says which difference matters, so that noise in a term on
    which all replicas agree does not decide.

    Parameters
    ----------
    terms : dict of Tensor, shape (replica,)
        Higher is better.
    scales : dict of float
        Positive differences that count one; the spread between replicas is used if it is larger.
    further : dict of Tensor, shape (replica,), optional
        Log-likelihoods of further measurements in nats, all of the scale ``log_likelihood``.

    Returns
    -------
    Ranking
    """
    score = torch.zeros_like(next(iter(terms.values())))
    every = [(values, scales[name]) for name, values in terms.items()]
    every += [(values, scales["log_likelihood"]) for values in (further or {}).values()]
    for values, scale in every:
        score = score + standardised(values.to(score), scale)
    order = tuple(int(i) for i in torch.argsort(score, descending=True, stable=True))
    return Ranking(score, order)


def standardised(values: Tensor, scale: float) -> Tensor:
    """Values (replica,) about their mean, in units of a scale, or of their standard deviation if that is larger."""
    spread = float(values.std()) if len(values) > 1 else 0.0
    return (values - values.mean()) / max(scale, spread)
