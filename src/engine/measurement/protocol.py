"""What recipes ask of a measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.requests import Request
from ..job.events import Events
from ..restraints.shells import Shells
from ..solver.potential_cost import PotentialCost
from ..solver.protocol import Potential
from ..structure.placeholder import placeholder_backbone
from ..structure.polymer import Polymer
from ..structure.symmetry import Symmetry

__all__ = ["Divisible", "Judge", "Load", "Locates", "Measurement", "Scene"]


@dataclass(frozen=True)
class Scene:
    """The residues of a job and what is known of them, for measurements that are to be bound to it.

    Attributes
    ----------
    polymer : Polymer
        Sequence and chains.
    labels : tuple of (str, int, str)
        Author's chain name, residue number and insertion code of the N residues.
    xyz : ndarray, shape (N, 4, 3)
        N, CA, C, O of the starting model in angstrom, NaN where it has none.
    structure : gemmi.Structure
        The user's whole model, untouched.
    device : torch.device
    events : Events
        Takes messages for the user.
    symmetry : Symmetry or None
        That takes the residues to copies which the job computes along with them.
    copies : tuple of (str, int, str)
        Labels of the residues of these copies in the structure.
    """

    polymer: Polymer
    labels: tuple[tuple[str, int, str], ...]
    xyz: NDArray[np.float64]
    structure: gemmi.Structure
    device: torch.device
    events: Events
    symmetry: Symmetry | None = None
    copies: tuple[tuple[str, int, str], ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Atoms that the starting model shows, shape (N, 4)."""
        return np.asarray(np.isfinite(self.xyz).all(-1))

    @property
    def points(self) -> NDArray[np.float64]:
        """Positions of the known atoms, (K, 3), in angstrom."""
        return self.xyz[self.known]

    def start(self) -> Tensor:
        """Starting backbone (N, 4, 3), finite everywhere, as a tensor of the solver."""
        return torch.as_tensor(placeholder_backbone(self.xyz), dtype=torch.float32, device=self.device)


class Measurement(Protocol):
    """A measurement bound to the residues of one job."""

    @property
    def name(self) -> str:
        """Name under which it is registered."""

    @property
    def potential(self) -> Potential:
        """-log p(y|x), for the solver."""

    @property
    def cost(self) -> PotentialCost:
        """What the potential takes."""

    def figures(self, x: Tensor) -> dict[str, Tensor]:
        """Figures of replicas x (replica, N, 4, 3), each of shape (replica,), for log, plots and report."""

    def residue_figures(self, x: Tensor) -> dict[str, NDArray[np.float64]]:
        """Figures of the residues of one structure x (N, 4, 3), each of shape (N,); may be empty."""


@runtime_checkable
class Judge(Protocol):
    """A measurement that has a say in which replica is the best one."""

    @property
    def name(self) -> str:
        """Name under which it is registered."""

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Log p(y|x) of replicas x (replica, N, 4, 3), in nats up to a constant, shape (replica,)."""


@runtime_checkable
class Locates(Protocol):
    """A measurement that tells of single residues where they may be, once others have their places."""

    def shells(self, x: Tensor, known: NDArray[np.bool_]) -> Shells:
        """Where CA atoms that are not known may be, by the places of known atoms (N, 4) in x (N, 4, 3)."""


@runtime_checkable
class Divisible(Protocol):
    """A measurement of which a part concerns known residues alone: the rest misleads while others have no places."""

    def potential_among(self, known: NDArray[np.bool_]) -> Potential | None:
        """-log p(y|x) of what concerns known residues (N,) alone; None if there is nothing of that kind."""


Load = Callable[[Request, Scene], Measurement]
"""Binds a measurement to a job; raises `InputError` if what the user asked for cannot be used."""
