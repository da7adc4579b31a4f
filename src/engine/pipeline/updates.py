"""The paper's own updates: one gradient step with momentum per likelihood."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..likelihood.partial_model import PreconditionedPartialModel
from ..physics.masking import MaskedModel, mask_svd
from ..prior.protocol import Correlation
from ..solver.pins import Pins, PinUpdate
from ..solver.protocol import Potential, Update
from ..solver.updates import GradientUpdate, PreconditionedUpdate, WeightTable

__all__ = ["gradient_updates"]

_MODEL_RATE, _MODEL_MOMENTUM = 0.1, 0.9
_POTENTIAL_RATE, _POTENTIAL_MOMENTUM = 1e-5, 0.9


def gradient_updates(
    correlation: Correlation,
    model: MaskedModel | None,
    potentials: Sequence[Potential],
    origin: Tensor,
    weights: WeightTable,
    pins: Pins | None = None,
) -> list[Update]:
    """Updates of ADP-3D, Algorithm 1: a preconditioned step for the model and a plain one per potential.

    Parameters
    ----------
    correlation : Correlation
    model : MaskedModel or None
        Its decomposition is dense: for a few hundred residues.
    potentials : sequence of Potential
    origin : Tensor, shape (3,)
        Where coordinates are taken from for the decomposition.
    weights : mapping
        Factor on the rate of each potential.
    pins : Pins, optional
        Atoms to be held.
    """
    updates: list[Update] = []
    if model is not None:
        centred = MaskedModel(model.coordinates - origin, model.known, model.sigma)
        likelihood = PreconditionedPartialModel(mask_svd(centred, correlation))
        updates.append(PreconditionedUpdate(likelihood, correlation, origin, _MODEL_RATE, _MODEL_MOMENTUM))
    updates += [
        GradientUpdate(potential, correlation, _POTENTIAL_RATE, _POTENTIAL_MOMENTUM, weights)
        for potential in potentials
    ]
    if pins is not None:
        updates.append(PinUpdate(pins, correlation))
    return updates
