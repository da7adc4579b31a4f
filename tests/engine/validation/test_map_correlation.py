from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adp3d.density.map import DensityMap
from adp3d.density.sample import sample
from adp3d.structure.read import read_structure
from adp3d.validation.atoms import heavy_atoms
from adp3d.validation.map_correlation import cc_mask, model_density


@pytest.fixture(scope="module")
def atoms(small):
    return heavy_atoms(read_structure(small.deposited))


def test_a_map_of_the_model_itself_gives_one(small, atoms):
    own = model_density(small.density, atoms, 2.5, atoms.b_iso)
    assert cc_mask(small.density.with_values(3 * own + 1), atoms, 2.5) == pytest.approx(1.0, abs=1e-5)


def test_what_is_far_from_the_model_does_not_matter(small, atoms):
    near = cc_mask(small.density, atoms, 2.0)
    wide = np.pad(small.density.values, 30, constant_values=7.0)
    around = DensityMap(wide, small.density.to_points([-30, -30, -30]), small.density.axes)
    assert cc_mask(around, atoms, 2.0) == pytest.approx(near, abs=0.01)


def test_real_map_and_a_model_that_is_off(small, atoms):
    there = cc_mask(small.density, atoms, 1.75)
    off = cc_mask(small.density, replace(atoms, xyz=atoms.xyz + np.array([1.5, 0.0, 0.0])), 1.75)
    assert there > 0.7 > 0.4 > off


def test_one_b_factor_for_all_is_found(small, atoms):
    own = small.density.with_values(model_density(small.density, atoms, 2.5, np.full(len(atoms), 75.0)))
    confident = replace(atoms, b_iso=np.linspace(0, 100, len(atoms)))
    assert cc_mask(own, confident, 2.5, own_b_factors=False) > 0.995 > cc_mask(own, confident, 2.5)


def test_slanted_grids_give_the_same_density(atoms):
    axes = np.array([[0.8, 0.0, 0.0], [0.3, 0.75, 0.0], [0.1, -0.2, 0.7]])
    centre = atoms.xyz.mean(0)
    shape = (110, 90, 90)
    slanted = DensityMap(np.zeros(shape, np.float32), centre - (np.array(shape) - 1) / 2 @ axes, axes)
    straight = DensityMap(np.zeros((97, 97, 97), np.float32), centre - 33.6, np.eye(3) * 0.7)
    found = [
        sample(grid.with_values(model_density(grid, atoms, 3.0, np.full(len(atoms), 30.0))), atoms.xyz)
        for grid in (slanted, straight)
    ]
    assert np.corrcoef(*found)[0, 1] > 0.98


def test_without_atoms_in_the_map(small, atoms):
    assert np.isnan(cc_mask(small.density, replace(atoms, xyz=atoms.xyz + 900.0), 2.0))
