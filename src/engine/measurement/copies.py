"""Copies that are nearly alike, ``copies``: chains of equal sequence share their local shape, without being the same.

Symmetry makes copies equal and computes one of them; this leaves each its own density and lets it differ where that
says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from ..contract.errors import InputError
from ..contract.requests import Request
from ..likelihood.equal_copies import EqualCopiesLikelihood
from ..solver.potential_cost import PotentialCost
from ..structure.equal_residues import equal_residues
from .doubtful_potential import DoubtfulPotential
from .protocol import Scene

__all__ = ["NAME", "Copies", "load", "shared_pairs"]

NAME = "copies"

_ALONG = 12
"""Residues along the chain whose distances are compared wherever they lie: also within segments that no copy shows."""
_NEAR = 10.0
"""Angstrom within which CA atoms of a copy in the starting model are neighbours, whose distance is compared in all."""
_SIGMA = 0.1, 1.0
"""Angstrom: least and largest standard deviation that is estimated. Copies in one crystal that are refined without
restraints differ by about the error of their coordinates, 0.1 A; beyond 1 A nothing local is shared."""
_USUAL = 0.3
"""Angstrom, where the model does not show the same residues of two copies."""
_FEWEST = 20
"""Distances that an estimate takes."""
_NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True)
class Copies:
    """Distances that chains of equal sequence share.

    Attributes
    ----------
    likelihood : EqualCopiesLikelihood
    """

    likelihood: EqualCopiesLikelihood

    @property
    def name(self) -> str:
        """Name in the registry."""
        return NAME

    @property
    def potential(self) -> DoubtfulPotential:
        """Nearly harmonic close by, level far away."""
        return DoubtfulPotential(NAME, self.likelihood)

    @property
    def cost(self) -> PotentialCost:
        """Next to nothing: a few numbers for each distance."""
        return PotentialCost()

    def figures(self, x: Tensor) -> dict[str, Tensor]:
        """Root mean square, in angstrom, by which distances differ from their means over the copies."""
        return {"apart": self.likelihood.differences(x).square().mean(-1).sqrt()}

    def residue_figures(self, x: Tensor) -> dict[str, NDArray[np.float64]]:
        """The same of the distances of each residue."""
        return {"apart": self.likelihood.at_residues(x[None])[0].double().cpu().numpy()}


def shared_pairs(sets: list[NDArray[np.int64]], ca: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distances that copies share: between residues near in sequence, or near in space in one of the copies.

    Parameters
    ----------
    sets : list of ndarray of int64, each of shape (L, n)
        As `adp3d.structure.equal_residues.equal_residues` gives them.
    ca : ndarray, shape (N, 3)
        In angstrom, NaN where not known.

    Returns
    -------
    pairs : ndarray of int64, shape (M, 2)
        Residues.
    shared : ndarray of int64, shape (M,)
        Which distance each is an instance of.
    """
    pairs, shared, count = [], [], 0
    for rows in sets:
        first = np.arange(len(rows))[:, None]
        along = np.stack(np.broadcast_arrays(first, first + np.arange(1, _ALONG + 1)), -1).reshape(-1, 2)
        found = [along[along[:, 1] < len(rows)]]
        for chain in rows.T:
            there = np.flatnonzero(np.isfinite(ca[chain]).all(-1))
            near = cKDTree(ca[chain[there]]).query_pairs(_NEAR, output_type="ndarray")
            found.append(np.sort(there[near], axis=-1).reshape(-1, 2))
        both = np.unique(np.concatenate(found), axis=0)
        for chain in rows.T:
            pairs.append(chain[both])
            shared.append(count + np.arange(len(both)))
        count += len(both)
    return np.concatenate(pairs), np.concatenate(shared)


def load(request: Request, scene: Scene) -> Copies:
    """Copies that are asked for as ``copies``, or with the standard deviation of their distances as ``copies 0.2``.

    Raises
    ------
    InputError
        If no two chains have the same sequence, or the number is none.
    """
    given = _sigma_of(request)
    sets = equal_residues(scene.polymer)
    if not sets:
        more = ", and symmetry computes one of them" if scene.symmetry is not None else ""
        raise InputError(
            f"No two chains of this job have the same sequence{more}: leave out the measurement 'copies', or choose "
            "chains that are copies of each other."
        )
    ca = scene.xyz[:, 1]
    pairs, shared = shared_pairs(sets, ca)
    sigma, how = (given, "as set") if given is not None else _estimated(pairs, shared, ca)
    names = "; ".join(
        ", ".join(scene.polymer.chain_ids[scene.polymer.chain_index[row]] for row in rows[0].tolist()) for rows in sets
    )
    scene.events.message(
        f"Copies of each other: chains {names}. Their distances are held near each other, to {sigma:.2f} A ({how})."
    )
    return Copies(
        EqualCopiesLikelihood(
            torch.as_tensor(pairs, device=scene.device), torch.as_tensor(shared, device=scene.device), sigma
        )
    )


def _sigma_of(request: Request) -> float | None:
    wrong = InputError("Copies take no file, and at most the standard deviation in angstrom: 'copies' or 'copies 0.2'.")
    if request.file is not None or len(request.words) > 1:
        raise wrong
    if not request.words:
        return None
    try:
        sigma = float(request.words[0])
    except ValueError:
        raise wrong from None
    if not (math.isfinite(sigma) and sigma > 0):
        raise wrong
    return sigma


def _estimated(pairs: NDArray[np.int64], shared: NDArray[np.int64], ca: NDArray[np.float64]) -> tuple[float, str]:
    """Standard deviation in angstrom by which the starting model's copies differ, and where it comes from."""
    length = np.linalg.norm(ca[pairs[:, 0]] - ca[pairs[:, 1]], axis=-1)
    shown = np.isfinite(length)
    copies = np.bincount(shared[shown], minlength=int(shared.max()) + 1)
    total = np.bincount(shared[shown], length[shown], len(copies))
    use = shown & (copies[shared] > 1)
    if use.sum() < _FEWEST:
        return _USUAL, "the model shows too little of them to tell"
    n = copies[shared[use]]
    # a distance is less far from a mean that it is part of
    off = (length[use] - total[shared[use]] / n) * np.sqrt(n / (n - 1.0))
    return float(np.clip(_NORMAL * np.median(np.abs(off)), *_SIGMA)), "as they differ in the model"
