"""How likely each candidate of a residue is whatever its neighbours do, and how far others are expected to be from it.

The one best combination of all candidates is rarely what each residue does most often: where several neighbouring
places of a side chain are nearly as good, the truth is among them more often than at a single one that is better.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..sidechain.geometry_table import geometry_table
from ..sidechain.measure import swap_symmetric
from ..sidechain.templates import BACKBONE

__all__ = ["expected_cost", "mean_field", "mean_squares"]

Array = NDArray[np.float64]

_ROUNDS = 30
_FRESH = 0.7
"""Share of what a residue becomes in a round; all of it makes pairs of residues alternate."""
_CLASH = 8.0
"""Nats of a pair at most: what is hardly ever true must not rule out what is."""
_LIKE = 0.7
"""Angstrom (root mean square over a side chain) within which two candidates are much the same."""
_AGREEMENT = 3.0
"""Nats for each nat by which the probability that the truth is near falls, and ..."""
_SQUARE = 3.0
"""... for each A^2 of the expected mean square deviation; both beside repulsion, chosen on validation chains."""


def mean_field(own: list[Array], pairs: Mapping[tuple[int, int], Array], start: NDArray[np.int64]) -> list[Array]:
    """Probabilities (K_i,) of the candidates of each residue, neighbours being as they are on average.

    Parameters
    ----------
    own : list of ndarray, each of shape (K_i,)
        Energies in nats.
    pairs : mapping of (i, j), i < j, to ndarray of shape (K_i, K_j)
    start : ndarray of int64, shape (N,)
        Candidates that the first round favours: those of the best combination.

    References
    ----------
    Koehl and Delarue, J. Mol. Biol. 239, 249 (1994).
    """
    beside: list[list[tuple[int, Array]]] = [[] for _ in own]
    for (i, j), table in pairs.items():
        least = np.minimum(table, _CLASH)
        beside[i].append((j, least))
        beside[j].append((i, least.T))
    found = []
    for energy, first in zip(own, start.tolist(), strict=True):
        likely = 0.5 * _boltzmann(energy)
        likely[first] += 0.5
        found.append(likely)
    for _ in range(_ROUNDS):
        for i, energy in enumerate(own):
            total = energy + sum((table @ found[j] for j, table in beside[i]), np.zeros(len(energy)))
            found[i] = (1.0 - _FRESH) * found[i] + _FRESH * _boltzmann(total)
    return found


def _boltzmann(energy: Array) -> Array:
    weight = np.exp(energy.min() - energy)
    return np.asarray(weight / weight.sum())


def mean_squares(atoms: Tensor, kind: int) -> Array:
    """Mean square deviations (K, K) in A^2 of side chains (K, 14, 3) of one type, whichever way ends are named."""
    exists = geometry_table().exists[kind]
    side = slice(len(BACKBONE), None)
    other = swap_symmetric(atoms, torch.full((len(atoms),), kind))
    straight, swapped = (
        (atoms[:, None, side] - each[None, :, side]).square().sum(-1)[..., exists].mean(-1) for each in (atoms, other)
    )
    return np.asarray(torch.minimum(straight, swapped).double().numpy())


def expected_cost(squares: Array, probability: Array) -> Array:
    """What each candidate (K,) is expected to be wrong by, in nats.

    Parameters
    ----------
    squares : ndarray, shape (K, K)
        Mean square deviations in A^2.
    probability : ndarray, shape (K,)
    """
    near = np.exp(-0.5 * squares / _LIKE**2) @ probability
    return np.asarray(_SQUARE * (squares @ probability) - _AGREEMENT * np.log(near + 1e-9))
