"""Measurements simulated for jobs that take several."""

import numpy as np
import pytest
import torch

from adp3d.measurement.saxs_beads import HYDROGENS, contrast
from adp3d.measurement.saxs_curve import read_curve
from adp3d.structure.polymer import Polymer
from adp3d.training.dataset import ELEMENTS, AtomCloud

SEQUENCE = "AKA" * 12


@pytest.fixture
def combination(load):
    return load("combination")


@pytest.fixture
def protein(load):
    """A line of residues, each of its backbone alone, after two that the run leaves out."""
    n = len(SEQUENCE)
    x = np.zeros((n, 4, 3), np.float32)
    x[:, :, 0] = 3.8 * np.arange(n)[:, None] + np.array([-1.2, 0.0, 1.2, 1.2])
    x[:, 3, 1] = 1.2
    more = np.concatenate([x[:2] - [20.0, 0.0, 0.0], x]).astype(np.float32)
    cloud = AtomCloud(
        more.reshape(-1, 3),
        np.tile([ELEMENTS.index(e) for e in "NCCO"], n + 2).astype(np.uint8),
        np.repeat(np.arange(n + 2), 4).astype(np.int32),
        np.full(4 * (n + 2), 20.0, np.float32),
    )
    return load("held_out").Protein("line", Polymer.single_chain(SEQUENCE), torch.from_numpy(x), cloud)


def test_a_curve_begins_with_the_electrons_of_the_run(combination, protein, monkeypatch):
    monkeypatch.setattr(combination, "Q", np.array([1e-6, 0.1]))
    heavy = sum(contrast(e, np.array([0.0]))[0] for e in "NCCO")
    hydrogens = sum(HYDROGENS[letter] + 2 for letter in SEQUENCE)
    expected = len(SEQUENCE) * heavy + hydrogens * contrast("H", np.array([0.0]))[0]
    start, later = combination.scattering(protein)
    assert start == pytest.approx(expected**2, rel=1e-4) and later < start


def test_a_curve_is_read_as_it_was_written(combination, protein, tmp_path):
    combination.write_curve(tmp_path / "curve.dat", protein, np.random.default_rng(0))
    curve = read_curve(tmp_path / "curve.dat")
    exact = combination.scattering(protein)
    np.testing.assert_allclose(curve.q, combination.Q, atol=1e-5)
    off = (curve.intensity - exact) / curve.sigma
    assert curve.sigma[0] / exact[0] == pytest.approx(0.01, rel=0.2) and 0.5 < off.std() < 1.5


def test_distances_concern_what_is_missing(combination, protein, tmp_path):
    known = np.arange(len(SEQUENCE)) < 24
    combination.write_distances(tmp_path / "pairs.csv", protein, known, np.random.default_rng(1))
    rows = np.genfromtxt(tmp_path / "pairs.csv", delimiter=",", skip_header=1)
    first, second, distance = rows[:, 0].astype(int) - 1, rows[:, 1].astype(int) - 1, rows[:, 2]
    apart = 3.8 * (second - first)
    assert len(rows) == 4 and not (known[first] & known[second]).any()
    assert ((apart > 8.0) & (apart < 30.0)).all() and (np.abs(distance - apart) < 4.0).all()
