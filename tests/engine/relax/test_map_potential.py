"""The map as a field: OpenMM's values and forces against scipy's splines and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.relax import map_potential
from adp3d.relax.map_potential import MapField, map_field, map_force

SKEWED = np.array([[1.0, 0.0, 0.0], [0.3, 1.1, 0.0], [0.1, -0.2, 0.9]])


def energy_and_forces(openmm, force, points):
    """KJ/mol and kJ/mol/A (P, 3)."""
    system = openmm.System()
    for _ in points:
        system.addParticle(1.0)
    system.addForce(force)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(np.asarray(points) / 10.0)
    state = context.getState(energy=True, forces=True)
    energy = state.getPotentialEnergy().value_in_unit(openmm.unit.kilojoule_per_mole)
    unit = openmm.unit.kilojoule_per_mole / openmm.unit.angstrom
    return energy, np.array(state.getForces(asNumpy=True).value_in_unit(unit))


def spline(values, index):
    """Natural cubic spline in three dimensions, one axis after the other."""
    for place in index:
        values = CubicSpline(np.arange(len(values)), values, bc_type="natural")(place)
    return float(values)


@pytest.mark.parametrize("axes", [np.diag([1.0, 1.2, 0.8]), SKEWED], ids=["orthogonal", "skewed"])
def test_energy_and_forces_are_those_of_a_natural_spline(openmm, axes):
    random = np.random.default_rng(1)
    density = DensityMap(random.normal(size=(9, 8, 10)), np.array([3.0, -2.0, 5.0]), axes)
    points = density.to_points(random.uniform(2.0, 5.5, (4, 3)))
    elements = np.array([6, 7, 8, 16])
    force = map_force(MapField(density), np.arange(4), elements, weight=3.0)
    found, forces = energy_and_forces(openmm, force, points)

    def energy(xyz):
        values = [spline(density.values.astype(float), place) for place in density.to_index(xyz)]
        return -3.0 * float(np.dot(elements / 6.0, values))

    # OpenMM fits the natural spline of the three axes by its derivatives at the grid points
    assert found == pytest.approx(energy(points), rel=2e-3)
    step = 1e-3
    for atom in range(4):
        for axis in range(3):
            moved = np.zeros((4, 3))
            moved[atom, axis] = step
            slope = (energy(points + moved) - energy(points - moved)) / (2 * step)
            assert forces[atom, axis] == pytest.approx(-slope, abs=0.02 * np.abs(forces).max())


def test_a_linear_field_pulls_alike_everywhere_inside_and_not_outside(openmm):
    x, y, z = np.meshgrid(*(np.arange(8.0),) * 3, indexing="ij")
    density = DensityMap(2.0 * x - y + 0.5 * z, np.zeros(3), 0.5 * np.eye(3))
    force = map_force(MapField(density), np.arange(3), np.array([6, 12, 6]), weight=10.0)
    energy, forces = energy_and_forces(openmm, force, [[1.1, 2.3, 0.7], [3.0, 0.4, 2.2], [30.0, 0.0, 0.0]])
    pull = 10.0 * np.array([2.0, -1.0, 0.5]) / 0.5
    assert forces == pytest.approx(np.array([pull, 2 * pull, 0 * pull]), abs=1e-3)
    values = [(2.0 * 1.1 - 2.3 + 0.35) / 0.5, (6.0 - 0.4 + 1.1) / 0.5]
    assert energy == pytest.approx(-10.0 * (values[0] + 2 * values[1]), rel=1e-5)


def blob(shape=(30, 30, 30), step=1.0, scale=1.0, offset=0.0):
    density = DensityMap(np.zeros(shape), np.zeros(3), step * np.eye(3))
    places = density.to_points(np.moveaxis(np.indices(shape), 0, -1))
    values = np.exp(-((places - density.centre) ** 2).sum(-1) / 18.0)
    return density.with_values(scale * values + offset)


def test_the_field_does_not_depend_on_the_units_of_the_map():
    model = blob().centre + np.random.default_rng(0).normal(size=(40, 3)) * 3.0
    one = map_field(blob(), 3.0, model, model[:5])
    other = map_field(blob(scale=250.0, offset=-7.0), 3.0, model, model[:5])
    assert np.abs(one.density.values - other.density.values).max() < 1e-3


def test_the_field_reaches_no_farther_than_needed_and_tells_what_it_covers():
    density = blob()
    moving = density.centre[None]
    field = map_field(density, 3.0, moving + np.eye(3), moving)
    assert max(field.density.shape) <= 11
    assert field.covers(np.array([density.centre, density.centre + 20.0])).tolist() == [True, False]


def test_atoms_outside_or_in_a_flat_map_have_no_field():
    density = blob()
    assert map_field(density, 3.0, density.centre[None], np.full((1, 3), 500.0)) is None
    flat = density.with_values(np.ones(density.shape))
    assert map_field(flat, 3.0, density.centre[None], density.centre[None]) is None


def test_large_boxes_are_sampled_more_coarsely_or_refused(monkeypatch):
    density = blob((40, 40, 40), 0.5)
    corners = np.array([density.origin + 1.0, density.origin + 18.0])
    fine = map_field(density, 6.0, corners + 5.0, corners)
    assert fine.density.shape == density.shape
    monkeypatch.setattr(map_potential, "_MOST_VOXELS", 20_000)
    coarse = map_field(density, 6.0, corners + 5.0, corners)
    assert coarse.density.values.size <= 20_000
    assert coarse.density.voxel_size == pytest.approx(np.full(3, 2.0), rel=0.05)
    monkeypatch.setattr(map_potential, "_MOST_VOXELS", 500)
    with pytest.raises(InputError, match="relax it in parts"):
        map_field(density, 6.0, corners + 5.0, corners)


def test_atoms_above_the_mean_around_the_model_are_shown_and_those_outside_are_not():
    values = np.zeros((5, 5, 5))
    values[2] = 1.0
    values[3] = -1.0
    field = MapField(DensityMap(values, np.zeros(3), np.eye(3)))
    points = np.array([[2.0, 1.5, 2.5], [2.4, 2.0, 2.0], [2.6, 2.0, 2.0], [3.0, 2.0, 2.0], [9.0, 2.0, 2.0]])
    assert field.shows(points).tolist() == [True, True, False, False, False]
    assert field.shows(np.zeros((0, 3))).shape == (0,)
