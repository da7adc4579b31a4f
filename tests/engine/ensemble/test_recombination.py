"""Segments of several replicas put together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from adp3d.ensemble.recombination import Deciding, missing_segments, recombine, supported_ends


def flags(text: str) -> np.ndarray:
    return np.array([letter == "#" for letter in text])


def test_segments_end_at_known_residues_and_at_chain_ends():
    known = flags("..##..|.#..".replace("|", ""))
    chains = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    assert missing_segments(known, chains) == [slice(0, 2), slice(4, 6), slice(6, 7), slice(8, 10)]
    assert missing_segments(flags("###"), np.zeros(3, np.int64)) == []
    assert missing_segments(flags("..."), np.array([0, 1, 2])) == [slice(0, 1), slice(1, 2), slice(2, 3)]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_segments_are_the_runs_of_missing_residues(rows):
    known = np.array([row[0] for row in rows])
    chains = np.cumsum([False, *(row[1] for row in rows[1:])])
    segments = missing_segments(known, chains)
    covered = [i for s in segments for i in range(s.start, s.stop)]
    assert covered == np.flatnonzero(~known).tolist()
    for s in segments:
        assert len(set(chains[s])) == 1
    for a, b in pairwise(segments):  # as long as they can be
        assert a.stop < b.start or chains[a.stop - 1] != chains[b.start]


def test_each_segment_comes_from_where_it_is_best():
    x = torch.arange(3.0)[:, None, None, None].expand(3, 7, 4, 3)
    quality = np.zeros((3, 7))
    quality[2, 1:3] = 0.5
    quality[0, 1] = 0.9  # better in one residue, worse on average
    quality[1, 5:] = [np.nan, 0.1]
    quality[0, 5:] = [0.2, 0.1]
    done = recombine(x, quality, [slice(1, 3), slice(5, 7)], base=1)
    assert done.source == (2, 0)
    np.testing.assert_allclose(done.score, (0.5, 0.15))
    assert done.x[:, 0, 0].tolist() == [1, 2, 2, 1, 1, 0, 0]
    assert torch.equal(x[1], torch.ones(7, 4, 3))  # the input is not touched


def test_what_else_is_measured_decides_where_quality_differs_by_chance():
    x = torch.arange(3.0)[:, None, None, None].expand(3, 12, 4, 3).clone()
    x[:, 9:] *= 0.2  # here they run the same way
    quality = np.zeros((3, 12))
    quality[:, 1:3] = np.array([0.50, 0.52, 0.50])[:, None]
    quality[:, 5:8] = np.array([0.50, 0.58, 0.50])[:, None]
    asked = []

    def log_likelihoods(several):
        asked.append(several.clone())
        return -40.0 * several[:, 1:8, 0, 0].mean(1)  # the first replica meets them best

    segments = [slice(1, 3), slice(5, 8), slice(9, 12)]
    done = recombine(x, quality, segments, 2, Deciding((0.05,) * 3, (log_likelihoods,)))
    # of the first segment the map knows little; of the second it is sure
    assert done.source == (0, 1, 0)
    np.testing.assert_allclose(done.score, (0.50, 0.58, 0.0))
    assert done.x[:9, 0, 0].tolist() == [2, 0, 0, 2, 2, 1, 1, 1, 2]
    # the longest one was asked for first, with the other as the map has it
    assert [one[:, 5, 0, 0].tolist() for one in asked] == [[0, 1, 2], [1, 1, 1]]
    assert [one[:, 1, 0, 0].tolist() for one in asked] == [[1, 1, 1], [0, 1, 2]]
    assert torch.equal(x[1, :9], torch.ones(9, 4, 3))


def decided(qualities, nats):
    """Replica that one segment is taken from, by its qualities in units of chance and by one judge."""
    count = len(qualities)
    x = torch.arange(float(count))[:, None, None, None].expand(count, 3, 4, 3).clone()
    quality = np.repeat(np.array(qualities)[:, None], 3, 1)
    asked = []

    def judge(several):
        asked.append(several)
        return torch.tensor(nats)

    (source,) = recombine(x, quality, [slice(0, 3)], 0, Deciding((1.0,), (judge,))).source
    return source, len(asked)


def test_a_clear_map_is_not_asked_whether_it_is_right():
    assert decided([0.0, 2.1, 0.0], [0.0, -1e9, 0.0]) == (1, 0)
    assert decided([0.0, 1.9, 0.0], [0.0, -1e9, 0.0])[1] == 1


def test_one_structure_that_went_astray_does_not_make_the_others_alike():
    assert decided([0.0, 0.1, 0.0, 0.0], [-10.0, -120.0, -130.0, -9500.0])[0] == 0
    assert decided([0.3, 0.3, 0.3, 0.9], [-10.0, -20.0, float("nan"), -5.0])[0] == 3
    assert decided([0.3, 0.9, 0.3], [float("nan")] * 3)[0] == 1


def test_nothing_missing_gives_the_base():
    x = torch.randn(2, 5, 4, 3)
    done = recombine(x, np.zeros((2, 5)), [], base=1)
    assert done.source == () and done.score == ()
    assert torch.equal(done.x, x[1])


def test_supported_segments_and_ends():
    good = np.full(12, 0.9)
    assert supported_ends(good, slice(2, 8), 0.5) == [2, 3, 4, 5, 6, 7]
    broken = good.copy()
    broken[5:7] = [-1.0, np.nan]
    # up to the first bad residue on either side, less one for safety
    assert supported_ends(broken, slice(2, 11), 0.8) == [2, 3, 8, 9, 10]
    poor = np.zeros(12)
    assert supported_ends(poor, slice(2, 8), 0.5) == []
    late = np.array([0.9, 0.9, 0.9, 0.0, 0.0, 0.0])
    assert supported_ends(late, slice(0, 6), 0.8) == [0, 1]


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(-1, 1) | st.just(np.nan)), st.floats(-0.9, 0.95))
def test_only_good_residues_at_the_ends_are_taken_from_a_poor_segment(quality, threshold):
    whole = slice(0, len(quality))
    chosen = supported_ends(quality, whole, threshold)
    values = np.nan_to_num(quality, nan=-1.0)
    assert chosen == sorted(set(chosen))
    if values.mean() >= threshold or (values >= threshold).all():
        assert chosen == list(range(len(quality)))
        return
    assert (values[chosen] >= threshold).all()
    missing = np.setdiff1d(np.arange(len(quality)), chosen)
    assert len(missing) and (np.diff(missing) == 1).all()  # one gap in the middle


def test_a_segment_at_the_threshold_counts_as_found():
    """The mean of ten equal numbers may be rounded to below them."""
    level = 0.7869760108647843
    assert supported_ends(np.full(10, level), slice(0, 10), level) == list(range(10))
