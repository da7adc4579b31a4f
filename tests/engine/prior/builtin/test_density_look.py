"""The network's eyes for maps: nothing at first, equivariant, and only what is near."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from adp3d.prior.builtin.density_grids import DensityGrids
from adp3d.prior.builtin.network import Denoiser, DenoiserConfig, NoisyBatch

N = 24
CONFIG = DenoiserConfig(
    width=16, heads=4, pair_width=4, stages=(1, 1), neighbours=12, density_width=8, point_width=8, point_layers=1
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    net = Denoiser(CONFIG).eval().requires_grad_(False)
    return net


def awake(net):
    """The same network with the layers that start at zero drawn at random."""
    torch.manual_seed(1)
    for name, parameter in net.named_parameters():
        if ("cubes.mix" in name or "places.out" in name or name.endswith("stages.1.out.weight")) and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    return net


def batch(density, b=2):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(b, N, 4, 3, generator=generator) * 4
    sigma = torch.full((b,), 0.3)
    index = torch.arange(N).expand(b, N)
    return NoisyBatch(
        x, sigma[:, None, None].expand(b, N, 4), (1 - sigma**2).sqrt(), sigma, index % 20, 0 * index, index,
        torch.ones(b, N, dtype=torch.bool), density,
    )  # fmt: skip


def test_a_fresh_network_does_not_care_for_the_map(network, random_map):
    seen = network(batch(DensityGrids.of([random_map()], [0, 0], 50)))[-1]
    torch.testing.assert_close(seen, network(batch(None))[-1])


def test_it_sees_the_map_and_only_where_there_is_one(network, random_map):
    awake(network)
    grids = DensityGrids.of([random_map()], [0, -1], 50)
    seen, blind = network(batch(grids))[-1], network(batch(None))[-1]
    assert (seen[0] - blind[0]).abs().max() > 1e-3
    torch.testing.assert_close(seen[1], blind[1])
    other = network(batch(DensityGrids.of([random_map(5)], [0, -1], 50)))[-1]
    assert (seen[0] - other[0]).abs().max() > 1e-3


def test_turning_model_and_map_turns_the_answer(network, random_map):
    """A quarter turn maps the grid onto itself, so the answer must turn exactly."""
    awake(network)
    evidence = random_map(shape=(20, 20, 20), origin=(-9.5, -9.5, -9.5))
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # x -> y, y -> -x
    turned = replace(
        evidence,
        levels=evidence.levels.transpose(1, 2).flip(1).contiguous(),
        taken=evidence.taken.transpose(0, 1).flip(0).contiguous(),
    )
    given = batch(DensityGrids.of([evidence], [0, 0], 4000))
    rotated = replace(given, mean=given.mean @ turn.T, density=DensityGrids.of([turned], [0, 0], 4000))
    # the voxel that stands for a cell depends on the grid's corner, so that cells do not turn with it
    rotated = replace(rotated, density=_same_places(given.density, rotated.density, turn))
    torch.testing.assert_close(network(rotated)[-1], network(given)[-1] @ turn.T, atol=2e-4, rtol=1e-3)


def _same_places(grids, turned, turn):
    points = grids.points
    xyz = (points.xyz + grids.origin[:1, None]) @ turn.T - turned.origin[:1, None]
    return replace(turned, points=replace(points, xyz=xyz))


def test_more_looks_go_on_from_the_last_proposal(network, random_map):
    awake(network)
    given = batch(DensityGrids.of([random_map()], [0, 0], 50))
    one, two = network(given), network(given, looks=2)
    assert len(one) == 2 and len(two) == 3
    torch.testing.assert_close(two[1], one[1])
    assert (two[2] - two[1]).abs().max() > 1e-3
    encoded = network.encode(given.density)
    torch.testing.assert_close(network(given, encoded=encoded)[-1], one[-1])


def test_without_any_free_place_residues_look_at_cubes_alone(network, random_map):
    awake(network)
    evidence = replace(random_map(), taken=torch.ones(20, 22, 24))
    assert not DensityGrids.of([evidence], [0], 50).points.valid.any()
    assert torch.isfinite(network(batch(DensityGrids.of([evidence], [0, 0], 50)))[-1]).all()
