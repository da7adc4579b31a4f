"""Atoms that are not the job's, as obstacles to what is built: nothing comes nearer to them than contacts do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from ..likelihood.obstacles import ObstacleLikelihood
from ..solver.likelihood_potential import LikelihoodPotential
from ..solver.potential_cost import PotentialCost
from ..solver.protocol import Level
from ..structure.other_atoms import other_scatterers
from .protocol import Scene

__all__ = ["NAME", "Obstacles", "obstacles_of"]

NAME = "obstacles"

_BACKBONE_RADII = (1.35, 1.8, 1.65, 1.35)
"""Angstrom for N, CA, C and O: half of contacts as short as those of hydrogen bonds (2.7 A between N and O), of CH...O
(3.2 A between CA and O) and of carbon atoms (3.4 A)."""
_RADII = {"N": 1.35, "O": 1.35, "C": 1.65, "F": 1.35}
"""Angstrom for other atoms, chosen in the same way."""
_LARGE = 1.7
"""Angstrom for those of all other elements; metals are nearer to O and N than that, and bound by side chains mostly."""
_SIGMA = 0.1
"""Angstrom: these sums are the shortest contacts already, and have to stand against maps of little noise."""
_DOUBT = 6.0
"""Angstrom by which an estimate is uncertain, for noise of 1 in units of R eps (as for internal geometries)."""
_AHEAD = 4.0
"""Angstrom beyond contacts at which pairs are looked at: what an atom moves within a step."""
_IN_REACH = 30.0
"""Angstrom from known residues within which others are obstacles: as far as a map is looked at for missing ones."""


@dataclass(frozen=True)
class _ObstaclePotential:
    """-log p of the obstacles, softer the noisier the level: far from its end an estimate is in nobody's way yet."""

    obstacles: Obstacles

    @property
    def name(self) -> str:
        return NAME

    def at(self, x: Tensor, level: Level) -> LikelihoodPotential:
        """Pairs that are near now, judged by how certain an estimate is at this noise."""
        sigma = float(np.hypot(_SIGMA, _DOUBT * level.sigma))
        return LikelihoodPotential(NAME, self.obstacles.likelihood(x, sigma))


@dataclass(frozen=True)
class Obstacles:
    """Atoms that stay, and the residues that are built beside them.

    Attributes
    ----------
    xyz : ndarray, shape (K, 3)
        In angstrom.
    radius : ndarray, shape (K,)
        In angstrom.
    built : ndarray of bool, shape (N,)
        Residues that are built; those of the user's model may be bonded to what is beside them.
    """

    xyz: NDArray[np.float64]
    radius: NDArray[np.float64]
    built: NDArray[np.bool_]

    @property
    def name(self) -> str:
        """Name under which it is weighted and reported."""
        return NAME

    @property
    def potential(self) -> _ObstaclePotential:
        """Nothing beyond contacts, a parabola within."""
        return _ObstaclePotential(self)

    @property
    def cost(self) -> PotentialCost:
        """Next to nothing: a few numbers for each contact."""
        return PotentialCost()

    def likelihood(self, x: Tensor, sigma: float = _SIGMA) -> ObstacleLikelihood:
        """Of all pairs that are near in backbones x (replica, N, 4, 3)."""
        rows = np.flatnonzero(np.repeat(self.built, 4))
        places = x.detach().flatten(1, 2)[:, rows].double().cpu().numpy()
        radius = np.tile(_BACKBONE_RADII, len(self.built))[rows]
        most = float(radius.max(initial=0.0) + self.radius.max(initial=0.0)) + _AHEAD
        tree = cKDTree(self.xyz)
        found = tree.query_ball_point(places.reshape(-1, 3), most, return_sorted=True)
        counts = np.array([len(one) for one in found], np.int64)
        other = np.concatenate([np.array(one, np.int64) for one in found])
        which = np.repeat(np.arange(len(found)), counts)
        contact = radius[which % len(rows)] + self.radius[other]

        def tensor(values: NDArray[np.float64]) -> Tensor:
            return torch.as_tensor(values, dtype=x.dtype, device=x.device)

        return ObstacleLikelihood(
            torch.as_tensor(which // len(rows), device=x.device),
            torch.as_tensor(rows[which % len(rows)], device=x.device),
            tensor(self.xyz[other]),
            tensor(contact),
            sigma,
        )

    def figures(self, x: Tensor) -> dict[str, Tensor]:
        """Log-likelihood."""
        return {"log_likelihood": self.likelihood(x)(x)}

    def residue_figures(self, x: Tensor) -> dict[str, NDArray[np.float64]]:
        """None."""
        return {}


def obstacles_of(scene: Scene, built: NDArray[np.bool_], reach: float = _IN_REACH) -> tuple[Obstacles, ...]:
    """Obstacles of a job: one measurement, or none where nothing is built or nothing is in the way.

    Parameters
    ----------
    scene : Scene
    built : ndarray of bool, shape (N,)
        Residues that are built.
    reach : float
        Angstrom from the job's known atoms within which other atoms may be in the way.
    """
    others = other_scatterers(scene.structure, scene.labels)
    if not built.any() or not len(others):
        return ()
    distance, _ = cKDTree(scene.points).query(others.xyz, distance_upper_bound=reach)
    near = others.only(np.isfinite(distance) & (others.occupancy > 0))
    if not len(near):
        return ()
    radius = np.array([_RADII.get(element, _LARGE) for element in near.elements])
    return (Obstacles(near.xyz, radius, built),)
