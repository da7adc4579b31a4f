"""Half maps as measurements: refined in one, scored in the other."""

from __future__ import annotations

import pytest
import torch

from adp3d.measurement.density import load_density
from adp3d.measurement.half_maps import bind_half_maps, soft_mask
from adp3d.measurement.whole_map import MapFiles


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_halves_have_the_grid_and_mask_of_the_whole_and_noise_of_their_own(loaded):
    _, whole, sigma = loaded
    for half in bind_half_maps(whole):
        assert half.density.same_grid(whole.density)
        for mine, theirs in zip(half.likelihood.levels, whole.likelihood.levels, strict=True):
            assert mine.grid == theirs.grid and torch.equal(mine.mask, theirs.mask) and mine.blur == theirs.blur
        assert half.likelihood.levels[0].variance ** 0.5 == pytest.approx(sigma, rel=0.1)
        assert half.likelihood.levels[0].variance > 1.5 * whole.likelihood.levels[0].variance
        assert not torch.equal(half.likelihood.levels[0].values, whole.likelihood.levels[0].values)


def test_a_map_without_halves_has_none(loaded, small):
    scene, _, _ = loaded
    alone = load_density(MapFiles(str(small.map), None, 1.75), scene)
    with pytest.raises(ValueError, match="without half maps"):
        bind_half_maps(alone)


def test_the_mask_is_soft_and_leaves_out_what_is_not_the_jobs(loaded):
    scene, whole, _ = loaded
    mask = soft_mask(whole, scene.start())
    assert mask.min() == 0 and mask.max() == 1 and ((mask > 0.1) & (mask < 0.9)).any()
    assert (mask[whole.likelihood.levels[0].mask.numpy() == 0] == 0).all()
