"""Correlation of a body with a field, its slope, and the climb."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from adp3d.density.map import DensityMap
from adp3d.density.splat import splat
from adp3d.fitting.body import Atoms, Body, blur_of_resolution
from adp3d.fitting.field import Field
from adp3d.fitting.pose import Poses, climb, correlation


@pytest.fixture
def atoms():
    rng = np.random.default_rng(1)
    # a bent rod with a knob: no symmetry
    t = np.linspace(0, 1, 120)
    rod = np.stack([30 * t, 12 * t**2, 4 * np.sin(6 * t)], 1)
    knob = rng.normal(size=(60, 3)) * 3 + [4, 8, 5]
    return Atoms(np.concatenate([rod, knob]), np.full(180, 6.0))


@pytest.fixture
def field(atoms):
    """Field in which the atoms lie as they are."""
    from scipy.ndimage import gaussian_filter

    step, origin = 1.5, np.array([-20.0, -15.0, -18.0])
    values = gaussian_filter(splat((atoms.xyz - origin) / step, atoms.weight, (48, 36, 36)), 0.225 * 6 / step)
    return Field.of(DensityMap(values.astype(np.float32), origin, np.eye(3) * step), 6.0, 6.0, 2.0)


def pose(rotation, shift):
    return Poses(
        torch.as_tensor(np.array(rotation), dtype=torch.float32)[None], torch.tensor(np.array(shift)[None]).float()
    )


def test_the_body_fits_where_it_is(atoms, field):
    body = Body.of(atoms, 6.0)
    assert float(body.values.mean()) == pytest.approx(0, abs=1e-6) and float(body.values.norm()) == pytest.approx(1)
    assert float(correlation(field, body, pose(np.eye(3), atoms.centre))) > 0.97
    turned = Rotation.from_rotvec([0, 0, np.pi]).as_matrix()
    assert float(correlation(field, body, pose(turned, atoms.centre))) < 0.7
    assert float(correlation(field, body, pose(np.eye(3), atoms.centre + 200))) == pytest.approx(0, abs=1e-6)


def test_slopes_are_those_of_the_values(field):
    rng = np.random.default_rng(2)
    points = torch.tensor(rng.uniform([-18, -13, -16], [40, 30, 25], size=(200, 3)), dtype=torch.float64)
    exact = Field(field.values.double(), field.origin.double(), field.step.double(), field.outside)
    value, slope = exact.sample(points)
    for axis in range(3):
        away = torch.zeros(3, dtype=torch.float64)
        away[axis] = 1e-6
        numeric = (exact.sample(points + away)[0] - value) / 1e-6
        assert torch.allclose(numeric, slope[:, axis], atol=1e-4 * float(slope.abs().max()))


def test_at_grid_points_the_field_has_its_values(field):
    at = torch.tensor([[3, 4, 5], [10, 20, 15]])
    assert torch.allclose(
        field.sample(field.origin + at * field.step)[0], field.values[at[:, 0], at[:, 1], at[:, 2]], atol=1e-4
    )


def test_poses_nearby_climb_to_the_top(atoms, field):
    body = Body.of(atoms, 6.0)
    rng = np.random.default_rng(3)
    turns = torch.tensor(Rotation.from_rotvec(rng.normal(size=(12, 3)) * 0.12).as_matrix()).float()
    starts = Poses(turns, torch.tensor(atoms.centre + rng.normal(size=(12, 3)) * 1.5).float())
    before = correlation(field, body, starts)
    done, told = climb(field, body, starts, step=1.0)
    after = correlation(field, body, done)
    assert torch.allclose(told, after)
    assert bool((after >= before).all()) and float(after.min()) > 0.97
    assert float((done.shift - torch.tensor(atoms.centre)).norm(dim=-1).max()) < 0.5
    angle = torch.arccos(((done.rotation.diagonal(dim1=1, dim2=2).sum(-1) - 1) / 2).clamp(-1, 1))
    assert float(torch.rad2deg(angle).max()) < 3.0


def test_blur_of_a_resolution_is_that_of_molmap():
    # exp(-B s^2 / 4) is a Gaussian of sigma with B = 8 pi^2 sigma^2
    assert blur_of_resolution(10.0) == pytest.approx(8 * np.pi**2 * 2.25**2)
