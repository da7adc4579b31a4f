"""Internal geometry as a measurement of a job."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.measurement.figures import described, figures_of, log_likelihoods, residue_figures_of
from adp3d.measurement.internal_geometry import NAME, InternalGeometry
from adp3d.solver.protocol import Level

LEVEL = Level(0, 1, 0.5, 0.9, 0.3)


def square() -> tuple[torch.Tensor, InternalGeometry]:
    """Four residues at the corners of a square of 6 A, and its sides and diagonals."""
    corners = np.array([[0.0, 0, 0], [6.0, 0, 0], [6.0, 6.0, 0], [0, 6.0, 0]])
    pairs = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
    distance = np.linalg.norm(corners[pairs[:, 0]] - corners[pairs[:, 1]], axis=1)
    x = torch.zeros(2, 4, 4, 3)
    x[:, :, 1] = torch.as_tensor(corners, dtype=torch.float32)
    return x, InternalGeometry.of_distances(pairs, distance, np.full(6, 0.5), "cpu")


def test_it_pulls_a_residue_back_where_its_neighbours_want_it():
    x, geometry = square()
    x[1, 0, 1] += torch.tensor([-1.0, 0.0, 0.0])
    local = geometry.potential.at(x, LEVEL)
    energy, gradient = local.value_and_gradient(x)
    assert energy.dtype == torch.float32 and float(energy[0]) == pytest.approx(0.0, abs=1e-5)
    assert float(energy[1]) > 0 and float(gradient[1, 0, 1, 0]) < 0  # downhill is towards larger x
    assert bool((local.curvature(x)[..., 1] > 0).all())


def test_a_whole_that_moves_is_free():
    x, geometry = square()
    energy, gradient = geometry.potential.at(x, LEVEL).value_and_gradient(x + 100.0)
    assert float(energy.abs().max()) < 1e-3 and float(gradient.abs().max()) < 1e-2


def test_noise_is_not_held_against_distances():
    x, geometry = square()
    x[1, 0, 1] += torch.tensor([-6.0, 0.0, 0.0])
    pulls = []
    for noise in (0.0, 0.1, 0.3):
        _, gradient = geometry.potential.at(x, Level(0, 1, 0.5, 0.9, noise)).value_and_gradient(x)
        pulls.append(float(gradient[1, 0, 1].norm()))
    assert 4 * pulls[0] < pulls[1] < pulls[2]


def test_figures_bear_its_name():
    x, geometry = square()
    x[1, 0, 1] += torch.tensor([-3.0, 0.0, 0.0])
    figures = figures_of([geometry], x)
    assert set(figures) == {f"{NAME}.log_likelihood", f"{NAME}.satisfied"}
    assert figures[f"{NAME}.satisfied"].tolist() == pytest.approx([1.0, 4 / 6])
    strain = residue_figures_of([geometry], x[1])[f"{NAME}.strain"]
    assert strain.shape == (4,) and strain.argmax() == 0
    assert log_likelihoods([geometry], x) == {}  # what a prediction says of itself chooses no replica
    assert described([geometry], x[:1]) == {"measurements": {NAME: {"log_likelihood": 0.0, "satisfied": 1.0}}}
