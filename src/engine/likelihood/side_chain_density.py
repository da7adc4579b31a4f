"""How well a backbone explains a density map together with side chains that were drawn for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..physics.density import AtomDensity
from ..physics.form_factors import electron_form_factors
from ..physics.images import Images
from .density import DensityFit, DensityLikelihood, Evaluation
from .residual import residual_of
from .residual_sums import Sums

__all__ = ["AllAtomBuilder", "AllAtomMap", "SideChainDensity"]

AllAtomBuilder = Callable[[Tensor], Tensor]
"""Atoms (replica, sample, A, 3) of backbones (replica, N, 4, 3), both in A, differentiable."""


@dataclass(frozen=True)
class AllAtomMap:
    """A map that is compared with all heavy atoms of a protein, once these have side chains.

    Attributes
    ----------
    averages : DensityLikelihood
        The same map with average side chains: it has the levels of the map.
    operators : tuple of AtomDensity
        Density of all A atoms, then of their images, at each level.
    images : Images or None
        Of symmetric copies: those residues have them whose average side chains do.
    """

    averages: DensityLikelihood
    operators: tuple[AtomDensity, ...]
    images: Images | None = None

    @classmethod
    def of(cls, averages: DensityLikelihood, elements: Sequence[str], residue: Tensor, b_factor: float) -> AllAtomMap:
        """Prepare the densities.

        Parameters
        ----------
        averages : DensityLikelihood
        elements : sequence of str, length A
        residue : Tensor of int64, shape (A,)
            Residue of each atom.
        b_factor : float
            Of all atoms in A^2, as fits the sharpness of the map.
        """
        like = averages.atoms.amplitude
        amplitude, width = (
            torch.as_tensor(values, dtype=like.dtype, device=like.device) for values in electron_form_factors(elements)
        )
        pseudo, images = averages.atoms, averages.atoms.images
        if images is not None:
            images = images.of_other_atoms(pseudo.residue[: pseudo.n_own], residue.to(like.device))
            rows = torch.cat([torch.arange(len(elements), device=like.device), images.source])
            amplitude, width = amplitude[rows], width[rows]
        ones = amplitude.new_ones(len(amplitude))
        operators = (
            AtomDensity(level.grid, amplitude, width, ones * (b_factor + level.blur), ones) for level in averages.levels
        )
        return cls(averages, tuple(operators), images)

    def likelihood(self, level: int, build: AllAtomBuilder) -> SideChainDensity:
        """The likelihood at one level, with side chains on the backbones that it is asked for."""
        return SideChainDensity(self.averages.at_level(level), self.operators[level], build, self.images)


@dataclass(frozen=True)
class SideChainDensity:
    r"""Lower bound of the log-likelihood of a density map given a backbone and its sequence.

    .. math::
        \log p(y|x, s) \ge E_{\chi \sim p(\chi|x, s)}[\log p(y|x, s, \chi)]
        \approx \frac{1}{S} \sum_{k=1}^S \log p(y|x, s, \chi_k)

    (equation 14 of the ADP-3D paper). The torsions :math:`\chi_k` were drawn for some backbone and are held; all atoms
    are placed by them on the backbone x, so that the density of side chains moves the backbone that bears them. How the
    torsions themselves change with x is left out: they come from codes, which do so in steps.

    Scale and offset of each sample are profiled out, as in `DensityLikelihood`.

    Attributes
    ----------
    averages : DensityLikelihood
        At the level in use. Its curvature does for sampled side chains, too, which are as heavy.
    operator : AtomDensity
        Density of all A atoms and their images there.
    build : callable
        Places the atoms.
    images : Images or None
        Of symmetric copies, which have the side chains that were drawn, too.
    """

    averages: DensityLikelihood
    operator: AtomDensity
    build: AllAtomBuilder
    images: Images | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Expected log-likelihood of each replica of x (replica, N, 4, 3) up to a constant, shape (replica,)."""
        return self.evaluate(x).value

    def evaluate(self, x: Tensor) -> Evaluation:
        """Value, gradient and fit at x (replica, N, 4, 3); fit and sums are means over the samples."""
        target = self.averages.levels[self.averages.level]
        weight = -target.independent_fraction / target.variance
        with torch.enable_grad():
            leaf = x.detach().requires_grad_(True)
            atoms = self.build(leaf)
            if self.images is not None:
                atoms = torch.cat([atoms, self.images.positions(atoms)], -2)
        replicas, samples = atoms.shape[:2]
        sums, slope = residual_of(self.operator, target).sums_and_gradient(atoms.detach().flatten(0, 1))
        (gradient,) = torch.autograd.grad(atoms, leaf, weight / samples * slope.view_as(atoms))

        def mean(values: Tensor) -> Tensor:
            return values.view(replicas, samples).mean(1)

        offset = target.mean - sums.scale * sums.mean_model
        columns = sums.scale, offset, sums.squared_residual / target.total, sums.correlation
        return Evaluation(
            mean(0.5 * weight * sums.squared_residual).to(x.dtype),
            gradient,
            DensityFit(*(mean(column).to(x.dtype) for column in columns)),
            Sums(mean(sums.mean_model), mean(sums.model_model), mean(sums.model_map), sums.map_map),
        )

    def curvature(self, x: Tensor, sums: Sums | None = None) -> Tensor:
        """Positive diagonal (replica, N, 4) in 1/A^2, as of `DensityLikelihood`."""
        return self.averages.curvature(x, sums)
