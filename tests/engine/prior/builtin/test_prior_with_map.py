"""The default prior bound to the map of a job."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from adp3d.prior.builtin.network import Denoiser, DenoiserConfig
from adp3d.prior.builtin.prior import BuiltinPrior
from adp3d.prior.evidence import NOTHING, Evidence, KnownAtoms
from adp3d.structure.polymer import Polymer

N = 20
POLYMER = Polymer.single_chain("AEKLG" * 4)
SMALL = DenoiserConfig(width=16, heads=4, pair_width=4, stages=(1, 1), neighbours=12, point_width=8, point_layers=1)


def network(density_width):
    torch.manual_seed(0)
    net = Denoiser(replace(SMALL, density_width=density_width)).eval().requires_grad_(False)
    for name, parameter in net.named_parameters():
        if parameter.ndim > 1 and ("cubes.mix" in name or "places.out" in name or name.endswith(".out.weight")):
            torch.nn.init.normal_(parameter, std=0.3)
    return net


@pytest.fixture
def prior():
    return BuiltinPrior(network(8), POLYMER)


def state(replicas=2):
    return 4 * torch.randn(replicas, N, 4, 3, generator=torch.Generator().manual_seed(1))


def test_the_map_changes_the_answer_unless_it_is_hidden(prior, random_map):
    x, evidence = state(), Evidence(density=random_map())
    assert prior.sees_density
    assert (prior.denoise(x, 0.5, evidence) - prior.denoise(x, 0.5)).abs().max() > 1e-3
    hidden = BuiltinPrior(network(8), POLYMER, show_density=False)
    assert not hidden.sees_density
    torch.testing.assert_close(hidden.denoise(x, 0.5, evidence), hidden.denoise(x, 0.5, NOTHING))


def test_a_network_without_eyes_ignores_the_map(random_map):
    blind = BuiltinPrior(network(0), POLYMER)
    assert not blind.sees_density
    x = state()
    torch.testing.assert_close(blind.denoise(x, 0.5, Evidence(density=random_map())), blind.denoise(x, 0.5))


def test_each_replica_sees_the_map_from_its_own_frame(prior, random_map):
    """Moving state and evidence together changes nothing but the frame of the answer."""
    evidence = Evidence(KnownAtoms(state(1)[0], torch.eye(N, 4)), random_map())
    x = state()
    origin = torch.tensor([[1.0, -2.0, 3.0], [0.0, 4.0, 0.5]])[:, None, None]
    moved = prior.denoise(x - origin, 0.02, evidence.relative_to(origin)) + origin
    alone = torch.cat([
        prior.denoise((x - origin)[i : i + 1], 0.02, evidence.relative_to(origin[i : i + 1])) + origin[i]
        for i in range(2)
    ])  # fmt: skip
    torch.testing.assert_close(moved, alone, atol=2e-3, rtol=1e-3)
    # at low noise alpha is one, so that the frame's origin hardly matters
    torch.testing.assert_close(moved, prior.denoise(x, 0.02, evidence), atol=2e-2, rtol=1e-2)


def test_replicas_on_threads_of_their_own_come_out_the_same(prior, random_map, threads):
    evidence, x = Evidence(KnownAtoms(state(1)[0], torch.eye(N, 4)), random_map()), state(5)
    x = x - torch.arange(5.0)[:, None, None, None]
    shown, times = evidence.relative_to(torch.arange(5.0)[:, None, None, None].expand(5, 1, 1, 3)), torch.arange(5) / 10
    found = []
    for count in (1, 3):
        threads(count)
        with torch.no_grad():
            found.append(prior.denoise_many(x, times + 0.2, shown))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)


def test_places_are_found_once_for_a_map(prior, random_map, monkeypatch):
    encoded = []
    encode = Denoiser.encode
    monkeypatch.setattr(Denoiser, "encode", lambda net, grids: encoded.append(1) or encode(net, grids))
    evidence, x = Evidence(density=random_map()), state()
    for step in range(3):
        prior.denoise(x, 0.5, evidence.relative_to(torch.full((2, 1, 1, 3), float(step))))
    assert len(encoded) == 1
    assert evidence.density is not None
    more = replace(evidence, density=replace(evidence.density, taken=torch.zeros(20, 22, 24)))
    prior.denoise(x, 0.5, more)
    assert len(encoded) == 2


def test_looks_can_be_chosen(random_map):
    x, evidence = state(), Evidence(density=random_map())
    one, three = (BuiltinPrior(network(8), POLYMER, looks=looks).denoise(x, 0.5, evidence) for looks in (1, 3))
    assert (one - three).abs().max() > 1e-3
    usual = BuiltinPrior(network(8), POLYMER).denoise(x, 0.5, evidence)
    torch.testing.assert_close(usual, three)
