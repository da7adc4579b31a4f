"""Interpolation in several maps at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator

from adp3d.prior.builtin.density_grids import DensityGrids
from adp3d.prior.standard_map import EMPTY


def test_agrees_with_another_interpolator(random_map):
    first, second = random_map(0), random_map(1, shape=(14, 30, 18), origin=(2.0, -4.0, 1.0), spacing=0.8)
    grids = DensityGrids.of([first, second], [1, -1, 0], 64)
    x = torch.rand(3, 200, 3, generator=torch.Generator().manual_seed(2)) * 10 + torch.tensor([2.0, -3.0, 1.5])
    for level in range(3):
        found = grids.sample(level, x)
        assert found.shape == (3, 200, 1 if level == 0 else 2)
        assert not found[1].any()
        for example, evidence in ((0, second), (2, first)):
            axes = [
                float(evidence.origin[i]) + evidence.spacing * np.arange(n)
                for i, n in enumerate(evidence.levels.shape[1:])
            ]
            channels = [evidence.levels[level].numpy()]
            if level:
                channels.append(np.where(evidence.taken > 0.5, EMPTY, evidence.levels[level].numpy()))
            for c, values in enumerate(channels):
                other = RegularGridInterpolator(axes, values, bounds_error=False, fill_value=np.nan)(x[example].numpy())
                inside = np.isfinite(other)
                assert inside.sum() > 50
                np.testing.assert_allclose(found[example, inside, c].numpy(), other[inside], atol=2e-5)


def test_outside_is_empty(random_map):
    grids = DensityGrids.of([random_map()], [0], 8)
    far = torch.tensor([[[100.0, 0.0, 0.0], [-40.0, -40.0, -40.0], [0.0, 0.0, 60.0]]])
    assert grids.sample(0, far).flatten().tolist() == pytest.approx([EMPTY] * 3, abs=1e-2)


def test_replicas_see_one_map_from_their_own_frames(random_map):
    evidence = random_map()
    bound = DensityGrids.of([evidence], [0], 64)
    shift = torch.tensor([[1.0, 2.0, 3.0], [-4.0, 0.5, 0.0]])
    moved = bound.seen_from(evidence.origin - shift)
    x = torch.rand(1, 40, 3, generator=torch.Generator().manual_seed(0)) * 8 - 4
    direct = bound.sample(1, x)
    torch.testing.assert_close(moved.sample(1, x - shift[:, None]), direct.expand(2, -1, -1), atol=1e-4, rtol=1e-4)
    both = DensityGrids.of([replace(evidence, origin=evidence.origin - shift)], [0, 0], 64)
    torch.testing.assert_close(both.origin, moved.origin)


def test_gradient_follows_the_points(random_map):
    grids = DensityGrids.of([random_map()], [0], 8)
    x = (torch.rand(1, 5, 3, generator=torch.Generator().manual_seed(4)) * 4 + 0.1).double().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda p: grids.sample(0, p.float()).double(), (x,), eps=1e-3, atol=2e-2)
