"""Atoms that come too close, in nats."""

from __future__ import annotations

import torch
from torch import Tensor

from .kinds import CLASS_OF

__all__ = ["repulsion"]

_CLASSES = ("C", "N", "O", "S")
_DISTANCE = {
    "CC": (3.75, 0.18), "CN": (3.68, 0.20), "CO": (3.24, 0.15), "CS": (3.59, 0.22), "NN": (3.10, 0.15),
    "NO": (2.68, 0.13), "NS": (3.44, 0.12), "OO": (2.56, 0.10), "OS": (3.36, 0.20), "SS": (3.60, 0.20),
}  # fmt: skip
"""Distance d_0 and width w in angstrom for each pair of elements: ``exp(-((d_0 - d) / w)^2 / 2)`` follows how rarely
side-chain atoms and atoms of residues two or more apart are at d, relative to 5 to 6 A, in 250 training chains of
crystal structures at 1.6 A or better; through the distances at which that is one half and one hundredth. N-N (mostly
histidine) through one tenth and one hundredth; too few S-S were found, which are taken as C-S."""
_DISULFIDE = 2.5
"""Angstrom; two sulphurs of cysteine closer than that are bonded."""
_MOST = 25.0
"""Nats of one pair at most: odds that no two atoms of a model overcome, and far from what single precision can hold."""


def _tables() -> tuple[Tensor, Tensor]:
    near = torch.zeros(4, 4)
    width = torch.ones(4, 4)
    for pair, (distance, spread) in _DISTANCE.items():
        i, j = (_CLASSES.index(name) for name in pair)
        near[i, j] = near[j, i] = distance
        width[i, j] = width[j, i] = spread
    return near, width


_NEAR, _WIDTH = _tables()


def repulsion(square: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Energy in nats of pairs of atoms at squared distances (...) in angstrom^2, of kinds a and b (...).

    ``min(((d_0 - d) / w)^2 / 2, 25)`` below d_0, else 0; two sulphurs at the distance of a disulfide do not repel.
    """
    distance = (square + 1e-6).sqrt()
    a, b = CLASS_OF[a.clamp(min=0)], CLASS_OF[b.clamp(min=0)]
    over = ((_NEAR[a, b] - distance) / _WIDTH[a, b]).clamp(min=0.0)
    energy = (0.5 * over.square()).clamp(max=_MOST)
    return torch.where((a == 3) & (b == 3) & (distance < _DISULFIDE), torch.zeros_like(energy), energy)
