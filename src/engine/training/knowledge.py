"""Which atoms a training example shows as known, and how exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .crops import Crop

__all__ = ["EXACT", "KnownPattern", "draw_pattern", "every_kth"]

EXACT = 0.02
"""Standard deviation in angstrom of an atom taken from a finished model."""

_PLAIN = 0.4
"""Fraction of examples that know nothing, so that one network is also the plain prior."""


@dataclass(frozen=True)
class KnownPattern:
    """Known atoms of a batch.

    Attributes
    ----------
    weights : ndarray of float64, shape (B, N, 4)
        1/sigma^2 in 1/angstrom^2, zero where unknown.
    sigma : ndarray of float32, shape (B, N, 4)
        Standard deviation in angstrom, zero where unknown.
    """

    weights: NDArray[np.float64]
    sigma: NDArray[np.float32]

    @property
    def informed(self) -> NDArray[np.bool_]:
        """Whether each example knows any atom, shape (B,)."""
        return np.asarray((self.sigma > 0).any(axis=(1, 2)))

    @staticmethod
    def from_sigma(sigma: NDArray[np.floating]) -> KnownPattern:
        """Pattern of standard deviations, zero meaning unknown."""
        wide = sigma.astype(np.float64)
        weights = np.where(wide > 0, 1.0 / np.maximum(wide, 1e-6) ** 2, 0.0)
        return KnownPattern(weights, sigma.astype(np.float32))


def every_kth(crop: Crop, k: int, sigma: float = EXACT) -> KnownPattern:
    """Every k-th residue of each example known, all of its backbone atoms with deviation ``sigma``."""
    deviation = np.zeros((*crop.aatype.shape, 4))
    deviation[:, ::k] = sigma
    return KnownPattern.from_sigma(deviation)


def draw_pattern(crop: Crop, rng: np.random.Generator) -> KnownPattern:
    """Random patterns: nothing, every k-th residue, built and missing stretches, scattered residues.

    They cover sparse traces, models with missing loops and domains, and CA-only models, exact or with
    errors up to 1.5 angstrom.
    """
    deviation = np.zeros((*crop.aatype.shape, 4))
    for example, ca_only in zip(deviation, crop.ca_only, strict=True):
        if rng.random() < _PLAIN:
            continue
        residues = _residues(len(example), rng)
        atoms = np.ones(4, bool)
        narrow = rng.random()
        if ca_only or narrow < 0.12:
            atoms[:] = False, True, False, False
        elif narrow < 0.2:
            atoms[3] = False
        example[np.ix_(residues, atoms)] = _deviations(int(residues.sum()), rng)[:, None]
    return KnownPattern.from_sigma(deviation)


def _residues(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    kind = rng.random()
    if kind < 0.4:
        k = round(float(np.exp(rng.uniform(np.log(2), np.log(24)))))
        return (np.arange(n) - rng.integers(k)) % k == 0
    if kind < 0.8:
        built, missing = rng.uniform(2, 60), np.exp(rng.uniform(np.log(2), np.log(40)))
        known = np.empty(0, bool)
        state = bool(rng.random() < built / (built + missing))
        while len(known) < n:
            length = 1 + rng.geometric(1.0 / (built if state else missing))
            known = np.append(known, np.full(length, state))
            state = not state
        return known[:n]
    return rng.random(n) < rng.uniform(0.03, 0.95)


def _deviations(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    if rng.random() < 0.5:
        return np.full(count, EXACT)
    typical = np.exp(rng.uniform(np.log(0.03), np.log(1.5)))
    return np.clip(typical * np.exp(0.4 * rng.standard_normal(count)), EXACT, 2.0)
