"""Replicas ranked by standardised terms."""

from __future__ import annotations

import pytest
import torch

from adp3d.ensemble.ranking import rank_replicas


def test_score_in_closed_form():
    fit = torch.tensor([0.1, 0.3, 0.2], dtype=torch.float64)  # spread 0.1, larger than the scale
    energy = torch.tensor([-1.0, -1.0, -1.3], dtype=torch.float64)  # spread 0.17, smaller
    ranking = rank_replicas({"fit": fit, "energy": energy}, {"fit": 0.01, "energy": 1.0})
    expected = (fit - 0.2) / 0.1 + (energy + 1.1)
    torch.testing.assert_close(ranking.score, expected)
    assert ranking.order == (1, 2, 0)
    assert ranking.chosen == 1


def test_further_log_likelihoods_count_by_their_scale_or_their_spread():
    scales = {"fit": 0.01, "log_likelihood": 5.0}
    fit = torch.tensor([0.30, 0.31, 0.29])
    alike, apart = torch.tensor([-100.0, -102.0, -98.0]), torch.tensor([-100.0, -400.0, -100.0], dtype=torch.float64)
    plain = rank_replicas({"fit": fit}, scales)
    ranking = rank_replicas({"fit": fit}, scales, {"distances": alike, "saxs": apart})
    expected = plain.score + (alike + 100.0) / 5.0 + (apart + 200.0).float() / float(apart.std())
    torch.testing.assert_close(ranking.score, expected)
    assert plain.chosen == 1 and ranking.order == (0, 2, 1)


def test_a_term_on_which_all_agree_does_not_decide():
    agreed = torch.tensor([0.80001, 0.80000, 0.80002])
    other = torch.tensor([2.0, 3.0, 1.0])
    assert rank_replicas({"a": agreed, "b": other}, {"a": 0.01, "b": 0.1}).order == (1, 0, 2)


def test_ties_keep_the_order_and_one_replica_is_fine():
    assert rank_replicas({"a": torch.zeros(4)}, {"a": 1.0}).order == (0, 1, 2, 3)
    single = rank_replicas({"a": torch.tensor([3.0])}, {"a": 1.0})
    assert single.order == (0,) and float(single.score[0]) == 0.0


def test_ranking_does_not_depend_on_units_or_offsets():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 9, generator=generator, dtype=torch.float64)
    plain = rank_replicas({"a": a, "b": b}, {"a": 0.5, "b": 2.0})
    moved = rank_replicas({"a": 10 * a + 3, "b": b - 50}, {"a": 5.0, "b": 2.0})
    torch.testing.assert_close(moved.score, plain.score)
    assert moved.order == plain.order


def test_every_term_needs_a_scale():
    with pytest.raises(KeyError):
        rank_replicas({"a": torch.zeros(2)}, {})
