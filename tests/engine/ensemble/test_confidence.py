"""Spread between replicas, and the confidence it gives."""

from __future__ import annotations

import pytest
import torch

from adp3d.ensemble.confidence import HALF_CONFIDENCE_SPREAD, replica_confidence, replica_spread


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
