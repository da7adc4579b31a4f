"""Density beside a trace against residue types."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from atom14_model import demo_atom14
from scipy.stats import multivariate_normal

from adp3d.structure.polymer import AMINO_ACIDS
from adp3d.tracing.field import FreeDensity
from adp3d.tracing.sequence_fit import (
    DISTANCES,
    RESOLUTIONS,
    SideChainDensity,
    clarity_of,
    load_side_chain_density,
    probability_right,
    sequence_fit,
    values_beside,
)


def test_log_ratio_is_that_of_two_normal_distributions():
    rng = np.random.default_rng(0)
    count = len(DISTANCES)
    a, b = (np.eye(count) + 0.3 * np.ones((count, count)) * scale for scale in (1.0, 2.0))
    table = SideChainDensity(rng.standard_normal((20, count)), a, np.zeros(count), b, 0.5, -0.5)
    values, types = rng.standard_normal((6, count)), np.array([0, 3, 19, 3, 7, 7])
    own = [multivariate_normal(table.mean[kind], a).logpdf(row) for kind, row in zip(types, values, strict=True)]
    expected = own - multivariate_normal(np.zeros(count), b).logpdf(values)
    assert np.abs(expected).max() > 3.0 > np.abs(expected).min()
    np.testing.assert_allclose(table.log_ratio(values, types), np.clip(expected, -3.0, 3.0))
    others = np.mean([table.log_ratio(values, np.full(6, kind)) for kind in types], axis=0)
    np.testing.assert_allclose(table.log_ratio_of_others(values, types), others)


def test_statistics_are_interpolated_and_end_where_they_end():
    low, middle, high = (load_side_chain_density(one) for one in (*RESOLUTIONS[:1], 2.25, *RESOLUTIONS[1:2]))
    np.testing.assert_allclose(middle.mean, (low.mean + high.mean) / 2)
    np.testing.assert_allclose(load_side_chain_density(1.2).pooled, low.pooled)
    coarse = load_side_chain_density(9.0)
    np.testing.assert_allclose(coarse.mean, load_side_chain_density(RESOLUTIONS[-1]).mean)
    assert coarse.right - coarse.wrong < 0.6 * (low.right - low.wrong)


@pytest.mark.parametrize("resolution", [2.0, 4.0])
def test_larger_side_chains_are_denser(resolution):
    mean = load_side_chain_density(resolution).mean
    at_cb, further = mean[:, 0], mean[:, 2]
    glycine, alanine, tryptophan = (AMINO_ACIDS.index(one) for one in "GAW")
    assert at_cb[glycine] < at_cb[alanine] < at_cb[tryptophan]
    assert further[tryptophan] > further[alanine] + 0.3


def test_density_is_looked_at_on_the_side_of_cb(backbone, left_by):
    field = left_by(np.zeros(len(backbone), bool))
    n, ca, c = backbone[:, 0], backbone[:, 1], backbone[:, 2]
    # CB from the backbone (ideal geometry)
    first, second = ca - n, c - ca
    cb = ca - 0.5827 * np.cross(first, second) + 0.5680 * first - 0.5407 * second
    near = values_beside(field, ca[:-2], ca[1:-1], ca[2:])[:, 0]
    there = field.at(ca + 1.5 * (cb - ca) / np.linalg.norm(cb - ca, axis=-1, keepdims=True))[1:-1]
    assert np.corrcoef(near, there)[0, 1] > 0.8


def test_the_right_register_fits_best(backbone, left_by):
    field = left_by(np.zeros(len(backbone), bool))
    types, ca = demo_atom14()[1].numpy(), backbone[:, 1]
    statistics = load_side_chain_density(2.0)
    chains = np.zeros(len(types), np.int64)
    sums = {shift: sequence_fit(field, ca, np.roll(types, shift), chains, statistics).sum() for shift in range(-4, 5)}
    assert max(sums, key=sums.__getitem__) == 0
    assert sums[0] > 50.0 and max(value for shift, value in sums.items() if shift) < 0.0
    clarity = clarity_of(statistics.right, statistics.wrong, statistics)
    right = probability_right(sequence_fit(field, ca, types, chains, statistics), slice(40, 60), clarity)
    wrong = probability_right(sequence_fit(field, ca, np.roll(types, 1), chains, statistics), slice(40, 60), clarity)
    assert right.shape == (20,) and right.min() > 0.8 and wrong.mean() < 0.3


def test_ends_breaks_and_unknown_residues_say_nothing():
    field = FreeDensity(np.zeros((40, 40, 40), np.float32), np.zeros(3), 1.0)
    ca = np.cumsum(np.tile([2.0, 2.0, 2.0], (10, 1)) + np.array([[1.0, -1, 0], [-1, 1, 0]] * 5), 0)
    types = np.full(10, AMINO_ACIDS.index("W"))
    types[3] = 20
    chains = np.array([0] * 6 + [1] * 4)
    nats = sequence_fit(field, ca, types, chains, load_side_chain_density(3.0))
    np.testing.assert_array_equal(np.flatnonzero(nats == 0), [0, 3, 5, 6, 9])
    ca[8:] += 3.0
    broken = sequence_fit(field, ca, types, chains, load_side_chain_density(3.0))
    np.testing.assert_array_equal(np.flatnonzero(broken == 0), [0, 3, 5, 6, 7, 8, 9])


def test_probability_counts_what_is_around_and_only_in_the_segment():
    statistics = load_side_chain_density(3.0)
    nats = np.full(60, statistics.right)
    nats[30:] = statistics.wrong
    clarity = clarity_of(statistics.right, statistics.wrong, statistics)
    right = probability_right(nats, slice(0, 30), clarity)
    assert (right > 0.9).all() and right[0] < right[15]
    both = probability_right(nats, slice(0, 60), clarity)
    assert both[5] > 0.95 and both[55] < 0.1 and (np.diff(both[20:45]) <= 0).all()
    silent = probability_right(nats, slice(0, 60), replace(clarity, share=0.0))
    np.testing.assert_allclose(silent, 1 / (1 + np.exp(-2.0)))
    np.testing.assert_allclose(probability_right(np.zeros(5), slice(1, 4), clarity), silent[:3])


def test_a_map_that_tells_less_of_types_counts_less_and_from_where_it_is():
    statistics = load_side_chain_density(4.0)
    usual = clarity_of(statistics.right, statistics.wrong, statistics)
    assert usual.share == 1.0 and statistics.wrong < usual.middle < statistics.right
    # a map in which everything suits less, but types are told apart as well
    lower = clarity_of(statistics.right - 1.0, statistics.wrong - 1.0, statistics)
    assert lower.share == pytest.approx(1.0) and lower.middle == pytest.approx(usual.middle - 1.0)
    half = 0.5 * (statistics.right + statistics.wrong)
    assert clarity_of(half, statistics.wrong, statistics).share == pytest.approx(0.5)
    assert clarity_of(statistics.wrong, statistics.right, statistics).share == 0.0


def test_a_residue_that_the_map_does_not_show_says_nothing():
    along = np.arange(30)[:, None] * np.array([2.0, 2.0, 2.0]) + np.array([[1.0, -1, 0], [-1, 1, 0]] * 15)
    values = np.zeros((70, 70, 70), np.float32)
    values[30:] = -2.0
    field = FreeDensity(values, np.zeros(3), 1.0)
    types = np.full(30, AMINO_ACIDS.index("W"))
    nats = sequence_fit(field, along, types, np.zeros(30, np.int64), load_side_chain_density(3.0))
    hidden = along[:, 0] > 31
    assert (nats[1:-1][~hidden[1:-1]] != 0).all() and (nats[hidden] == 0).all()
