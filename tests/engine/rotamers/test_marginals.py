from __future__ import annotations

import numpy as np
import pytest
import torch
from atom14_model import demo_atom14

from adp3d.rotamers.marginals import expected_cost, mean_field, mean_squares
from adp3d.sidechain.build import build_side_chains
from adp3d.sidechain.templates import RESIDUE_NAMES


def test_without_neighbours_probabilities_are_boltzmanns():
    energy = np.array([0.0, 1.0, 3.0])
    (found,) = mean_field([energy], {}, np.array([2]))
    np.testing.assert_allclose(found, np.exp(-energy) / np.exp(-energy).sum(), atol=1e-9)


def test_weak_pairs_are_as_the_sum_over_all_states_has_them():
    rng = np.random.default_rng(0)
    own = [rng.normal(size=3) for _ in range(3)]
    pairs = {(0, 1): rng.normal(scale=0.2, size=(3, 3)), (1, 2): rng.normal(scale=0.2, size=(3, 3))}
    energy = own[0][:, None, None] + own[1][None, :, None] + own[2]
    energy = energy + pairs[0, 1][:, :, None] + pairs[1, 2][None]
    weight = np.exp(-energy) / np.exp(-energy).sum()
    found = mean_field(own, pairs, np.zeros(3, np.int64))
    for k, axes in enumerate([(1, 2), (0, 2), (0, 1)]):
        np.testing.assert_allclose(found[k], weight.sum(axes), atol=0.02)


def test_neighbours_out_of_each_others_way():
    """Each likes its first candidate a little, but not both can have it."""
    clash = np.array([[30.0, 0.0], [0.0, 0.0]])
    found = mean_field([np.array([0.0, 0.5]), np.array([0.0, 2.0])], {(0, 1): clash}, np.array([1, 0]))
    assert found[0][1] > 0.9 and found[1][0] > 0.8


def test_several_that_are_alike_outdo_one_that_is_likelier():
    squares = np.array([[0.0, 0.1, 9.0], [0.1, 0.0, 9.0], [9.0, 9.0, 0.0]])
    cost = expected_cost(squares, np.array([0.3, 0.3, 0.4]))
    assert cost.argmin() in (0, 1)
    assert expected_cost(squares, np.array([0.05, 0.05, 0.9])).argmin() == 2


def test_a_ring_turned_by_half_is_the_same():
    atoms, aatype, _ = demo_atom14()
    row = int(torch.nonzero(aatype == RESIDUE_NAMES.index("PHE"))[0, 0])
    chi = torch.tensor([[-1.1, 1.5, 0.0, 0.0], [-1.1, 1.5 - np.pi, 0.0, 0.0], [1.1, 1.5, 0.0, 0.0]])
    built = build_side_chains(atoms[row, :4].float().expand(3, 4, 3), aatype[row].expand(3), chi)
    squares = mean_squares(built, int(aatype[row]))
    assert squares[0, 1] == pytest.approx(0.0, abs=1e-2)
    assert squares[0, 2] > 4.0
    np.testing.assert_allclose(squares, squares.T, atol=1e-4)
