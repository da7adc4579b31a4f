from __future__ import annotations

import numpy as np
import pytest

from adp3d.validation.handedness import (
    FOLD_BINS,
    LOCAL_BINS,
    Tables,
    fold_features,
    handedness,
    load_tables,
    local_features,
)


def test_helix_and_its_mirror_image(helix: np.ndarray) -> None:
    ca = helix[:, 1]
    found = handedness(np.stack([ca, -ca, ca * [1, 1, -1]]))
    np.testing.assert_allclose(found.helix, [1.0, -1.0, -1.0])
    assert found.local[0] > 1.0
    np.testing.assert_allclose(found.local[1:], -found.local[0], atol=1e-9)
    assert found.mirrored.tolist() == [False, True, True]


def test_twisted_strand_has_no_helix_but_a_hand(strand: np.ndarray) -> None:
    found = handedness(np.stack([strand[:, 1], -strand[:, 1]]))
    assert np.isnan(found.helix).all()
    assert found.local[0] > 0.2 and found.mirrored.tolist() == [False, True]


def test_noise_of_an_angstrom_does_not_hide_the_hand(helix: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    noisy = helix[:, 1] + rng.normal(size=(16, 30, 3)) * 0.5
    assert not handedness(noisy).mirrored.any() and handedness(-noisy).mirrored.all()


def test_tables_are_odd_under_reflection() -> None:
    tables = load_tables()
    assert tables.local.shape == LOCAL_BINS and tables.fold.shape == FOLD_BINS
    np.testing.assert_allclose(tables.local, -tables.local[::-1])
    np.testing.assert_allclose(tables.fold, -tables.fold[::-1])


@pytest.mark.parametrize("degrees", [-40.0, 200.0])
def test_fold_ignores_the_local_helix(degrees: float) -> None:
    """Two helices in the common crossings (-50 and +20 degrees): the score follows these, not their hand."""
    turn = np.deg2rad(degrees)
    tilt = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])

    def wound(hand: float) -> np.ndarray:
        angle = hand * np.deg2rad(100.0) * np.arange(24)
        one = np.stack([2.3 * np.cos(angle), 2.3 * np.sin(angle), 1.5 * np.arange(24) - 17.0], axis=1)
        return np.concatenate([one, one @ tilt.T + [9.0, 0.0, 0.0]])

    linked = np.ones(47, bool)
    linked[23] = False
    right, left = handedness(np.stack([wound(1.0), wound(-1.0)]), linked).fold
    assert right == pytest.approx(left, abs=0.1) and right > 0.2
    assert handedness(-wound(1.0), linked).fold < -0.2
    assert handedness(wound(1.0), linked).helix == 1.0 and handedness(wound(-1.0), linked).helix == -1.0


def test_missing_residues_breaks_and_short_chains(helix: np.ndarray) -> None:
    ca = helix[:, 1].copy()
    ca[10] = np.nan
    linked = np.ones(29, bool)
    linked[20] = False
    assert local_features(ca, linked)[0].size == 27 - 4 - 3
    assert handedness(ca, linked).helix == pytest.approx(1.0)
    nothing = handedness(np.zeros((2, 3, 3)))
    assert np.isnan(nothing.local).all() and np.isnan(nothing.fold).all() and not nothing.mirrored.any()
    assert fold_features(ca[:9])[0].size == 0


def test_own_tables(helix: np.ndarray) -> None:
    found = handedness(helix[:, 1], tables=Tables(np.full(LOCAL_BINS, 2.0), np.full(FOLD_BINS, 3.0)))
    assert found.local == pytest.approx(2.0) and found.fold == pytest.approx(3.0)
