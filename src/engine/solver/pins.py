"""Atoms that every replica holds at given positions: parts the user keeps, fixes, releases or pulls while a job runs.

They stand over the known atoms of a model (`HeldAtoms`), for the updates and for what the prior is shown alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.evidence import KnownAtoms
from ..prior.protocol import Correlation
from .protocol import Level
from .tug import Tug

__all__ = ["PIN_SIGMA", "HeldAtoms", "PinUpdate", "Pins", "Preview"]

PIN_SIGMA = 0.02
"""Standard deviation in angstrom of pinned atoms as a measurement: narrower than any bond."""

Preview = Callable[[Tensor], None]
"""Shown the replicas (replica, N, 4, 3) on their way to the next estimate."""


class Pins:
    """Pinned atoms and their positions, read by the solver at every step.

    Parameters
    ----------
    n_residues : int

    Attributes
    ----------
    mask : ndarray of bool, shape (N, 4)
        Pinned atoms.
    xyz : ndarray of float64, shape (N, 4, 3)
        Where they are held, in angstrom; zero elsewhere.
    tug : Tug
        The residue that the user pulls, if any.
    """

    def __init__(self, n_residues: int) -> None:
        self.mask: NDArray[np.bool_] = np.zeros((n_residues, 4), dtype=bool)
        self.xyz: NDArray[np.float64] = np.zeros((n_residues, 4, 3))
        self.tug = Tug()
        self._cached: tuple[Tensor, Tensor] | None = None

    @property
    def active(self) -> bool:
        """Whether any atom is pinned."""
        return bool(self.mask.any())

    def hold(self, atoms: NDArray[np.bool_], xyz: NDArray[np.floating]) -> None:
        """Pin atoms (N, 4) at their positions in xyz (N, 4, 3), which must be finite there."""
        if not np.isfinite(xyz[atoms]).all():
            raise ValueError("pinned atoms need finite coordinates")
        self.mask = self.mask | atoms
        self.xyz = np.where(atoms[..., None], xyz, self.xyz)
        self._cached = None

    def release(self, residues: Sequence[int]) -> None:
        """Let all atoms of residues go."""
        self.mask = self.mask.copy()
        self.mask[list(residues)] = False
        self.xyz = np.where(self.mask[..., None], self.xyz, 0.0)
        self._cached = None

    def over(self, known: KnownAtoms) -> KnownAtoms:
        """Known atoms with the pins put over them."""
        if not self.active:
            return known
        mask, xyz = self._tensors(known.target)
        weight = torch.full_like(known.weights, PIN_SIGMA**-2)
        return KnownAtoms(torch.where(mask[..., None], xyz, known.target), torch.where(mask, weight, known.weights))

    def impose(self, x: Tensor) -> Tensor:
        """Replicas (replica, N, 4, 3) with the pinned atoms exactly in place."""
        if not self.active:
            return x
        mask, xyz = self._tensors(x)
        return torch.where(mask[..., None], xyz, x)

    def movable(self, like: Tensor) -> Tensor:
        """Atoms that are not pinned: bool, shape (N, 4), on the device of ``like``."""
        return ~torch.as_tensor(self.mask, device=like.device)

    def _tensors(self, like: Tensor) -> tuple[Tensor, Tensor]:
        cached = self._cached
        if cached is None or cached[1].dtype != like.dtype or cached[1].device != like.device:
            xyz = torch.as_tensor(self.xyz, dtype=like.dtype, device=like.device)
            cached = self._cached = torch.as_tensor(self.mask, device=like.device), xyz
        return cached


@dataclass(frozen=True)
class HeldAtoms:
    """Known atoms of a model and the pins over them, as they are at the moment that one asks.

    Attributes
    ----------
    known : KnownAtoms
        What the model says.
    pins : Pins
        May change while a job runs.
    """

    known: KnownAtoms
    pins: Pins

    @property
    def target(self) -> Tensor:
        """Positions in angstrom, (N, 4, 3)."""
        return self._pulling.target

    @property
    def weights(self) -> Tensor:
        """Inverse variances in 1/angstrom^2, (N, 4)."""
        return self._pulling.weights

    def relative_to(self, origin: Tensor) -> KnownAtoms:
        """What is known at this moment, in frames centred at ``origin``, shape (replica, 1, 1, 3).

        It is what the prior is shown: of a residue that is being pulled, nothing.
        """
        return self.pins.tug.hide(self.pins.over(self.known), self.pins.mask).relative_to(origin)

    @property
    def _pulling(self) -> KnownAtoms:
        return self.pins.tug.over(self.pins.over(self.known))


class PinUpdate:
    r"""Steps that carry pinned and pulled atoms to their places, for solvers without a joint proximal step.

    :math:`R^{-1} P (y - x)`, with P the projection on pinned atoms: the others do not move. What is pulled takes the
    chain along instead, :math:`\arg\min_x \tfrac12|R^{-1}(x - \tilde x)|^2 + E(x)` with the energy of `Tug`.

    Parameters
    ----------
    pins : Pins
    correlation : Correlation
    """

    momentum = 0.0

    def __init__(self, pins: Pins, correlation: Correlation) -> None:
        self._pins = pins
        self._correlation = correlation

    def direction(self, z: Tensor, origin: Tensor, level: Level) -> Tensor:
        """Step in whitened space."""
        if not self._pins.active and self._pins.tug.residue is None:
            return torch.zeros_like(z)
        x = self._correlation.apply(z) + origin
        nothing = KnownAtoms(x.new_zeros(x.shape[1:]), x.new_zeros(x.shape[1:3]))
        pull = self._pins.tug.over(nothing)
        pulled = x + self._correlation.solve(1.0, pull.weights, pull.weights[..., None] * (pull.target - x))
        return self._correlation.inverse(self._pins.impose(pulled if pull is not nothing else x) - x)
