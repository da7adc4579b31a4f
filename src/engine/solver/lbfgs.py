"""Batched limited-memory BFGS with a preconditioner: a few steps per replica, all replicas at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["minimise"]

_SUFFICIENT_DECREASE = 1e-4
_TRIALS = 4
"""Steps tried along one direction, each shorter than the one before."""
_SHORTER = 0.4


def minimise(
    objective: Callable[[Tensor], tuple[Tensor, Tensor]],
    precondition: Callable[[Tensor], Tensor],
    start: Tensor,
    iterations: int,
    history: int = 8,
    longest_step: float = float("inf"),
    observe: Callable[[Tensor], None] | None = None,
    trials: int | None = None,
) -> Tensor:
    """Lower ``objective`` from ``start`` independently for each replica.

    Parameters
    ----------
    objective : callable
        Maps x (replica, ...) to its value (replica,) and gradient (replica, ...).
    precondition : callable
        Applies an approximate inverse Hessian to (replica, ...); symmetric positive definite.
    start : Tensor, shape (replica, ...)
    iterations : int
    history : int
        Pairs of steps and gradient changes remembered.
    longest_step : float
        Largest displacement of any coordinate in one iteration.
    observe : callable, optional
        Shown x after each iteration.
    trials : int, optional
        Steps tried in one iteration for replicas that do not get lower; the next iteration tries shorter ones. By
        default 4 on the CPU, and 1 on other devices: to try again only where it is needed means to look at the
        values, which stalls the device.

    Returns
    -------
    Tensor, shape (replica, ...)
        Never worse than ``start`` for any replica.

    References
    ----------
    Nocedal and Wright, Numerical Optimization, algorithm 7.4.
    """
    x = start
    trials = trials or (_TRIALS if x.device.type == "cpu" else 1)
    value, gradient = objective(x)
    shorter = torch.ones_like(value)
    pairs: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(iterations):
        direction = -_two_loop(gradient, pairs, precondition)
        slope = _dot(gradient, direction)
        uphill = slope >= 0
        direction = torch.where(_like(uphill, x), -gradient, direction)
        slope = torch.where(uphill, -_dot(gradient, gradient), slope)
        largest = direction.flatten(1).abs().amax(1).clamp(min=1e-12)
        step = (longest_step / largest).clamp(max=1.0) * shorter
        moved, new_value, new_gradient, accepted = _backtrack(
            objective, x, value, gradient, direction, slope, step, trials
        )
        s, y = moved - x, new_gradient - gradient
        curvature = _dot(s, y)
        useful = accepted & (curvature > 1e-10)
        rho = torch.where(useful, 1.0 / curvature.clamp(min=1e-10), torch.zeros_like(curvature))
        pairs = [*pairs, (s, y, rho)][-history:]
        x, value, gradient = moved, new_value, new_gradient
        if observe is not None:
            observe(x)
        if trials == 1:
            shorter = torch.where(accepted, 1.0, _SHORTER * shorter)
        elif not bool(accepted.any()):
            break
    return x


def _backtrack(
    objective: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
    value: Tensor,
    gradient: Tensor,
    direction: Tensor,
    slope: Tensor,
    step: Tensor,
    trials: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Shorten the step of each replica until it decreases enough; replicas that never do stay put."""
    accepted = torch.zeros_like(value, dtype=torch.bool)
    out, out_value, out_gradient = x, value, gradient
    for left in reversed(range(trials)):
        trial = x + _like(step, x) * direction
        trial_value, trial_gradient = objective(trial)
        good = ~accepted & (trial_value <= value + _SUFFICIENT_DECREASE * step * slope)
        out = torch.where(_like(good, x), trial, out)
        out_value = torch.where(good, trial_value, out_value)
        out_gradient = torch.where(_like(good, x), trial_gradient, out_gradient)
        accepted = accepted | good
        if left == 0 or bool(accepted.all()):
            break
        step = torch.where(accepted, step, _SHORTER * step)
    return out, out_value, out_gradient, accepted


def _two_loop(
    gradient: Tensor, pairs: list[tuple[Tensor, Tensor, Tensor]], precondition: Callable[[Tensor], Tensor]
) -> Tensor:
    q = gradient
    coefficients = []
    for s, y, rho in reversed(pairs):
        a = rho * _dot(s, q)
        q = q - _like(a, q) * y
        coefficients.append(a)
    r = precondition(q)
    for (s, y, rho), a in zip(pairs, reversed(coefficients), strict=True):
        b = rho * _dot(y, r)
        r = r + _like(torch.where(rho > 0, a - b, torch.zeros_like(a)), r) * s
    return r


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).flatten(1).sum(1)


def _like(per_replica: Tensor, x: Tensor) -> Tensor:
    return per_replica.reshape(-1, *([1] * (x.dim() - 1)))
