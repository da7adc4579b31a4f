from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.validation.superpose import superpose
from adp3d.validation.tm import tm_score


def test_rigid_motion_scores_one_and_mirror_image_does_not(helix: np.ndarray) -> None:
    ca = helix[:, 1]
    moved = ca @ Rotation.from_euler("xyz", [0.4, 1.0, 2.0]).as_matrix().T + 30.0
    assert tm_score(moved, ca) == pytest.approx(1.0, abs=1e-3)
    assert tm_score(-ca, ca) < 0.8


def test_at_least_the_score_of_the_least_squares_superposition() -> None:
    rng = np.random.default_rng(0)
    reference = np.cumsum(rng.normal(size=(80, 3)) * 2.2, axis=0)
    model = reference + rng.normal(size=(80, 3)) * 1.5
    model[60:] += 15.0
    d0 = 1.24 * (80 - 15) ** (1 / 3) - 1.8
    squared = ((superpose(model, reference) - reference) ** 2).sum(-1)
    least = (1 / (1 + squared / d0**2)).mean()
    assert least < tm_score(model, reference) < 1.0


def test_correspondence_is_kept(helix: np.ndarray) -> None:
    ca = helix[:, 1]
    # Two thirds of a helix, shifted by ten residues, fit the rest of it; free alignment would find more.
    assert tm_score(np.roll(ca, 10, axis=0), ca) == pytest.approx(2 / 3, abs=0.01)
    rng = np.random.default_rng(1)
    trace = np.cumsum(rng.normal(size=(60, 3)) * 2.2, axis=0)
    assert tm_score(trace[rng.permutation(60)], trace) < 0.3


def test_missing_residues_count_as_lost_but_unknown_reference_ones_do_not(helix: np.ndarray) -> None:
    ca = helix[:, 1]
    half = ca.copy()
    half[15:] = np.nan
    assert tm_score(half, ca) == pytest.approx(0.5, abs=1e-3)
    assert tm_score(ca, half) == pytest.approx(1.0, abs=1e-3)
    assert np.isnan(tm_score(ca, np.full_like(ca, np.nan)))
    with pytest.raises(ValueError, match="correspond"):
        tm_score(ca, ca[:5])
