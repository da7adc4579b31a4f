"""Features that do not change when the structure is moved."""

from __future__ import annotations

import dataclasses

import torch
from scipy.spatial.transform import Rotation

from adp3d.prior.builtin.features import (
    NODE_GEOMETRY,
    PAIR_GEOMETRY,
    node_geometry,
    pair_geometry,
    relative_position,
)
from adp3d.prior.builtin.network import NoisyBatch
from adp3d.prior.correlation import GlobularCorrelation

B, N = 2, 12


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = GlobularCorrelation((N,)).apply(torch.randn(B, N, 4, 3, generator=generator, dtype=torch.float64))
    chain = torch.tensor([0] * 7 + [1] * 5).expand(B, N)
    index = torch.cat([torch.arange(7), torch.tensor([0, 1, 4, 5, 6])]).expand(B, N)
    return NoisyBatch(
        x, torch.full((B, N, 4), 0.6), torch.full((B,), 0.8), torch.full((B,), 0.6),
        torch.zeros(B, N, dtype=torch.int64),
        chain, index,
        torch.ones(B, N, dtype=torch.bool),
    )  # fmt: skip


def moved(x):
    turn = torch.from_numpy(Rotation.random(random_state=3).as_matrix())
    return x @ turn.T + torch.tensor([3.0, 100.0, -7.0], dtype=torch.float64)


def everyone():
    return torch.arange(N).expand(B, N, N)


def test_shapes_and_invariance():
    given = batch()
    node = node_geometry(given.mean, given)
    pair = pair_geometry(given.mean, everyone())
    assert node.shape == (B, N, NODE_GEOMETRY) and pair.shape == (B, N, N, PAIR_GEOMETRY)
    elsewhere = moved(given.mean)
    torch.testing.assert_close(node_geometry(elsewhere, given), node, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(pair_geometry(elsewhere, everyone()), pair, atol=1e-6, rtol=1e-6)
    reflected = given.mean * torch.tensor([1.0, 1.0, -1.0])
    assert (node_geometry(reflected, given) - node).abs().max() > 0.1


def test_neighbours_along_the_chain_exist_only_without_gap_or_chain_end():
    given = batch()
    node = node_geometry(given.mean, given).view(B, N, 5, 13)
    following = node[0, :, 3, 12]  # the residue one further along
    assert following.tolist() == [1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0]
    assert node[0, :, 2, 12].min() == 1  # the residue itself
    assert (node[0, 6, 3, :12] == 0).all()
    absent = given.present.clone()
    absent[:, 3] = False
    without = node_geometry(given.mean, dataclasses.replace(given, present=absent)).view(B, N, 5, 13)
    assert without[0, 2, 3, 12] == 0 and without[0, 4, 1, 12] == 0


def test_pair_features_are_those_of_the_listed_neighbour():
    given = batch()
    every = pair_geometry(given.mean, everyone())
    index = torch.randint(0, N, (B, N, 4), generator=torch.Generator().manual_seed(0))
    some = pair_geometry(given.mean, index)
    expected = every.gather(2, index[..., None].expand(-1, -1, -1, PAIR_GEOMETRY))
    torch.testing.assert_close(some, expected)


def test_features_stay_in_range_for_wild_states():
    given = batch()
    for scale in (0.0, 1e-3, 1e4):
        node = node_geometry(scale * given.mean, given)
        pair = pair_geometry(scale * given.mean, everyone())
        assert torch.isfinite(node).all() and torch.isfinite(pair).all()
        assert max(float(node.abs().max()), float(pair.abs().max())) < 4


def test_separation_along_the_sequence():
    given = batch()
    found = relative_position(given, everyone(), limit=3)
    assert found.shape == (B, N, N)
    assert found[0, 0].tolist() == [3, 4, 5, 6, 6, 6, 6] + [7] * 5  # clipped, and another chain
    assert found[0, 9].tolist() == [7] * 7 + [0, 0, 3, 4, 5]
