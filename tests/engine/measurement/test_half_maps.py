"""Half maps as measurements: refined in one, scored in the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adp3d.contract.specification import RefineSpec
from adp3d.density.resample import blur
from adp3d.density.write import write_map
from adp3d.job.events import NullEvents
from adp3d.measurement.density import bind_map, load_density
from adp3d.measurement.half_maps import average_fsc, bind_half_maps, soft_mask
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.problem import load_problem

NOISE = 0.3
"""In each half, as a fraction of the map's standard deviation."""


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def loaded(small, tmp_path_factory):
    """Scene, and the map with its halves."""
    folder, signal, rng = tmp_path_factory.mktemp("halves"), small.density, np.random.default_rng(0)
    sigma = NOISE * signal.values.std()
    halves = [
        signal.with_values((signal.values + sigma * rng.standard_normal(signal.shape)).astype(np.float32))
        for _ in range(2)
    ]
    whole = signal.with_values(0.5 * (halves[0].values + halves[1].values))
    for name, density in zip(("map", "one", "two"), (whole, *halves), strict=True):
        write_map(density, folder / f"{name}.mrc")
    files = MapFiles(str(folder / "map.mrc"), (str(folder / "one.mrc"), str(folder / "two.mrc")), 1.75)
    spec = RefineSpec(output="unused", prior="gaussian", map=files.map, model=str(small.deposited), device="cpu")
    before = torch.get_num_threads()
    scene = load_problem(spec, NullEvents()).scene(NullEvents())
    torch.set_num_threads(before)
    return scene, load_density(files, scene), sigma


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


def test_the_mask_is_soft_and_leaves_out_what_is_not_the_jobs(loaded):
    scene, whole, _ = loaded
    mask = soft_mask(whole, scene.start())
    assert mask.min() == 0 and mask.max() == 1 and ((mask > 0.1) & (mask < 0.9)).any()
    assert (mask[whole.likelihood.levels[0].mask.numpy() == 0] == 0).all()
