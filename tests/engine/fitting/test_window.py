"""What is sampled so that missing residues can be built: closed forms on straight chains."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.fitting import window
from adp3d.fitting.window import LEAST_STRETCH, cut_ends, window_around

STEP = 3.8


def strands(count, length, apart):
    """CA atoms of parallel straight chains, and the chain of each."""
    x = np.arange(length) * STEP
    ca = np.concatenate([np.stack([x, np.full(length, k * apart), np.zeros(length)], -1) for k in range(count)])
    return ca, np.repeat(np.arange(count), length)


def rows(found):
    return np.flatnonzero(found).tolist()


def test_residues_within_reach_of_a_gap_and_those_beside_them():
    ca, chains = strands(1, 60, 0.0)
    wanted = np.isin(np.arange(60), range(30, 35))
    near = int(window._NEAREST // STEP)  # residues beyond the one next to the gap
    flank = LEAST_STRETCH // 2
    assert rows(window_around(ca, wanted, chains)) == list(range(29 - near - flank, 36 + near + flank))


def test_where_missing_residues_are_said_to_be_does_not_matter():
    ca, chains = strands(2, 60, 100.0)
    wanted = np.isin(np.arange(120), range(30, 35))
    moved = np.where(wanted[:, None], ca + np.array([0.0, 100.0, 0.0]), ca)
    lost = np.where(wanted[:, None], np.nan, ca)
    for other in (moved, lost):
        np.testing.assert_array_equal(window_around(other, wanted, chains), window_around(ca, wanted, chains))


def test_residues_of_other_chains_that_are_near_the_line_between_the_ends():
    ca, chains = strands(3, 60, 6.0)
    wanted = np.isin(np.arange(180), range(30, 35))
    found = window_around(ca, wanted, chains)
    assert found[60 + 27 : 60 + 38].all() and not found[60:70].any()
    far, chains = strands(3, 60, 30.0)
    assert not window_around(far, wanted, chains)[60:].any()


def test_ends_of_chains_reach_further_and_longer_gaps_too():
    ca, chains = strands(1, 100, 0.0)

    def size(first, last):
        wanted = np.isin(np.arange(100), range(first, last))
        return int(window_around(ca, wanted, chains).sum()) - (last - first)

    assert size(50, 78) > size(50, 54) == size(50, 62), "half an angstrom for each residue of more than 16"
    assert size(86, 100) == size(50, 78) // 2, "ends count twice"


def test_no_stretch_is_shorter_than_the_least_and_none_is_left_over():
    rng = np.random.default_rng(0)
    ca = np.cumsum(rng.normal(size=(200, 3)) * 2.2, 0)
    chains = np.repeat([0, 1, 2], [80, 80, 40])
    wanted = np.isin(np.arange(200), [*range(20, 27), *range(100, 103)])
    found = window_around(ca, wanted, chains)
    assert found[wanted].all() and not found.all()
    for chain in range(3):
        own = found[chains == chain].astype(int)
        if own.any():
            runs = np.split(own, np.flatnonzero(np.diff(own)) + 1)
            assert min(len(run) for run in runs) >= LEAST_STRETCH


def test_a_chain_of_which_nothing_is_known_has_no_window():
    ca, chains = strands(2, 30, 10.0)
    assert window_around(ca, chains == 1, chains) is None


@pytest.mark.parametrize("chains", [np.zeros(10, int), np.array([0] * 5 + [1] * 5)])
def test_cut_ends_are_those_next_to_what_is_left_out(chains):
    chosen = np.array([0, 1, 1, 1, 1, 1, 1, 0, 0, 1], bool)
    expected = [1, 6, 9]
    assert rows(cut_ends(chosen, chains)) == expected
    assert rows(cut_ends(np.ones(10, bool), chains)) == []
    whole = np.array([1] * 5 + [0] * 5, bool)
    assert rows(cut_ends(whole, chains)) == ([4] if chains[-1] == 0 else [])
