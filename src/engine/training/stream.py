"""Training batches drawn ahead: each is a pure function of the seed and its number."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..prior.builtin.network import NoisyBatch
from ..prior.correlation import GlobularCorrelation
from ..prior.schedule import LogSnrSchedule
from .crops import CropSampler
from .knowledge import draw_pattern
from .loss import noisy_batch, sample_times
from .map_source import MapSource

__all__ = ["BatchStream", "Drawn", "DrawnAhead"]

T = TypeVar("T")
Stream = TypeVar("Stream", bound="DrawnAhead[Any]")


@dataclass(frozen=True)
class Drawn:
    """One training batch.

    Attributes
    ----------
    batch : NoisyBatch
    clean : Tensor, shape (B, N, 4, 3)
        In angstrom.
    correlation : GlobularCorrelation
    looks : int
        How often the last stage shall look.
    """

    batch: NoisyBatch
    clean: Tensor
    correlation: GlobularCorrelation
    looks: int


class DrawnAhead(Generic[T]):
    """Draws numbered batches in the background while a network trains, in a fixed order whatever the workers.

    Parameters
    ----------
    draw : callable
        Batch of a number; a pure function of it.
    first : int
        Number of the first batch.
    workers : int
        Threads; 0 draws each batch when it is asked for.
    """

    def __init__(self, draw: Callable[[int], T], first: int, workers: int) -> None:
        self._draw = draw
        self._next = first
        self._pool = ThreadPoolExecutor(workers, "batches") if workers else None
        self._ahead: deque[Future[T]] = deque()
        self._depth = 2 * workers

    def __enter__(self: Stream) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def next(self) -> T:
        """The next batch."""
        if self._pool is None:
            self._next += 1
            return self._draw(self._next - 1)
        while len(self._ahead) < self._depth:
            self._ahead.append(self._pool.submit(self._draw, self._next))
            self._next += 1
        return self._ahead.popleft().result()


class BatchStream(DrawnAhead[Drawn]):
    """Batches for the default prior.

    Parameters
    ----------
    sampler : CropSampler
    maps : MapSource or None
        For networks that see maps.
    seed : int
    first : int
        Number of the first batch.
    device : torch.device
        Where the batches are wanted.
    workers : int
        Threads; 0 draws each batch when it is asked for.
    show_known : bool
        Show known atoms.
    looks : tuple of float
        Fractions of the batches for which the last stage looks once, twice and so on.
    """

    def __init__(
        self,
        sampler: CropSampler,
        maps: MapSource | None,
        seed: int,
        first: int,
        device: torch.device,
        workers: int = 1,
        show_known: bool = True,
        looks: tuple[float, ...] = (1.0,),
    ) -> None:
        self._sampler = sampler
        self._maps = maps
        self._seed = seed
        self._device = device
        self._show_known = show_known
        self._looks = np.asarray(looks) / sum(looks)
        super().__init__(self.draw, first, workers)

    def draw(self, number: int) -> Drawn:
        """Batch of a number: crops, known atoms, maps, noise levels and noise."""
        rng = np.random.default_rng([self._seed, number])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        crop = self._sampler.batch(rng)
        chosen = np.zeros(len(crop.xyz), bool) if self._maps is None else self._maps.choose(crop, rng)
        pattern = draw_pattern(crop, rng, chosen) if self._show_known else None
        informed = np.zeros(len(crop.xyz), bool) if pattern is None else pattern.informed
        times = sample_times(crop.ca_only, informed, rng, chosen)
        evidence = [] if self._maps is None else self._maps.evidence(crop, pattern, chosen, rng)
        batch, clean, correlation = noisy_batch(
            crop, times, LogSnrSchedule(), generator, self._device, pattern, evidence
        )
        looks = 1 + int(rng.choice(len(self._looks), p=self._looks))
        return Drawn(batch, clean, correlation, looks)
