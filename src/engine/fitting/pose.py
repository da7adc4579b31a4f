"""Poses of a rigid body, and how they climb the correlation with a map."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .body import Body
from .field import Field

__all__ = ["Poses", "climb", "correlation"]

_SHRINK, _GROW = 0.5, 1.2
_AT_ONCE = 2_000_000
"""Points sampled at once, which keeps some 200 MB of intermediate values."""


@dataclass(frozen=True)
class Poses:
    """Places of a body: ``x -> rotation x + shift`` for points about its centre.

    Parameters
    ----------
    rotation : Tensor, shape (k, 3, 3)
    shift : Tensor, shape (k, 3)
        In angstrom.
    """

    rotation: Tensor
    shift: Tensor

    def __len__(self) -> int:
        return len(self.shift)

    def __getitem__(self, which: Tensor | slice) -> Poses:
        return Poses(self.rotation[which], self.shift[which])

    def and_one(self, centre: Tensor) -> Poses:
        """These and one more, unturned, with the body's centre (3,) there."""
        unturned = torch.eye(3).to(self.rotation)[None]
        return Poses(torch.cat([self.rotation, unturned]), torch.cat([self.shift, centre.to(self.shift)[None]]))

    def apply(self, points: Tensor) -> Tensor:
        """Points (p, 3) of the body in each pose, shape (k, p, 3)."""
        return points @ self.rotation.transpose(-1, -2) + self.shift[:, None]


def correlation(field: Field, body: Body, poses: Poses) -> Tensor:
    """Correlation of a map with a body about their means over the body's points, (k,), between -1 and 1."""
    return torch.cat([_correlate(field, body, chunk)[0] for chunk in _chunks(poses, body)])


def climb(
    field: Field, body: Body, poses: Poses, step: float, rounds: int = 40, least: float = 0.02
) -> tuple[Poses, Tensor]:
    """Move each pose uphill until its steps get shorter than ``least`` angstrom.

    Ascent of the correlation with a step of its own for each pose, half after a failure and a fifth more after a
    success. Directions are those of a rigid body that the slopes pull at: the force moves its centre, the torque turns
    it about axes weighed by its inertia, and the step is the way of its points (root mean square).

    Parameters
    ----------
    field : Field
    body : Body
    poses : Poses
    step : float
        First step in angstrom.
    rounds : int
        At most.
    least : float
        In angstrom.

    Returns
    -------
    poses : Poses
        In the same order.
    correlations : Tensor, shape (k,)
        As `correlation` gives them.
    """
    done = [_climb(field, body, chunk, step, rounds, least) for chunk in _chunks(poses, body)]
    rotation, shift, best = (torch.cat(part) for part in zip(*done, strict=True))
    return Poses(rotation, shift), best


def _chunks(poses: Poses, body: Body) -> list[Poses]:
    size = max(1, _AT_ONCE // len(body.points))
    return [poses[slice(i, i + size)] for i in range(0, len(poses), size)]


def _climb(field: Field, body: Body, poses: Poses, step: float, rounds: int, least: float) -> tuple[Tensor, ...]:
    best, force, torque = _correlate(field, body, poses)
    inertia = body.points.square().sum(-1).mean() * torch.eye(3, device=best.device)
    inertia = inertia - body.points.T @ body.points / len(body.points)
    length = torch.full_like(best, step)
    for _ in range(rounds):
        if bool((length < least).all()):
            break
        turned = poses.rotation @ inertia @ poses.rotation.transpose(-1, -2)
        spin = torch.linalg.solve(turned, torque)
        norm = (force.square().sum(-1) + (spin * torque).sum(-1)).sqrt().clamp(min=1e-12)
        ahead = (length / norm)[:, None]
        tried = Poses(_turn(spin * ahead) @ poses.rotation, poses.shift + force * ahead)
        value, new_force, new_torque = _correlate(field, body, tried)
        better = value > best
        pick = better[:, None]
        poses = Poses(
            torch.where(pick[..., None], tried.rotation, poses.rotation), torch.where(pick, tried.shift, poses.shift)
        )
        best = torch.where(better, value, best)
        force, torque = torch.where(pick, new_force, force), torch.where(pick, new_torque, torque)
        length = torch.where(better, (length * _GROW).clamp(max=step), length * _SHRINK)
    return poses.rotation, poses.shift, best


def _correlate(field: Field, body: Body, poses: Poses) -> tuple[Tensor, Tensor, Tensor]:
    """Correlation (k,), and its slope by the shift (k, 3) and by turns about the body's centre (k, 3)."""
    placed = poses.apply(body.points)
    values, slope = field.sample(placed)
    values = values - values.mean(-1, keepdim=True)
    norm = values.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    unit = values / norm
    score = unit @ body.values
    pull = ((body.values - score[:, None] * unit) / norm)[..., None] * slope
    force = pull.sum(1)
    torque = torch.linalg.cross(placed - poses.shift[:, None], pull).sum(1)
    return score, force, torque


def _turn(vector: Tensor) -> Tensor:
    """Rotation matrices (k, 3, 3) of rotation vectors (k, 3)."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    rotations: Tensor = torch.linalg.matrix_exp(cross)
    return rotations
