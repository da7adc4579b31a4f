"""A real map and model, spoilt: what is wrong is called by its name, and what is right is left in peace."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import adp3d
from adp3d.density.map import DensityMap
from adp3d.density.misfit import examine_placement
from adp3d.density.read import read_map

DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"


@pytest.fixture(scope="module")
def density():
    return read_map(DEMO / "emd_20026_protomer.map.gz")


@pytest.fixture(scope="module", params=["emd_20026_deposited.cif.gz", "emd_20026_incomplete.cif.gz"])
def points(request):
    (chain,) = gemmi.read_structure(str(DEMO / request.param))[0]
    return np.array([atom.pos.tolist() for residue in chain for atom in residue if atom.name in ("N", "CA", "C", "O")])


def test_a_docked_model_fits(density, points):
    assert examine_placement(density, points).fits
    thresholded = density.with_values(np.where(density.values < 0.02, 0, density.values))
    assert examine_placement(thresholded, points).fits


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_wrong_hand(density, points, axis):
    flipped = DensityMap(np.flip(density.values, axis), density.origin, density.axes)
    found = examine_placement(flipped, points)
    assert not found.fits
    assert f"wrong hand (mirrored along {'xyz'[axis]}" in found.cause
    assert "it seems that the map has the wrong hand" in found.advice()


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.2])
@pytest.mark.parametrize("with_origin", [False, True])
def test_the_wrong_voxel_size(density, points, factor, with_origin):
    origin = density.origin * (factor if with_origin else 1.0)
    found = examine_placement(DensityMap(density.values, origin, density.axes * factor), points)
    assert not found.fits and "voxel size" in found.cause
    told = float(found.cause.split("with about ")[1].split(" A")[0])
    assert told == pytest.approx(0.65, rel=0.04)


def test_a_displaced_model_and_a_lost_origin(density, points):
    for shift in ((9.0, 12.0, 0.0), (200.0, 0.0, -90.0)):
        found = examine_placement(density, points + np.array(shift))
        assert not found.fits and "displaced" in found.cause
        x, y, z = (float(word) for word in found.cause.split("moved by ")[1].split(" A")[0].split(","))
        np.testing.assert_allclose([x, y, z], -np.array(shift), atol=2.0)


def test_inverted_density(density, points):
    assert "wrong sign" in examine_placement(density.with_values(-density.values), points).cause


@pytest.mark.parametrize("seed", range(4))
def test_turned_models_are_not_explained_away(density, points, seed):
    centre = points.mean(axis=0)
    found = examine_placement(density, Rotation.random(random_state=seed).apply(points - centre) + centre)
    assert not found.fits and found.cause == ""
    assert "neither the other hand nor another voxel size helps" in found.advice()
