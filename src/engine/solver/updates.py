"""Updates: how the denoised estimate moves towards the measurements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ..likelihood.partial_model import PreconditionedPartialModel
from ..prior.evidence import Known
from ..prior.protocol import Correlation
from .lbfgs import minimise
from .pins import Preview
from .protocol import Level, LocalPotential, Potential, Update

__all__ = ["GradientUpdate", "LateUpdate", "PreconditionedUpdate", "ProximalUpdate", "WeightTable"]

WeightTable = Mapping[str, float]
"""Relative weight of each potential by name; read at every step, so it may change while a job runs."""


@dataclass(frozen=True)
class GradientUpdate:
    r"""One gradient step with momentum per likelihood, :math:`\lambda\,\nabla_z \log p(y|z)`.

    The form of ADP-3D, Algorithm 1, for any differentiable likelihood; :math:`\nabla_z = R^T\nabla_x`.

    Attributes
    ----------
    potential : Potential
    correlation : Correlation
    rate : float
        Learning rate lambda.
    momentum : float
        rho.
    """

    potential: Potential
    correlation: Correlation
    rate: float
    momentum: float
    weights: WeightTable = field(default_factory=dict)

    def direction(self, z: Tensor, origin: Tensor, level: Level) -> Tensor:
        """Scaled gradient of the log-likelihood, in whitened space."""
        x = self.correlation.apply(z) + origin
        _, gradient = self.potential.at(x, level).value_and_gradient(x)
        rate = self.rate * self.weights.get(self.potential.name, 1.0)
        return -rate * self.correlation.transpose(gradient)


@dataclass(frozen=True)
class PreconditionedUpdate:
    """Gradient step for a partial model after SVD preconditioning (ADP-3D, equation 10).

    The measured positions must be given relative to ``centre``, where the decomposition was made.
    """

    likelihood: PreconditionedPartialModel
    correlation: Correlation
    centre: Tensor
    rate: float
    momentum: float

    def direction(self, z: Tensor, origin: Tensor, level: Level) -> Tensor:
        """Scaled gradient of the preconditioned log-likelihood."""
        shift = self.correlation.inverse((origin - self.centre).expand(z.shape).contiguous())
        return self.rate * self.likelihood.gradient(z + shift)


@dataclass(frozen=True)
class LateUpdate:
    """One update at high noise, another at low noise.

    For measurements that the denoiser sees itself: at high noise it knows better than their gradients where
    they pull, at low noise they are more exact.

    Attributes
    ----------
    early, late : Update
        With the same momentum.
    below : float
        Diffusion time from which ``late`` acts.
    """

    early: Update
    late: Update
    below: float

    @property
    def momentum(self) -> float:
        """That of both."""
        return self.late.momentum

    def direction(self, z: Tensor, origin: Tensor, level: Level) -> Tensor:
        """Step of the one whose turn it is."""
        return (self.late if level.t < self.below else self.early).direction(z, origin, level)


@dataclass(frozen=True)
class ProximalUpdate:
    r"""Joint proximal step for all measurements at once.

    :math:`\arg\min_x \tfrac{\gamma_t}{2}|R^{-1}(x-\tilde x)|^2 + \tfrac12\sum_i w_i|x_i-y_i|^2
    + \sum_j \lambda_j E_j(x)` with :math:`\gamma_t = \zeta/\sigma_t^2`: the noisier the level, the
    less the denoiser is trusted. The quadratic part is solved exactly at linear cost; potentials add
    a few L-BFGS iterations preconditioned by that exact solution.

    Attributes
    ----------
    correlation : Correlation
    model : Known or None
        Known atoms, in the measurements' frame, as they are at each step.
    potentials : sequence of Potential
    stiffness : float
        zeta, dimensionless. That of the first trials of a proximal step; chosen by hand.
    iterations : int
        L-BFGS iterations when there are potentials: a refinement's steps take their time from them.
    longest_step : float
        Largest move of a coordinate per iteration, in angstrom: about what a blurred map has a slope over.
    weights : mapping
        Relative weight of each potential by name.
    preview : callable or None
        Shown the start of the inner iterations and the result of each.

    References
    ----------
    Levy et al., ADP-3D, equation 6 and section 4.1.
    """

    correlation: Correlation
    model: Known | None = None
    potentials: Sequence[Potential] = ()
    stiffness: float = 0.3
    iterations: int = 5
    longest_step: float = 2.0
    weights: WeightTable = field(default_factory=dict)
    preview: Preview | None = None

    @property
    def momentum(self) -> float:
        """None: the step leads to the minimum itself."""
        return 0.0

    def direction(self, z: Tensor, origin: Tensor, level: Level) -> Tensor:
        """Difference between the proximal point and the denoised estimate, in whitened space."""
        centre = self.correlation.apply(z) + origin
        damping = self.stiffness / max(level.sigma, 1e-4) ** 2
        pull, target = self._model(centre)
        # exact minimum of the quadratic part: also the best place to start from
        x = centre + self.correlation.solve(damping, pull, pull[..., None] * (target - centre))
        if self.potentials:
            if self.preview is not None:
                self.preview(x)
            terms = [(self.weights.get(p.name, 1.0), p.at(x, level)) for p in self.potentials]
            x = minimise(
                self._objective(centre, damping, pull, target, terms),
                self._preconditioner(x, damping, pull, terms),
                x,
                self.iterations,
                longest_step=self.longest_step,
                observe=self.preview,
            )
        return self.correlation.inverse(x - centre)

    def _model(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.model is None:
            return x.new_zeros(x.shape[1:3]), x.new_zeros(x.shape[1:])
        return self.model.weights, self.model.target

    def _preconditioner(
        self, x: Tensor, damping: float, pull: Tensor, terms: Sequence[tuple[float, LocalPotential]]
    ) -> Callable[[Tensor], Tensor]:
        diagonal = pull
        for weight, term in terms:
            diagonal = diagonal + weight * term.curvature(x)
        return lambda rhs: self.correlation.solve(damping, diagonal, rhs)

    def _objective(
        self,
        centre: Tensor,
        damping: float,
        pull: Tensor,
        target: Tensor,
        terms: Sequence[tuple[float, LocalPotential]],
    ) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        def objective(x: Tensor) -> tuple[Tensor, Tensor]:
            whitened = self.correlation.inverse(x - centre)
            away = x - target
            value = 0.5 * damping * whitened.square().sum((1, 2, 3))
            value = value + 0.5 * (pull * away.square().sum(-1)).sum((1, 2))
            gradient = damping * self.correlation.inverse_transpose(whitened) + pull[..., None] * away
            for weight, term in terms:
                energy, slope = term.value_and_gradient(x)
                value = value + weight * energy
                gradient = gradient + weight * slope
            return value, gradient

        return objective
