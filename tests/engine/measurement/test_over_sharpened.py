"""Maps that were sharpened too far, made fit to build in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adp3d.contract.specification import RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.resample import blur
from adp3d.density.sharpness import relative_sharpness
from adp3d.job.events import NullEvents
from adp3d.measurement.density import bind_map
from adp3d.measurement.half_maps import bind_half_maps
from adp3d.measurement.known_density import known_density
from adp3d.measurement.over_sharpened import known_sharpness, softened
from adp3d.measurement.whole_map import MapFiles, WholeMap, read_whole_map
from adp3d.pipeline.problem import load_problem

RESOLUTION = 1.75


class Messages(NullEvents):
    def __init__(self):
        self.texts = []

    def message(self, text, level="info"):
        self.texts.append(text)


@pytest.fixture(scope="module")
def problem(small):
    return load_problem(
        RefineSpec(output="unused", map=str(small.map), model=str(small.model), prior="gaussian", device="cpu"),
        NullEvents(),
    )


@pytest.fixture(scope="module")
def whole(small, problem):
    return read_whole_map(MapFiles(str(small.map), None, RESOLUTION), problem.scene(NullEvents()).points, NullEvents())


def sharpened(whole: WholeMap, b: float, noise: float = 0.0) -> WholeMap:
    values = whole.density.values
    noisy = values + noise * values.std() * np.random.default_rng(0).standard_normal(values.shape)
    density = blur(whole.density.with_values(noisy.astype(np.float32)), -b)
    return replace(whole, stored=density, density=density)


def test_ordinary_map_is_worked_in_as_it_is(problem, whole):
    messages = Messages()
    assert softened(whole, problem.scene(messages)) is whole
    assert whole.working is whole.density and not messages.texts


def test_fall_off_of_coarse_shells_says_nothing(problem, whole):
    coarse = replace(sharpened(whole, 60.0), resolution=8.0)
    assert softened(coarse, problem.scene(NullEvents())) is coarse


@pytest.mark.parametrize(("b", "noise"), [(30.0, 0.0), (40.0, 0.02)])
def test_over_sharpened_map_is_worked_in_as_sharp_as_ordinary_ones(problem, whole, b, noise):
    messages, sharp = Messages(), sharpened(whole, b, noise)
    scene = problem.scene(messages)
    done = softened(sharp, scene)
    assert len(messages.texts) == 1 and "over-sharpened" in messages.texts[0]
    assert done.density is sharp.density and done.working is done.softened
    assert softened(done, scene) is done  # once is enough
    assert known_sharpness(done.working, scene, RESOLUTION) == pytest.approx(4 * RESOLUTION**2, abs=3.0)
    x = scene.start()[None]
    # the model fits as well as it does in the map from before that is as sharp
    own = known_sharpness(whole.density, scene, RESOLUTION)
    before = blur(whole.density, 4 * RESOLUTION**2 - own)
    alike = bind_map(replace(whole, stored=before, density=before), scene)
    bound, as_it_is = bind_map(sharp, scene), bind_map(replace(sharp, softened=sharp.density), scene)
    if not noise:
        assert bound.start_correlation(x) == pytest.approx(alike.start_correlation(x), abs=0.05)
    assert bound.start_correlation(x) > as_it_is.start_correlation(x) + 0.1


def test_half_maps_follow(problem, whole):
    scene, values = problem.scene(NullEvents()), whole.density.values
    noise = 0.2 * values.std() * np.random.default_rng(1).standard_normal((2, *values.shape))
    first, second = (whole.density.with_values((values + one).astype(np.float32)) for one in noise)
    bound = bind_map(replace(sharpened(whole, 30.0), halves=(first, second)), scene)
    for half in bind_half_maps(bound):
        assert known_sharpness(half.density, scene, RESOLUTION) == pytest.approx(bound.b_factor, abs=5.0)


def test_maps_of_any_units_have_a_sharpness(problem, whole):
    scene = problem.scene(NullEvents())
    model = known_density(whole.density, scene, 20.0)
    large = DensityMap(whole.density.values * np.float32(1e25), whole.density.origin, whole.density.axes)
    own, other = (relative_sharpness(density, model, RESOLUTION) for density in (whole.density, large))
    assert other.b_factor == pytest.approx(own.b_factor, abs=1e-3)
    assert other.scale == pytest.approx(1e25 * own.scale, rel=1e-4)
