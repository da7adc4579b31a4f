"""Closed forms, an independent implementation, and deposited models."""

from __future__ import annotations

import time

import numpy as np
import pytest
from shared_data import shared_file

from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.structure.read import read_structure
from adp3d.validation.atoms import heavy_atoms
from adp3d.validation.q_score import Q_SIGMA, q_scores, sphere_points


def gaussians(
    points, sigma: float = Q_SIGMA, step: float = 0.2, offset: float = 0.0, height: float = 1.0
) -> DensityMap:
    points = np.asarray(points, float)
    low = points.min(0) - 4.0
    shape = np.ceil((np.ptp(points, axis=0) + 8.0) / step).astype(int)
    grid = np.stack(np.meshgrid(*(low[k] + step * np.arange(shape[k]) for k in range(3)), indexing="ij"), -1)
    values = sum(np.exp(-0.5 * ((grid - p) ** 2).sum(-1) / sigma**2) for p in points)
    return DensityMap((offset + height * values).astype(np.float32), low, np.eye(3) * step)


def test_a_gaussian_of_that_width_gives_one():
    density = gaussians([[1.0, 2.0, 3.0]], step=0.1)
    assert q_scores(density, [[1.0, 2.0, 3.0]])[0] == pytest.approx(1.0, abs=1e-3)


def test_height_and_offset_of_the_map_do_not_matter_but_its_sign_does():
    place = [[0.0, 0.0, 0.0]]
    plain = q_scores(gaussians(place), place)[0]
    assert q_scores(gaussians(place, offset=5.0, height=3.0), place)[0] == pytest.approx(plain, abs=1e-5)
    assert q_scores(gaussians(place, height=-1.0), place)[0] == pytest.approx(-plain, abs=1e-5)


def test_other_widths_give_the_correlation_of_two_gaussians():
    radius = np.repeat(np.arange(21) * 0.1, 8)
    for sigma in (0.4, 1.0, 2.0):
        wanted = np.corrcoef(np.exp(-0.5 * (radius / Q_SIGMA) ** 2), np.exp(-0.5 * (radius / sigma) ** 2))[0, 1]
        assert q_scores(gaussians([[0.0, 0, 0]], sigma, 0.1), [[0.0, 0, 0]])[0] == pytest.approx(wanted, abs=3e-3)


def test_density_of_neighbours_is_left_to_them():
    pair = [[0.0, 0.0, 0.0], [1.5, 0.0, 0.0]]
    density = gaussians(pair, step=0.15)
    together, alone = q_scores(density, pair), q_scores(density, pair[:1])
    assert together[0] == pytest.approx(together[1], abs=0.02) and together[0] > alone[0] + 0.02


def test_no_density_gives_zero_and_outside_counts_as_zero():
    flat = DensityMap(np.full((20, 20, 20), 2.0, np.float32), np.zeros(3), np.eye(3))
    assert q_scores(flat, [[10.0, 10, 10]]).tolist() == [0.0]
    assert q_scores(flat, [[500.0, 0, 0]]).tolist() == [0.0] and q_scores(flat, np.zeros((0, 3))).shape == (0,)


def test_points_cover_the_sphere_evenly():
    for count in (8, 30, 106):
        points = sphere_points(count)
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0)
        assert np.linalg.norm(points.mean(0)) < 0.15
        apart = np.linalg.norm(points[:, None] - points, axis=-1) + 9.0 * np.eye(count)
        assert apart.min() > 1.5 / np.sqrt(count)


def _compared(density, atoms):
    jqscore = pytest.importorskip("jqscore", reason="the independent implementation is not installed")
    pytest.importorskip("jax")
    assert density.is_orthogonal
    # without the resampling of cut-out maps, which is a matter of MapQ's program and not of its definition
    scores, *_ = jqscore.qscores_from_arrays(
        atoms.xyz,
        np.ones(len(atoms), bool),
        atoms.residue,
        np.ascontiguousarray(density.values.transpose(2, 1, 0)),
        density.origin,
        density.voxel_size,
        sigma=Q_SIGMA,
        mapq_compat=False,
    )
    return scores


def test_equals_an_independent_implementation(small):
    density, atoms = small.density, heavy_atoms(read_structure(small.deposited))
    np.testing.assert_allclose(q_scores(density, atoms.xyz), _compared(density, atoms), atol=1e-4)


@pytest.mark.parametrize(
    ("folder", "model", "low", "high"),
    [("emd-20026", "deposited.pdb", 0.85, 0.93), ("emd-30342", "deposited.cif", 0.40, 0.52)],
)
def test_known_maps(folder, model, low, high):
    """Q of well-fitted models falls from 0.9 at 1.75 A to 0.4 or 0.5 at 3.9 A (Pintilie et al. 2020, figure 3)."""
    density = read_map(shared_file(f"maps/{folder}/map.mrc"))
    atoms = heavy_atoms(read_structure(shared_file(f"maps/{folder}/{model}")))
    start = time.perf_counter()
    scores = q_scores(density, atoms.xyz)
    assert time.perf_counter() - start < 60, "a few seconds on an idle core"
    assert low < scores.mean() < high and scores.min() >= -1 and scores.max() <= 1
    np.testing.assert_allclose(scores, _compared(density, atoms), atol=1e-4)
