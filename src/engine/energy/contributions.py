"""What an integral over noise levels gives: a negative log-probability, and what each coordinate adds to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Contributions", "Denoise", "Noise", "noise_ratios", "normal_numbers", "reference_energy"]

Denoise = Callable[[Tensor, float], Tensor]
"""Estimate of clean coordinates from noisy ones y = y_0 + r eps, of shape (state, ...), at the noise ratio r.
Coordinates are whitened: the noise eps is of unit variance and independent in all of them."""

Noise = Callable[[], Tensor]
"""Standard normal numbers, of the shape of one state: all states get the same, so that their differences are exact."""


@dataclass(frozen=True)
class Contributions:
    r"""Negative log-probability of states, by coordinate.

    Attributes
    ----------
    each : Tensor, shape (draw, state, ...)
        In nats; summed over a state's coordinates they give :math:`-\log p` of whitened coordinates. Draws are
        independent estimates: of random probes, or paths, or noise.
    """

    each: Tensor

    @property
    def mean(self) -> Tensor:
        """Over the draws, (state, ...)."""
        return self.each.mean(0)

    @property
    def total(self) -> Tensor:
        """Of each state, (state,), in nats."""
        return self.mean.flatten(1).sum(1)

    @property
    def standard_error(self) -> Tensor:
        """Of `total`, (state,), in nats; not a number for a single draw."""
        draws = self.each.flatten(2).sum(2)
        return draws.std(0) / len(draws) ** 0.5 if len(draws) > 1 else torch.full_like(draws[0], torch.nan)


def normal_numbers(shape: Sequence[int], seed: int, like: Tensor) -> Noise:
    """Noise from a seed, the same on all devices."""
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(tuple(shape), generator=generator, dtype=like.dtype).to(like.device)


def noise_ratios(levels: Sequence[float]) -> NDArray[np.float64]:
    """Noise ratios, checked to rise.

    Raises
    ------
    ValueError
        If there are fewer than two, or they do not rise, or the first is not positive.
    """
    ratios = np.asarray(levels, np.float64)
    if len(ratios) < 2 or ratios[0] <= 0 or not (np.diff(ratios) > 0).all():
        raise ValueError("noise ratios start above zero and rise, at least two of them")
    return ratios


def reference_energy(y: Tensor, variance: float) -> Tensor:
    r""":math:`-\log \mathcal{N}(y; 0, v)` of each coordinate, in nats: what is left at the highest noise."""
    return 0.5 * (y.square() / variance + float(np.log(2 * np.pi * variance)))
