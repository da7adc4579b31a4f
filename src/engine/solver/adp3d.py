"""Algorithm 1 of ADP-3D: denoise, step towards the measurements, add noise at the next level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.evidence import NOTHING, Evidence
from ..prior.protocol import Prior
from .noise import ReplicaNoise
from .protocol import Level, Observer, SolverState, Update

__all__ = ["initial_state", "solve"]


@torch.no_grad()
def solve(
    prior: Prior,
    updates: Sequence[Update],
    times: NDArray[np.float64],
    state: SolverState,
    noise: ReplicaNoise,
    observe: Observer,
    evidence: Evidence = NOTHING,
) -> SolverState:
    r"""Maximum a posteriori estimate of the coordinates by plug-and-play diffusion.

    At each level t the denoised estimate :math:`\tilde z_0 = R^{-1}\hat x(R z_t, t)` gets the
    accumulated steps :math:`v_i = \rho_i v_i + \mathrm{direction}_i(\tilde z_0)` of all updates, and
    :math:`z_{t-1} \sim \mathcal{N}(\alpha_{t-1} z_0, \sigma_{t-1}^2)`. Estimates are recentred at each
    step, because the diffusion contracts towards the origin while measurements live in their own frame.

    Parameters
    ----------
    prior : Prior
    updates : sequence of Update
        One per likelihood (gradient steps), or one proximal update for several.
    times : ndarray, shape (K + 1,)
        Decreasing diffusion times.
    state : SolverState
        Where to start; a state saved earlier continues exactly.
    noise : ReplicaNoise
        Source of the renoising.
    observe : callable
        Called after each step with the new state; returning False ends the run.
    evidence : Evidence
        Known atoms and map shown to the prior, in the measurements' frame: it then denoises given them
        (:math:`E[x_0|x_t, y]`), instead of learning of them through the updates alone.

    Returns
    -------
    SolverState
        Its ``estimate`` is the answer, shape (replica, N, 4, 3), in angstrom.

    References
    ----------
    Levy et al., ADP-3D, Algorithm 1.
    """
    correlation, schedule = prior.correlation, prior.schedule
    for k in range(state.step, len(times) - 1):
        level = Level(k, len(times) - 1, float(times[k]), *schedule.at(float(times[k])))
        shown = evidence.relative_to(state.origin)
        denoised = correlation.inverse(prior.denoise(correlation.apply(state.z), level.t, shown))
        velocities = tuple(
            update.momentum * velocity + update.direction(denoised, state.origin, level)
            for update, velocity in zip(updates, state.velocities, strict=True)
        )
        x0 = correlation.apply(sum(velocities, start=denoised))
        centre = x0.mean((-2, -3), keepdim=True)
        alpha, sigma = schedule.at(float(times[k + 1]))
        fresh = noise.draw(tuple(x0.shape[1:]), x0.dtype, x0.device)
        z_next = alpha * correlation.inverse(x0 - centre) + sigma * fresh
        state = SolverState(k + 1, z_next, state.origin + centre, velocities, x0 + state.origin)
        if not observe(state, level):
            break
    return state


def initial_state(
    prior: Prior, updates: int, noise: ReplicaNoise, t: float, origin: Tensor, start: Tensor | None = None
) -> SolverState:
    """State at time t from which `solve` begins.

    Parameters
    ----------
    prior : Prior
    updates : int
        How many updates the solver will have.
    noise : ReplicaNoise
        Decides the number of replicas.
    t : float
        First diffusion time.
    origin : Tensor, shape (3,)
        Centre of the structure in the measurements' frame, as far as it is known.
    start : Tensor, shape (replica, N, 4, 3), optional
        Structures to start from instead of the chain's own random walk.

    Returns
    -------
    SolverState
    """
    alpha, sigma = prior.schedule.at(t)
    shape = (sum(prior.correlation.lengths), 4, 3)
    fresh = noise.draw(shape, origin.dtype, origin.device)
    if start is None:
        z = fresh
        centre = origin.expand(noise.count, 1, 1, 3).clone()
        estimate = prior.correlation.apply(fresh) + centre
    else:
        centre = start.mean((-2, -3), keepdim=True)
        z = alpha * prior.correlation.inverse(start - centre) + sigma * fresh
        estimate = start
    return SolverState(0, z, centre, tuple(torch.zeros_like(z) for _ in range(updates)), estimate)
