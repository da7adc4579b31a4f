"""Random numbers that belong to each replica, however replicas are grouped into batches."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ReplicaNoise"]

_REPLICA_STRIDE = 1_000_003


class ReplicaNoise:
    """Gaussian noise from one generator per replica.

    A replica sees the same numbers whether it runs alone or with others, so that falling back to
    smaller batches when memory is short does not change the result.

    Parameters
    ----------
    seed : int
    first : int
        Number of the first replica.
    count : int
        Replicas in this batch.
    """

    def __init__(self, seed: int, first: int, count: int) -> None:
        self._generators = [
            torch.Generator().manual_seed((seed * _REPLICA_STRIDE + first + i) % 2**63) for i in range(count)
        ]

    @property
    def count(self) -> int:
        """Replicas served."""
        return len(self._generators)

    def draw(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Standard normal numbers of shape (replica, *shape)."""
        parts = [torch.randn(shape, generator=g, dtype=dtype) for g in self._generators]
        return torch.stack(parts).to(device)

    def state(self) -> Tensor:
        """State of all generators, shape (replica, bytes), uint8."""
        return torch.stack([g.get_state() for g in self._generators])

    def restore(self, state: Tensor) -> None:
        """Continue from what `state` returned."""
        for generator, row in zip(self._generators, state, strict=True):
            generator.set_state(row.clone())
