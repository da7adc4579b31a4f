"""Random maps for the tests of the network's eyes, and threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from adp3d.prior.evidence import DensityEvidence


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """``threads(count)`` sets how many torch has until the test is over."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def random_map() -> Callable[..., DensityEvidence]:
    """``random_map(seed, shape=..., origin=..., spacing=...)``: smooth enough to be interpolated."""

    def make(seed=0, shape=(20, 22, 24), origin=(-10.0, -11.0, -12.0), spacing=1.0, resolution=3.0):
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.randn(3, 1, *(max(2, n // 4) for n in shape), generator=generator)
        levels = torch.nn.functional.interpolate(coarse, shape, mode="trilinear", align_corners=True)[:, 0]
        taken = (levels[0] > 0.7).float()
        return DensityEvidence(levels, taken, torch.tensor(origin), spacing, resolution)

    return make
