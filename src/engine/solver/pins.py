"""Atoms that every replica holds at given positions: parts the user keeps, fixes or releases while a job runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.protocol import Correlation
from .protocol import Level

__all__ = ["PIN_SIGMA", "PinUpdate", "Pins", "Preview"]

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
    """

    def __init__(self, n_residues: int) -> None:
        self.mask: NDArray[np.bool_] = np.zeros((n_residues, 4), dtype=bool)
        self.xyz: NDArray[np.float64] = np.zeros((n_residues, 4, 3))
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

    def overlay(self, pull: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (N, 4) in 1/angstrom^2 and positions (N, 4, 3) of a partial model with the pins put over them."""
        if not self.active:
            return pull, target
        mask, xyz = self._tensors(target)
        weight = torch.full_like(pull, PIN_SIGMA**-2)
        return torch.where(mask, weight, pull), torch.where(mask[..., None], xyz, target)

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


class PinUpdate:
    r"""Steps that carry pinned atoms to their places, for solvers without a joint proximal step.

    :math:`R^{-1} P (y - x)`, with P the projection on pinned atoms: the others do not move.

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
        if not self._pins.active:
            return torch.zeros_like(z)
        x = self._correlation.apply(z) + origin
        return self._correlation.inverse(self._pins.impose(x) - x)
