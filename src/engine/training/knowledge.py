"""Which atoms a training example shows as known, and how exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .crops import Crop

__all__ = ["EXACT", "SHARED_ERROR", "KnownPattern", "built_and_missing", "draw_pattern", "every_kth", "smooth_bend"]

EXACT = 0.02
"""Standard deviation in angstrom of an atom taken from a finished model."""

_PLAIN, _PLAIN_WITH_MAP = 0.4, 0.15
"""Fraction of examples that know nothing, so that one network is also the plain prior."""

_ONE_SIDE = 0.5
"""Fraction of the examples of two chains with known atoms that know one of them whole and nothing of the other: that is
what energies of interfaces ask."""

_BENT = 0.3
"""Fraction of the examples with map and known atoms whose known parts are bent as a whole, as predictions are."""

SHARED_ERROR = 3.0
"""How many times its size the standard deviation of an error is stated that some ten atoms in a row share:
the Gaussian chain takes errors for independent and would average them away."""
_WAVELENGTHS = (25.0, 60.0)
"""Of a bend's waves, in angstrom: shorter than a domain, longer than a helix turn."""


@dataclass(frozen=True)
class KnownPattern:
    """Known atoms of a batch.

    Attributes
    ----------
    weights : ndarray of float64, shape (B, N, 4)
        1/sigma^2 in 1/angstrom^2, zero where unknown.
    sigma : ndarray of float32, shape (B, N, 4)
        Standard deviation in angstrom, zero where unknown: the weights say no more than this.
    bend : ndarray of float32, shape (B, N, 4, 3)
        Part of the error that neighbours in space share, in angstrom.
    own : ndarray of float32, shape (B, N, 4)
        Standard deviation of the error that each atom has for itself, in angstrom.
    """

    weights: NDArray[np.float64]
    sigma: NDArray[np.float32]
    bend: NDArray[np.float32]
    own: NDArray[np.float32]

    @property
    def informed(self) -> NDArray[np.bool_]:
        """Whether each example knows any atom, shape (B,)."""
        return np.asarray((self.sigma > 0).any(axis=(1, 2)))

    @staticmethod
    def from_sigma(sigma: NDArray[np.floating], bend: NDArray[np.floating] | None = None) -> KnownPattern:
        """Pattern of standard deviations, zero meaning unknown; examples with a bend have no error beside it."""
        wide = sigma.astype(np.float64)
        weights = np.where(wide > 0, 1.0 / np.maximum(wide, 1e-6) ** 2, 0.0)
        bend = np.zeros((*wide.shape, 3)) if bend is None else bend
        bent = np.abs(bend).max((1, 2, 3), keepdims=True)[..., 0] > 0
        own = np.where(bent, np.minimum(wide, EXACT), wide)
        return KnownPattern(weights, sigma.astype(np.float32), bend.astype(np.float32), own.astype(np.float32))


def every_kth(crop: Crop, k: int, sigma: float = EXACT) -> KnownPattern:
    """Every k-th residue of each example known, all of its backbone atoms with deviation ``sigma``."""
    deviation = np.zeros((*crop.aatype.shape, 4))
    deviation[:, ::k] = sigma
    return KnownPattern.from_sigma(deviation)


def draw_pattern(crop: Crop, rng: np.random.Generator, with_map: NDArray[np.bool_] | None = None) -> KnownPattern:
    """Random patterns: nothing, every k-th residue, built and missing stretches, scattered residues.

    They cover sparse traces, models with missing loops and domains, and CA-only models, exact or with
    errors up to 1.5 angstrom, which each atom has for itself or shares with its surroundings (bent models).
    Examples that have a map more often know long stretches, as jobs with a map do.
    """
    deviation = np.zeros((*crop.aatype.shape, 4))
    bend = np.zeros(crop.xyz.shape)
    with_map = np.zeros(len(deviation), bool) if with_map is None else with_map
    for i, (example, ca_only, mapped) in enumerate(zip(deviation, crop.ca_only, with_map, strict=True)):
        if rng.random() < (_PLAIN_WITH_MAP if mapped else _PLAIN):
            continue
        chain = crop.chain_index[i]
        if len(crop.segments) == 2 and chain[0] != chain[-1] and rng.random() < _ONE_SIDE:
            residues = chain == rng.choice(chain)
        elif mapped and rng.random() < 0.45:
            residues = built_and_missing(len(example), rng)
        else:
            residues = _residues(example, rng)
        atoms = np.ones(4, bool)
        narrow = rng.random()
        if ca_only or narrow < 0.12:
            atoms[:] = False, True, False, False
        elif narrow < 0.2:
            atoms[3] = False
        if mapped and rng.random() < _BENT:
            # only a map can tell a bend
            size = float(np.exp(rng.uniform(np.log(0.1), np.log(3.0))))
            bend[i] = smooth_bend(crop.xyz[i], size, rng)
            # what is said of a model's error is seldom right
            stated = SHARED_ERROR * size * float(np.exp(0.4 * rng.standard_normal()))
            example[np.ix_(residues, atoms)] = np.clip(stated, EXACT, 12.0)
        else:
            example[np.ix_(residues, atoms)] = _deviations(int(residues.sum()), rng)[:, None]
    bend[~(deviation > 0).any(-1)] = 0.0
    return KnownPattern.from_sigma(deviation, bend)


def built_and_missing(
    n: int, rng: np.random.Generator, built: tuple[int, int] = (12, 40), missing: tuple[int, int] = (6, 30)
) -> NDArray[np.bool_]:
    """Known residues (N,): stretches of 12 to 40 between gaps of 6 to 30, as in models built in a map."""
    known: NDArray[np.bool_] = np.zeros(0, bool)
    state = bool(rng.random() < 0.7)
    while len(known) < n:
        low, high = built if state else missing
        known = np.append(known, np.full(rng.integers(low, high + 1), state))
        state = not state
    return known[:n]


def smooth_bend(xyz: NDArray[np.floating], size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random displacement field at points (..., 3), of a root mean square ``size`` in angstrom."""
    points = xyz.reshape(-1, 3).astype(np.float64)
    waves = rng.standard_normal((8, 3))
    waves *= 2 * np.pi / (rng.uniform(*_WAVELENGTHS, (8, 1)) * np.linalg.norm(waves, axis=1, keepdims=True))
    field = np.sin(points @ waves.T + rng.uniform(0, 2 * np.pi, 8)) @ rng.standard_normal((8, 3))
    scale = np.sqrt(np.square(field).sum(1).mean())
    shifts: NDArray[np.float64] = (field * (size / max(scale, 1e-9))).reshape(xyz.shape)
    return shifts


def _residues(example: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.bool_]:
    n = len(example)
    kind = rng.random()
    if kind < 0.4:
        k = round(float(np.exp(rng.uniform(np.log(2), np.log(24)))))
        chosen: NDArray[np.bool_] = (np.arange(n) - rng.integers(k)) % k == 0
        return chosen
    if kind < 0.8:
        built, missing = rng.uniform(2, 60), np.exp(rng.uniform(np.log(2), np.log(40)))
        known: NDArray[np.bool_] = np.empty(0, bool)
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
    deviations: NDArray[np.float64] = np.clip(typical * np.exp(0.4 * rng.standard_normal(count)), EXACT, 2.0)
    return deviations
