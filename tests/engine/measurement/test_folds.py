"""Parts of a map's data: refined in one, scored with the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adp3d.density.fourier import filtered
from adp3d.density.resample import blur
from adp3d.measurement.density import bind_map
from adp3d.measurement.folds import SHELL, average_fsc, folds_of
from adp3d.measurement.half_maps import bind_half_maps, soft_mask


def test_fsc_falls_with_the_error_of_the_model_and_does_not_ask_how_sharp_the_map_is(loaded):
    scene, whole, _ = loaded
    first, _ = bind_half_maps(whole)
    x = scene.start()
    mask = soft_mask(whole, x)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(x.shape, generator=generator)
    right, near, far = average_fsc(first, torch.stack([x, x + 0.3 * noise, x + noise]), mask)
    assert 0.5 < right < 1 and near < right - 0.05 and far < near - 0.1
    whole_fsc = average_fsc(whole, x[None], mask)[0]
    smooth = blur(whole.source, 30.0)
    blurred = bind_map(replace(whole.whole, density=smooth, stored=smooth), scene)
    assert average_fsc(blurred, x[None], mask)[0] == pytest.approx(whole_fsc, abs=0.03)


def test_half_maps_are_used_both_ways(loaded):
    scene, whole, _ = loaded
    first, second = folds_of(whole)
    assert (first.above, second.above) == (0, 0)
    assert np.array_equal(first.work.density.values, second.free.density.values)
    x = scene.start()[None]
    mask = soft_mask(whole, x[0])
    work, free = first.score(x, mask)
    assert (work, free) == (average_fsc(first.work, x, mask), average_fsc(second.work, x, mask))


def test_without_half_maps_the_finest_shell_is_kept_apart(loaded):
    scene, whole, _ = loaded
    alone = replace(whole, whole=replace(whole.whole, halves=None))
    (fold,) = folds_of(alone)
    assert fold.free is alone and fold.above == pytest.approx(1 / (SHELL * alone.resolution))
    assert fold.work.resolution == pytest.approx(SHELL * alone.resolution)
    assert fold.work.likelihood.levels[0].variance == alone.likelihood.levels[0].variance

    # nothing of the free shell is in the map that is refined in, whatever that shell holds
    def turn_over(s2):
        return np.cos(np.pi * np.clip((np.sqrt(s2) / fold.above - 1.05) / 0.05, 0.0, 1.0))

    shifted = filtered(alone.density, turn_over, 10.0)
    (other,) = folds_of(replace(alone, density=shifted))
    inside = (slice(15, -15),) * 3  # filters reach over the edges of the map
    change, passed = (
        float(np.std((a.density.values - b.density.values)[inside]))
        for a, b in ((replace(alone, density=shifted), alone), (other.work, fold.work))
    )
    assert change > 0.3 * alone.density.values.std() and passed < 0.05 * change
    x = scene.start()[None]
    mask = soft_mask(alone, x[0])
    assert other.score(x, mask)[1] < fold.score(x, mask)[1] - 0.1, "the shell alone is scored with"


def test_a_map_without_a_shell_of_its_own_has_no_part_that_is_free(loaded):
    _, whole, _ = loaded
    coarse = replace(whole.whole, halves=None, resolution=2.5 * max(whole.density.shape))
    assert folds_of(replace(whole, whole=coarse)) == ()
