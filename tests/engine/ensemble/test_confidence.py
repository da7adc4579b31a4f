"""Spread between replicas, and the confidence it gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.ensemble.confidence import (
    HALF_CONFIDENCE_SPREAD,
    calibrated_confidence,
    replica_confidence,
    replica_spread,
    uncalibrated_confidence,
)


def replicas(*offsets):
    x = torch.zeros(len(offsets), 5, 4, 3, dtype=torch.float64)
    for i, offset in enumerate(offsets):
        x[i, 2, 1, 0] = offset
    return x


def test_spread_is_the_rms_distance_of_ca_from_the_chosen_replica():
    spread = replica_spread(replicas(1.0, 4.0, -3.0), 0)
    expected = torch.zeros(5, dtype=torch.float64)
    expected[2] = ((9 + 16) / 2) ** 0.5
    torch.testing.assert_close(spread, expected)
    assert float(replica_spread(replicas(1.0, 4.0, -3.0), 1)[2]) == pytest.approx(((9 + 49) / 2) ** 0.5)


def test_other_atoms_do_not_count():
    x = replicas(0.0, 0.0)
    x[1, :, [0, 2, 3]] = 5.0
    assert replica_spread(x, 0).abs().max() == 0


def test_one_replica_says_nothing():
    spread = replica_spread(replicas(3.0), 0)
    torch.testing.assert_close(replica_confidence(spread), torch.full((5,), 50.0, dtype=torch.float64))


def test_documented_scale():
    spread = torch.tensor([0.0, 1.0, HALF_CONFIDENCE_SPREAD, 5.0])
    torch.testing.assert_close(replica_confidence(spread), torch.tensor([100.0, 80.0, 50.0, 100 / 7.25]))
    falling = replica_confidence(torch.linspace(0, 100, 200))
    assert (falling.diff() < 0).all() and falling.min() > 0


@pytest.mark.parametrize("resolution", [1.2, 2.0, 3.0, 4.5, 7.0, 12.0])
def test_calibration_keeps_the_order_and_the_ends(resolution):
    stated = np.linspace(0.0, 100.0, 201)
    said = calibrated_confidence(stated, resolution)
    assert (np.diff(said)[:-1] > 0).all() and said[0] == 0.0 and 50.0 < said[-1] <= 100.0
    np.testing.assert_allclose(uncalibrated_confidence(said, resolution)[:-1], stated[:-1], rtol=1e-6, atol=1e-9)
    assert calibrated_confidence(np.array([4.0]), resolution)[0] == pytest.approx(0.4 * said[20])


def test_the_same_agreement_means_less_in_worse_maps():
    said = [calibrated_confidence(np.array([80.0]), resolution)[0] for resolution in (2.0, 3.0, 4.0, 6.0, 8.0)]
    np.testing.assert_allclose(said, [99, 96, 90, 65, 39], atol=1.0)
    assert calibrated_confidence(np.array([80.0]), 1.0)[0] == said[0]
