"""Which distances of a prediction count, and for how much."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adp3d.predictions.local_distances import (
    NEIGHBOURS,
    RADIUS,
    local_distances,
    sigma_of_aligned_error,
    sigma_of_lddt,
)
from adp3d.validation.lddt import ca_lddt


def globule(n: int = 300, seed: int = 0) -> np.ndarray:
    """Points as dense as CA atoms of a protein: one per 130 cubic angstrom."""
    return np.random.default_rng(seed).uniform(0, (130.0 * n) ** (1 / 3), (n, 3))


def test_lddt_is_inverted_by_hand():
    # sigma 1 A: erf(theta / sqrt 2) of 0.5, 1, 2, 4
    expected = np.mean([math.erf(theta / math.sqrt(2)) for theta in (0.5, 1.0, 2.0, 4.0)])
    assert sigma_of_lddt(np.array([expected])) == pytest.approx([1.0], rel=1e-3)
    assert sigma_of_lddt(np.array([0.9, 0.7, 0.5])) == pytest.approx([0.527, 1.224, 2.377], abs=2e-3)
    assert sigma_of_lddt(np.array([1.0])) == sigma_of_lddt(np.array([0.99])) == pytest.approx([0.243], abs=1e-3)
    assert (np.diff(sigma_of_lddt(np.linspace(0.05, 0.99, 50))) < 0).all()


def test_distances_with_that_error_have_that_lddt():
    truth = globule(400)
    for score in (0.6, 0.8, 0.95):
        sigma = float(sigma_of_lddt(np.array([score]))[0])
        # coordinates off by sigma / sqrt 2 in each direction: distances by sigma
        moved = truth + np.random.default_rng(1).normal(0, sigma / math.sqrt(2), truth.shape)
        assert float(ca_lddt(moved, truth).overall) == pytest.approx(score, abs=0.02)


def test_aligned_errors_are_mean_lengths():
    errors = np.random.default_rng(0).normal(0, 1.5, (200_000, 3))
    mean = float(np.sqrt((errors**2).sum(1)).mean())
    found = sigma_of_aligned_error(np.array([mean, 20.0]), np.array([20.0, mean]))
    assert found[0] == found[1] == pytest.approx(1.5, rel=0.01)


def test_distances_are_those_of_the_model_and_near():
    ca = globule()
    found = local_distances(ca, np.zeros(300, int), np.full(300, 0.5))
    i, j = found.pairs.T
    assert found.distance == pytest.approx(np.linalg.norm(ca[i] - ca[j], axis=1))
    assert found.distance.max() <= RADIUS and (j - i >= 3).all()
    assert len(np.unique(found.pairs, axis=0)) == len(found) and found.sigma == pytest.approx(0.5)


def test_each_residue_chooses_its_number_evenly():
    ca = globule(500)
    found = local_distances(ca, np.zeros(500, int), np.full(500, 0.5))
    degree = np.bincount(found.pairs.ravel(), minlength=500)
    available = (np.linalg.norm(ca[:, None] - ca[None], axis=-1) < RADIUS).sum(1) - 5
    assert (degree >= np.minimum(NEIGHBOURS, available)).all()
    assert degree.mean() < 2 * NEIGHBOURS
    # lengths as among all neighbours, not those of the nearest
    everything = local_distances(ca, np.zeros(500, int), np.full(500, 0.5), neighbours=10_000)
    assert found.distance.mean() == pytest.approx(everything.distance.mean(), rel=0.05)


def test_the_number_grows_in_proportion_to_the_residues():
    small, large = (len(local_distances(globule(n), np.zeros(n, int), np.full(n, 0.5))) / n for n in (500, 4000))
    assert large == pytest.approx(small, rel=0.1)


def test_residues_of_which_nothing_is_known_have_none():
    ca, sigma = globule(60), np.full(60, 0.5)
    ca[5], sigma[7] = np.nan, np.nan
    found = local_distances(ca, np.zeros(60, int), sigma)
    assert len(found) and not np.isin(found.pairs, (5, 7)).any()
    nothing = local_distances(np.full((4, 3), np.nan), np.zeros(4, int), np.full(4, 0.5))
    assert len(nothing) == 0 and nothing.pairs.shape == (0, 2)


def test_variances_are_means_of_both_residues():
    ca = np.array([[0.0, 0, 0], [3.8, 0, 0], [3.8, 3.8, 0], [0, 3.8, 0]])
    found = local_distances(ca, np.zeros(4, int), np.array([0.3, 1.0, 1.0, 0.7]))
    assert found.pairs.tolist() == [[0, 3]]
    assert found.sigma == pytest.approx([math.sqrt((0.09 + 0.49) / 2)])


def test_aligned_errors_widen_and_end_distances_and_join_chains():
    ca = np.array([[0.0, 0, 0], [5.0, 0, 0], [0, 5.0, 0]])
    chains, sigma = np.array([0, 1, 2]), np.full(3, 0.5)
    assert len(local_distances(ca, chains, sigma)) == 0  # pLDDT says nothing of other chains
    error = np.array([[0.2, 3.0, 30.0], [4.0, 0.2, 0.2], [25.0, 0.3, 0.2]])
    found = local_distances(ca, chains, sigma, error)
    assert found.pairs.tolist() == [[0, 1], [1, 2]]
    assert found.sigma == pytest.approx([3.0 / (2 * math.sqrt(2 / math.pi)), 0.5])
    unknown = np.full((3, 3), np.nan)
    assert len(local_distances(ca, chains, sigma, unknown)) == 0
