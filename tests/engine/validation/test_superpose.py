from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from adp3d.validation.superpose import kabsch, rmsd, superpose


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40))
def test_recovers_any_rigid_motion(seed: int, points: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(points, 3)) * 10
    rotation = Rotation.random(rng=rng).as_matrix()
    mobile = target @ rotation.T + rng.normal(size=3) * 50
    motion = kabsch(mobile, target)
    np.testing.assert_allclose(motion.apply(mobile), target, atol=1e-8)
    assert np.linalg.det(motion.rotation) == pytest.approx(1.0)
    assert rmsd(mobile, target, superposed=True) < 1e-8


def test_superposition_is_optimal_against_scipy() -> None:
    rng = np.random.default_rng(1)
    a, b, weights = rng.normal(size=(20, 3)), rng.normal(size=(20, 3)), rng.uniform(0.1, 3, 20)
    motion = kabsch(a, b, weights=weights)
    centre_a, centre_b = (np.average(p, axis=0, weights=weights) for p in (a, b))
    expected, _ = Rotation.align_vectors(b - centre_b, a - centre_a, weights=weights)
    np.testing.assert_allclose(motion.rotation, expected.as_matrix(), atol=1e-9)


def test_mirror_image_needs_mirror() -> None:
    rng = np.random.default_rng(2)
    target = rng.normal(size=(30, 3)) * 5
    mirrored = target * [1, 1, -1] + 7.0
    assert rmsd(mirrored, target, superposed=True) > 1.0
    assert rmsd(mirrored, target, superposed=True, mirror=True) < 1e-9
    assert np.linalg.det(kabsch(mirrored, target, mirror=True).rotation) == pytest.approx(-1.0)
    assert np.linalg.det(kabsch(target, target, mirror=True).rotation) == pytest.approx(-1.0)


def test_batches_masks_and_missing_points() -> None:
    rng = np.random.default_rng(3)
    target = rng.normal(size=(12, 3)) * 4
    rotations = Rotation.random(5, rng=rng).as_matrix()
    mobile = target @ np.swapaxes(rotations, -1, -2) + rng.normal(size=(5, 1, 3))
    mask = np.ones((5, 12), bool)
    mask[:, 3] = False
    mask[2, 7] = False
    mobile[:, 3] = np.nan
    mobile[2, 7] += 100.0
    assert rmsd(mobile, target, mask, superposed=True).shape == (5,)
    np.testing.assert_allclose(rmsd(mobile, target, mask, superposed=True), 0.0, atol=1e-8)
    moved = superpose(mobile, target, mask)
    assert np.isnan(moved[:, 3]).all()
    np.testing.assert_allclose(moved[0, :3], target[:3], atol=1e-8)


def test_rmsd_in_place_is_the_formula() -> None:
    a = np.zeros((4, 3))
    b = np.array([[1.0, 0, 0], [0, 2.0, 0], [0, 0, 2.0], [100, 100, 100]])
    assert rmsd(a, b, np.array([True, True, True, False])) == pytest.approx(np.sqrt(9 / 3))


@pytest.mark.parametrize(
    ("mask", "kind"),
    [(np.zeros(3, bool), "select"), (np.array([True, True, True]), "finite")],
)
def test_unusable_selections_are_refused(mask: np.ndarray, kind: str) -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [np.nan, 0, 0]])
    with pytest.raises(ValueError, match=kind):
        kabsch(points, np.zeros((3, 3)), mask)
    with pytest.raises(ValueError, match="correspond"):
        kabsch(points, np.zeros((4, 3)))
    with pytest.raises(ValueError, match="superposed"):
        rmsd(np.zeros((3, 3)), np.zeros((3, 3)), mirror=True)
