"""Samples whose clashes were drawn again."""

from __future__ import annotations

import pytest
import torch
from side_chain_scene import demo_scene, small_model

from adp3d.sidechain.clash_free import sample_without_clashes
from adp3d.sidechain.contacts import ClashFinder
from adp3d.sidechain.sampling import Sampler


@pytest.fixture(scope="module")
def model():
    return small_model()


def generators(count: int, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + k) for k in range(count)]


def test_clashes_become_fewer(model):
    scene = demo_scene(80)
    found = sample_without_clashes(model, scene, generators(3), ClashFinder(scene))
    first = sample_without_clashes(model, scene, generators(3), ClashFinder(scene), rounds=0)
    assert (found.clashes <= first.clashes).all() and found.clashes.sum() < first.clashes.sum()
    counted = [ClashFinder(scene).find(atoms.double().numpy())[1] for atoms in found.atoms]
    assert counted == found.clashes.tolist()


def test_without_rounds_it_is_what_the_model_draws(model):
    scene = demo_scene()
    found = sample_without_clashes(model, scene, generators(2), ClashFinder(scene), rounds=0)
    sampler = Sampler(model, scene, 2)
    drawn = sampler.draw(sampler.all_hidden(), generators(2), 12)
    assert torch.equal(found.atoms, sampler.atoms(drawn.tokens))


def test_each_sample_has_random_numbers_of_its_own(model):
    """A sample does not depend on how many are drawn beside it."""
    scene = demo_scene()
    three = sample_without_clashes(model, scene, generators(3), ClashFinder(scene))
    alone = sample_without_clashes(model, scene, generators(1, 2), ClashFinder(scene))
    torch.testing.assert_close(three.atoms[2:], alone.atoms, atol=1e-3, rtol=0)
    assert not torch.equal(three.atoms[0], three.atoms[1])


def test_known_side_chains_and_backbones_stay(model):
    scene = demo_scene(known=tuple(range(5, 20)))
    found = sample_without_clashes(model, scene, generators(2), ClashFinder(scene))
    shown = torch.cat([torch.ones(1, 40, 4, dtype=torch.bool), scene.shown], -1)[0]
    for atoms in found.atoms:
        assert torch.equal(atoms[shown], scene.atoms[0][shown])
