"""Which updates move the estimates of a job: the choice between the rules that users have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from torch import Tensor

from ..contract.errors import InputError
from ..likelihood.partial_model import PreconditionedPartialModel
from ..physics.masking import mask_svd
from ..prior.protocol import Correlation
from .pins import HeldAtoms, PinUpdate, Preview
from .protocol import Potential, Update
from .updates import GradientUpdate, LateUpdate, PreconditionedUpdate, ProximalUpdate, WeightTable

__all__ = ["Pull", "choose_updates"]

_MOMENTUM = 0.9
"""Fraction of the previous step that a gradient step keeps (the paper's code: 0.9; 0.99 for distances)."""
_MODEL_RATE = 0.1
"""Gradient step for known atoms. Preconditioned, their log-likelihood has curvature 1 or 0 in each direction, and
0.1 / (1 - 0.9) = 1 reaches the measurement."""
_POTENTIAL_RATE = 1e-5
"""Gradient step for everything else. log p has no unit, and neither has z: one rate serves all. Steps with momentum are
stable below 2 (1 + 0.9) / (|R|^2 h) with the curvature h of -log p in 1/angstrom^2, and |R|^2 is 1,660 angstrom^2 for
44 residues and 9,580 for 130: one distance with a standard deviation of 0.5 angstrom (h = 8) allows 5e-5 there. A
fifth of that leaves room for several of them at one atom; longer chains need the proximal rule."""
_LIKELIHOOD_BELOW = 0.5
"""Diffusion time below which measurements act that the prior sees itself (noise of 0.19 in units of R eps, at which
missing residues are uncertain by about 1 A). Models bent by 0.8 to 4 A came back to 0.2 A by the prior's look at the
map alone from there, and not from 0.6. Other values were not compared."""
_FREE_STIFFNESS, _FREE_ITERATIONS, _FREE_STEP = 0.1, 8, 5.0
"""Stiffness, iterations and longest step (angstrom) of the proximal rule where nothing has a known place, as in folding
from distances: these alone must bring a random coil into shape, which takes longer moves than to fill a gap. From
trials with 500 to 1,000 distances in chains of 101 and 149 residues (about ten iterations, 1.3 to 2.4 A); chosen by
hand, their neighbours were not compared."""


@dataclass(frozen=True)
class Pull:
    """All that pulls at the structures of a job beside the prior.

    Attributes
    ----------
    held : HeldAtoms or None
        Known atoms, and those that the user holds; None if there are none and never will be.
    potentials : sequence of Potential
        One per measurement.
    seen : sequence of Potential
        Those of further measurements, which the prior is shown and looks at itself. They act at low noise only: at
        high noise the prior knows better than their gradients where they pull.
    weights : mapping
        Factor on each potential by name.
    """

    held: HeldAtoms | None = None
    potentials: Sequence[Potential] = ()
    seen: Sequence[Potential] = ()
    weights: WeightTable = field(default_factory=dict)

    @property
    def all(self) -> list[Potential]:
        """All potentials."""
        return [*self.seen, *self.potentials]


def choose_updates(
    rule: str, correlation: Correlation, pull: Pull, origin: Tensor, preview: Preview | None = None
) -> list[Update]:
    """Updates of a job.

    Parameters
    ----------
    rule : str
        ``proximal``: one step to the best compromise of everything. ``gradient``: ADP-3D, Algorithm 1, a
        preconditioned step for the known atoms (its decomposition is dense: for a few hundred residues) and a
        plain one for each potential, all with momentum.
    correlation : Correlation
        That of the prior.
    pull : Pull
    origin : Tensor, shape (3,)
        Where coordinates are taken from for the decomposition.
    preview : callable, optional
        Shown structures on the way to the next estimate, where there is such a way.

    Raises
    ------
    InputError
        If there is no such rule.
    """
    if rule == "gradient":
        return _gradient_updates(correlation, pull, origin)
    if rule == "proximal":
        return [_proximal_update(correlation, pull, preview)]
    raise InputError(f"There is no rule {rule!r} for steps: choose proximal or gradient.")


def _proximal_update(correlation: Correlation, pull: Pull, preview: Preview | None) -> Update:
    full = ProximalUpdate(correlation, pull.held, pull.all, weights=pull.weights, preview=preview)
    if pull.held is None:
        return replace(full, stiffness=_FREE_STIFFNESS, iterations=_FREE_ITERATIONS, longest_step=_FREE_STEP)
    if not pull.seen:
        return full
    return LateUpdate(replace(full, potentials=pull.potentials, preview=None), full, _LIKELIHOOD_BELOW)


def _gradient_updates(correlation: Correlation, pull: Pull, origin: Tensor) -> list[Update]:
    updates: list[Update] = []
    if pull.held is not None:
        likelihood = PreconditionedPartialModel(mask_svd(pull.held.known.relative_to(origin), correlation))
        updates.append(PreconditionedUpdate(likelihood, correlation, origin, _MODEL_RATE, _MOMENTUM))
    updates += [
        GradientUpdate(potential, correlation, _POTENTIAL_RATE, _MOMENTUM, pull.weights) for potential in pull.all
    ]
    if pull.held is not None:
        updates.append(PinUpdate(pull.held.pins, correlation))
    return updates
