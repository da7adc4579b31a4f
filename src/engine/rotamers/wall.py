"""What keeps torsions in the rotamers that crystal structures have, while they follow a map or leave a clash."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ..validation.rotamers import RotamerContours
from .library import contours_of

__all__ = ["RotamerWall"]

_WEIGHT = 3.0
"""Nats for each nat of log density below the contour that encloses 98 % of residues: a map at 3.9 A pulls at the end of
a side chain with some 10 nats, and what it gains so is noise more often than a rotamer that one residue in 300 has."""


@dataclass(frozen=True)
class _Table:
    rows: Tensor
    values: Tensor
    per_radian: Tensor
    favoured: float


class RotamerWall:
    """Energy in nats of torsions outside of favoured rotamers, of side chains that begin where they are now.

    Those that are strange to begin with, as some of users' models are, pay for what makes them stranger.

    Parameters
    ----------
    aatype : Tensor of int64, shape (R,)
    chi : Tensor, shape (R, 4)
        In radians.
    """

    def __init__(self, aatype: Tensor, chi: Tensor) -> None:
        self._tables = [
            _Table(torch.nonzero(aatype == kind)[:, 0], *_table(kind))
            for kind in sorted(set(aatype.tolist()) & contours_of().keys())
        ]
        with torch.no_grad():
            self._level = [torch.clamp(_density(each, chi), max=each.favoured) for each in self._tables]

    def __call__(self, chi: Tensor) -> Tensor:
        """Energy (R,) at torsions (R, 4); differentiable."""
        energy = torch.zeros(len(chi), dtype=chi.dtype)
        for each, level in zip(self._tables, self._level, strict=True):
            energy = energy.index_add(0, each.rows, _WEIGHT * torch.relu(level - _density(each, chi)))
        return energy


@lru_cache(maxsize=64)
def _table(kind: int) -> tuple[Tensor, Tensor, float]:
    contours: RotamerContours = contours_of()[kind]
    shape = np.array(contours.log_density.shape)
    per_radian = torch.as_tensor(shape / np.deg2rad(contours.periods), dtype=torch.float32)
    return torch.as_tensor(contours.log_density, dtype=torch.float32), per_radian, contours.favoured


def _density(table: _Table, chi: Tensor) -> Tensor:
    """Log density of the residues of a type, as `RotamerContours.evaluate` has it."""
    shape = torch.tensor(table.values.shape)
    u = chi[table.rows, : len(shape)] * table.per_radian
    low = torch.floor(u.detach())
    part, first = u - low, low.long()
    value = torch.zeros(len(table.rows), dtype=chi.dtype)
    for corner in product((0, 1), repeat=len(shape)):
        step = torch.tensor(corner)
        weight = torch.where(step == 1, part, 1.0 - part).prod(-1)
        value = value + weight * table.values[tuple(((first + step) % shape).T)]
    return value
