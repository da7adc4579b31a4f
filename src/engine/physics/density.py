"""Density of many atoms on an orthogonal grid, evaluated only in a box around each atom."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..contract.errors import InputError
from .boxes import BoxSums, TensorBoxes
from .form_factors import N_GAUSSIANS
from .grid import Grid

__all__ = ["AtomDensity", "Grid", "choose_boxes"]

_FOUR_PI_SQUARED = 4 * math.pi**2
_SPHERE = 0.25
"""Part of the tolerance at which the compiled loops end. They stop at a sphere and so neglect more than boxes with the
same radius do: with a quarter of the tolerance their values and gradients are as exact (on 1,503 atoms at 3e-4:
errors of 0.9e-4 and 1.7e-4, boxes 0.8e-4 and 1.6e-4)."""


class AtomDensity:
    r"""Sum of atomic densities on a grid, at a cost linear in the number of atoms.

    .. math::
        \rho(v) = \sum_a q_a \sum_j a_{aj} (4\pi/w_{aj})^{3/2} e^{-4\pi^2 |v - x_a|^2 / w_{aj}},
        \qquad w_{aj} = b_{aj} + B_a

    (equation 11 of the ADP-3D paper with isotropic B-factors). Each atom contributes to the voxels of
    a box that holds every voxel within its cutoff radius, the distance where its density has fallen to
    ``tolerance`` of its peak. On an orthogonal grid the Gaussians separate, so a box of w^3 voxels
    costs 3 w numbers per Gaussian and one small matrix product. `choose_boxes` says how that is computed.

    Parameters
    ----------
    grid : Grid
        Where the density is wanted.
    amplitude, width : Tensor, shape (A, G)
        Form-factor coefficients a (A) and b (A^2); also fix device and dtype of the operator.
    b_factor : Tensor, shape (A,)
        Isotropic B-factor of each atom in A^2, any extra blur included
        (``B = 8 pi^2 sigma^2`` for a positional standard deviation sigma per axis).
    occupancy : Tensor, shape (A,)
        Occupancy, or any weight, of each atom.
    tolerance : float
        Largest neglected density of an atom, as a fraction of its peak; the relative error of the gradient
        of a map-model residual is about the same.

    Raises
    ------
    InputError
        If a B-factor makes a Gaussian of its atom infinitely sharp (b + B <= 0).

    Notes
    -----
    Sums are accumulated in a fixed order on every device and for any number of threads, so that results repeat bit for
    bit. Boxes may be larger than the cutoff radius asks for: ways to compute them agree within the tolerance.
    """

    def __init__(
        self,
        grid: Grid,
        amplitude: Tensor,
        width: Tensor,
        b_factor: Tensor,
        occupancy: Tensor,
        tolerance: float = 3e-4,
    ) -> None:
        if not 0 < tolerance < 1:
            raise ValueError("tolerance must lie between 0 and 1")
        total_width = width + b_factor[:, None]
        if not bool((total_width > 0).all()):
            raise InputError("Some B-factors are not numbers, or too negative; set them to 0 or above.")
        self.grid = grid
        self.amplitude = amplitude
        self.width = width
        self.b_factor = b_factor
        self.occupancy = occupancy
        self.radius = _cutoff_radius(amplitude, total_width, tolerance)
        self.boxes = choose_boxes(grid, amplitude, total_width, tolerance)

    @property
    def n_atoms(self) -> int:
        """Number of atoms A."""
        return self.amplitude.shape[0]

    @property
    def charge(self) -> Tensor:
        """Integral of each atom's density in A, shape (A,)."""
        return self.occupancy * self.amplitude.sum(-1)

    @property
    def gradient_energy(self) -> Tensor:
        r"""``int |grad rho_a|^2 dv`` of each atom in 1/A^3, shape (A,).

        In Fourier space :math:`6\pi^{7/2} q^2 \sum_{ij} a_i a_j ((w_i + w_j)/4)^{-5/2}`.
        """
        energy: Tensor = 6 * math.pi**3.5 * self._pair_sum(-2.5)
        return energy

    @property
    def square_integral(self) -> Tensor:
        r"""``int rho_a^2 dv`` of each atom in 1/A, shape (A,).

        In Fourier space :math:`\pi^{3/2} q^2 \sum_{ij} a_i a_j ((w_i + w_j)/4)^{-3/2}`.
        """
        integral: Tensor = math.pi**1.5 * self._pair_sum(-1.5)
        return integral

    def _pair_sum(self, power: float) -> Tensor:
        """``q^2 sum_ij a_i a_j ((w_i + w_j) / 4)^power`` for each atom."""
        width = (self.width + self.b_factor[:, None]) / 4
        pairs = (width[:, :, None] + width[:, None, :]) ** power
        return self.occupancy**2 * torch.einsum("ai,aj,aij->a", self.amplitude, self.amplitude, pairs)

    def __call__(self, xyz: Tensor, b_factor: Tensor | None = None, occupancy: Tensor | None = None) -> Tensor:
        """Density in 1/A^2, differentiable once with respect to all three arguments.

        Parameters
        ----------
        xyz : Tensor, shape (..., A, 3)
            Positions in A; atoms outside the grid contribute what falls inside.
        b_factor, occupancy : Tensor, shape (A,), optional
            Values to use in place of the operator's own (same cutoff radii).

        Returns
        -------
        Tensor, shape (..., nx, ny, nz)
        """
        b_factor = self.b_factor if b_factor is None else b_factor
        occupancy = self.occupancy if occupancy is None else occupancy
        density: Tensor = _DensityFunction.apply(xyz, b_factor, occupancy, self)  # type: ignore[no-untyped-call]
        return density

    def adjoint(self, field: Tensor, xyz: Tensor) -> Tensor:
        """Overlap of each atom's density with a field, ``sum_v field(v) rho_a(v)``.

        Parameters
        ----------
        field : Tensor, shape (..., nx, ny, nz)
            Batch dimensions as in `xyz`, or none for one field shared by the batch.
        xyz : Tensor, shape (..., A, 3)
            Positions in A.

        Returns
        -------
        Tensor, shape (..., A)
        """
        beta, peak = self.gaussians()
        return self._moments(field, xyz, beta, peak, power=1)[..., 0]

    def gradient(self, field: Tensor, xyz: Tensor) -> Tensor:
        """Differentiate ``sum_v field(v) rho(v)`` with respect to `xyz`; shape (..., A, 3).

        Arguments as in `adjoint`; this is the backward pass without an autograd graph.
        """
        beta, peak = self.gaussians()
        return self._moments(field, xyz, beta, 2 * beta * peak, power=1)[..., 1:]

    def _forward(self, xyz: Tensor, b_factor: Tensor, occupancy: Tensor) -> Tensor:
        density = self.boxes.density(xyz.reshape(-1, self.n_atoms, 3), *self.gaussians(b_factor, occupancy))
        return density.reshape(*xyz.shape[:-2], *self.grid.shape)

    def _moments(self, field: Tensor, xyz: Tensor, beta: Tensor, weight: Tensor, power: int) -> Tensor:
        """Moments (..., A, 4) of the field, as `BoxSums.moments`."""
        flat = xyz.reshape(-1, self.n_atoms, 3)
        return self.boxes.moments(field, flat, beta, weight, power).reshape(*xyz.shape[:-1], 4)

    def gaussians(self, b_factor: Tensor | None = None, occupancy: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Exponents beta (1/A^2) and peak heights (1/A^2) of every Gaussian, both (A, G)."""
        b_factor = self.b_factor if b_factor is None else b_factor
        occupancy = self.occupancy if occupancy is None else occupancy
        width = self.width + b_factor[:, None]
        return _FOUR_PI_SQUARED / width, occupancy[:, None] * self.amplitude * (4 * math.pi / width) ** 1.5


class _DensityFunction(torch.autograd.Function):
    """Autograd rule of `AtomDensity`: the backward pass gathers the incoming gradient's boxes."""

    @staticmethod
    def forward(ctx: Any, xyz: Tensor, b_factor: Tensor, occupancy: Tensor, operator: AtomDensity) -> Tensor:
        ctx.operator = operator
        ctx.save_for_backward(xyz, b_factor, occupancy)
        return operator._forward(xyz, b_factor, occupancy)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        operator: AtomDensity = ctx.operator
        xyz, b_factor, occupancy = ctx.saved_tensors
        need_xyz, need_b, need_occupancy, _ = ctx.needs_input_grad
        unit = torch.ones_like(occupancy)
        batch = tuple(range(xyz.ndim - 2))
        grad_xyz = grad_b = grad_occupancy = None
        beta, peak = operator.gaussians(b_factor, unit)

        def moments(weight: Tensor, power: int) -> Tensor:
            return operator._moments(grad, xyz, beta, weight, power)

        def of_atoms(values: Tensor) -> Tensor:
            return values.sum(batch) if batch else values

        if need_xyz:
            grad_xyz = moments(2 * beta * peak, 1)[..., 1:] * occupancy[:, None]
        if need_occupancy:
            grad_occupancy = of_atoms(moments(peak, 1)[..., 0])
        if need_b:
            # with w = b + B = 4 pi^2 / beta: d(rho)/dB = sum_j rho_j (beta r^2 - 3/2) / w_j
            per_b = peak * beta / _FOUR_PI_SQUARED
            square = moments(beta * per_b, 2)[..., 1:].sum(-1)
            grad_b = of_atoms(square - 1.5 * moments(per_b, 1)[..., 0]) * occupancy
        return grad_xyz, grad_b, grad_occupancy, None


def choose_boxes(grid: Grid, amplitude: Tensor, width: Tensor, tolerance: float) -> BoxSums:
    """How the sums around atoms are computed.

    Compiled loops on the CPU in single precision; tensors elsewhere, for double precision (which tests need), and for
    other numbers of Gaussians than the tables have.

    Parameters
    ----------
    grid : Grid
    amplitude, width : Tensor, shape (A, G)
        Coefficients of the Gaussians, B-factors included; their device and precision decide.
    tolerance : float
        Largest neglected density of an atom, as a fraction of its peak.
    """
    if amplitude.device.type != "cpu" or amplitude.dtype != torch.float32 or amplitude.shape[1] != N_GAUSSIANS:
        return TensorBoxes(grid, _cutoff_radius(amplitude, width, tolerance))
    from .compiled_boxes import CompiledBoxes  # numba takes a while to load, and other devices do not need it

    return CompiledBoxes(grid, _cutoff_radius(amplitude, width, tolerance * _SPHERE))


def _cutoff_radius(amplitude: Tensor, width: Tensor, tolerance: float) -> Tensor:
    """Distance (A,) at which each atom's density has fallen to `tolerance` of its peak, by bisection."""
    width = width.double()
    height = amplitude.double() * width**-1.5
    target = tolerance * height.sum(-1)
    high = torch.sqrt(width.amax(-1) * math.log(1 / tolerance) / _FOUR_PI_SQUARED)
    low = torch.zeros_like(high)
    for _ in range(40):
        middle = (low + high) / 2
        above = (height * torch.exp(-_FOUR_PI_SQUARED * middle[:, None] ** 2 / width)).sum(-1) > target
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    return high
