"""Denoisers whose densities are known."""

from __future__ import annotations

import math

import pytest
import torch


class Mixture:
    """A 1-D Gaussian mixture: its density at any noise, and its exact denoiser."""

    def __init__(self, weights, means, widths):
        self.weights = torch.tensor(weights, dtype=torch.float64)
        self.means = torch.tensor(means, dtype=torch.float64)
        self.widths = torch.tensor(widths, dtype=torch.float64)

    def _terms(self, y, ratio):
        variance = self.widths**2 + ratio**2
        away = y[..., None] - self.means
        logs = torch.log(self.weights) - 0.5 * away**2 / variance - 0.5 * torch.log(2 * math.pi * variance)
        return logs, away, variance

    def energy(self, y, ratio=0.0):
        return -torch.logsumexp(self._terms(y, ratio)[0], -1)

    def denoise(self, y, ratio):
        logs, away, variance = self._terms(y, ratio)
        score = -(logs.softmax(-1) * away / variance).sum(-1)
        return y + ratio**2 * score


@pytest.fixture
def mixture():
    # of mean zero, as structures are
    return Mixture([0.5, 0.3, 0.2], [-1.27, 0.63, 2.23], [0.4, 0.25, 0.6])
