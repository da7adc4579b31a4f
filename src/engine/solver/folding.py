"""Folding from distances, which cannot tell a structure from its mirror image: the prior can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..ensemble.ranking import SCALES, rank_replicas
from ..prior.schedule import step_times
from .adp3d import initial_state, solve
from .noise import ReplicaNoise
from .planned_run import PlannedRun
from .posterior import Posterior

__all__ = ["Fold", "Sampler", "fold", "plain_sampler", "planned_runs"]

Sampler = Callable[[str, NDArray[np.float64], int, Tensor | None], Tensor]
"""``sample(stage, times, replicas, start)`` runs the solver and returns (replica, N, 4, 3)."""

_MIRROR_TIME = 0.5
"""Noise level at which both hands start again: local structure is open, the fold is not."""


@dataclass(frozen=True)
class Fold:
    """Structures from distances, best first.

    Attributes
    ----------
    x : Tensor, shape (replica, N, 4, 3)
        In angstrom.
    score : Tensor, shape (replica,)
    reflected : tuple of bool
        Whether the structure descends from the mirror image of what the first stage gave.
    source : tuple of int
        Replica of the second stage, the mirrored ones following the others.
    """

    x: Tensor
    score: Tensor
    reflected: tuple[bool, ...]
    source: tuple[int, ...]


def fold(
    sample: Sampler,
    log_likelihood: Callable[[Tensor], Tensor],
    energy: Callable[[Tensor], Tensor],
    steps: int,
    replicas: int,
) -> Fold:
    """Fold, then fold again at medium noise from both hands of every replica and keep the better of each pair.

    About half of the replicas of the first stage have the mirrored fold with right-handed helices
    forced into it. In the second stage each runs beside its mirror image; the wrong hand pays in the
    prior's energy and in violated distances. Within a pair, an energy of 0.05 counts as much as a
    log-likelihood of 5; the winners are ranked by `rank_replicas`.

    Parameters
    ----------
    sample : callable
        Runs the solver, see `Sampler`.
    log_likelihood, energy : callable
        Map (replica, N, 4, 3) to (replica,).
    steps : int
        Steps of the first stage; the second takes as many for the noise levels that it visits.
    replicas : int

    Returns
    -------
    Fold
    """
    one_hand, both_hands = planned_runs(steps, replicas)
    first = sample(one_hand.name, step_times(one_hand.steps), one_hand.replicas, None)
    mirror = first.new_tensor([1.0, 1.0, -1.0])
    both = torch.cat([first, first * mirror])
    second = sample(both_hands.name, step_times(both_hands.steps, start=_MIRROR_TIME), both_hands.replicas, both)
    fit, strain = log_likelihood(second), energy(second)
    merit = fit / SCALES["log_likelihood"] - strain / SCALES["energy"]
    kept = torch.where(merit[:replicas] >= merit[replicas:], 0, replicas).cpu() + torch.arange(replicas)
    terms = {"log_likelihood": fit[kept], "energy": -strain[kept]}
    ranking = rank_replicas(terms, SCALES)
    source = tuple(int(kept[k]) for k in ranking.order)
    order = list(ranking.order)
    return Fold(second[list(source)], ranking.score[order], tuple(k >= replicas for k in source), source)


def planned_runs(steps: int, replicas: int) -> tuple[PlannedRun, PlannedRun]:
    """Solver runs of `fold`: each replica runs beside its mirror image in the second one."""
    again = max(2, round(steps * _MIRROR_TIME))
    return PlannedRun("folding", steps, replicas), PlannedRun("choosing the hand", again, 2 * replicas)


def plain_sampler(posterior: Posterior, seed: int) -> Sampler:
    """Sampler without job folder, events or batches: for scripts and benchmarks."""

    def sample(stage: str, times: NDArray[np.float64], replicas: int, start: Tensor | None) -> Tensor:
        noise = ReplicaNoise(seed, 0, replicas)
        prior, updates = posterior.prior, posterior.updates
        state = initial_state(prior, len(updates), noise, float(times[0]), posterior.origin, start)
        return solve(prior, updates, times, state, noise, lambda state, level: True, posterior.evidence).estimate

    return sample
