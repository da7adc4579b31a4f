"""Residues that clash, settled one after the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from side_chain_scene import demo_scene, small_model

from adp3d.sidechain import unclash
from adp3d.sidechain.contacts import ClashFinder, Obstacles
from adp3d.sidechain.measure import measure_chi
from adp3d.sidechain.sampling import Sampler
from adp3d.sidechain.unclash import settle


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(40 + k) for k in range(count)]


@pytest.fixture(scope="module")
def drawn():
    scene = demo_scene(80)
    sampler = Sampler(small_model(), scene, 2)
    tokens = sampler.draw(sampler.all_hidden(), generators(2), 4).tokens
    return scene, sampler, tokens, sampler.atoms(tokens)


def found_by(finder: ClashFinder, atoms: torch.Tensor) -> tuple[torch.Tensor, list[int]]:
    each = [finder.find(sample.double().numpy()) for sample in atoms]
    return torch.from_numpy(np.stack([hit for hit, _ in each])), [count for _, count in each]


def test_fewer_clash_and_nothing_else_moves(drawn):
    scene, sampler, tokens, atoms = drawn
    finder = ClashFinder(scene)
    hit, before = found_by(finder, atoms)
    settled, replaced, likely = settle(sampler, tokens, atoms, hit, generators(2), finder)
    _, after = found_by(finder, settled)
    assert all(now < then for now, then in zip(after, before, strict=True))
    assert bool((replaced <= hit).all()) and bool(replaced.any())
    assert torch.equal(settled[~replaced], atoms[~replaced])
    assert torch.equal(settled[:, :, :4], atoms[:, :, :4])
    assert bool((likely[replaced] <= 0).all())


def test_the_same_numbers_give_the_same(drawn):
    scene, sampler, tokens, atoms = drawn
    finder = ClashFinder(scene)
    hit, _ = found_by(finder, atoms)
    first, second = (settle(sampler, tokens, atoms, hit, generators(2), finder)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_overlap_is_that_of_single_pairs(drawn):
    scene, _, _, atoms = drawn
    sample = atoms[0].double().numpy()
    row = int(torch.nonzero(scene.aatype[0] == 10)[0, 0])  # LEU
    far = Obstacles(np.array([[500.0, 0.0, 0.0]]), ("C",))
    assert ClashFinder(scene).overlap(sample, row, sample[None, row]) == pytest.approx(
        ClashFinder(scene, far).overlap(sample, row, sample[None, row])
    )
    near = Obstacles(sample[row, 6:7] + [0.0, 0.0, 3.05], ("C",))
    more = ClashFinder(scene, near).overlap(sample, row, sample[None, row])
    more -= ClashFinder(scene).overlap(sample, row, sample[None, row])
    # CD1 lacks 0.1 A to the obstacle; other atoms of the residue may lack some too
    assert more[0] >= 0.1**2 - 1e-9


def test_overlap_is_zero_where_nothing_is_found(drawn):
    scene, _, _, atoms = drawn
    finder = ClashFinder(scene)
    sample = atoms[0].double().numpy()
    hit, _ = finder.find(sample)
    for row in range(len(hit)):
        if not hit[row]:
            assert finder.overlap(sample, row, sample[None, row])[0] == 0.0


def test_small_turns_make_room_where_no_code_fits(drawn, monkeypatch):
    scene, sampler, tokens, atoms = drawn
    finder = ClashFinder(scene)
    hit, _ = found_by(finder, atoms)
    turned = settle(sampler, tokens, atoms, hit, generators(2), finder)
    monkeypatch.setattr(unclash, "_WAYS", [(0.0, 0.0)])
    codes = settle(sampler, tokens, atoms, hit, generators(2), finder)
    left = [sum(found_by(finder, found)[1]) for found, *_ in (turned, codes)]
    assert left[0] < left[1]
    # where a code is taken by both, its chi 1 and 2 differ by a few tens of degrees at most, and its bonds by nothing
    same = turned[1] & codes[1] & (turned[2] == codes[2])
    assert bool(same.any())
    away = [measure_chi(found, scene.aatype.expand(2, -1))[0] for found, *_ in (turned, codes)]
    off = torch.rad2deg(torch.atan2((away[0] - away[1]).sin(), (away[0] - away[1]).cos()).abs())[same]
    assert bool((off.nan_to_num() <= 20.1).all())


def test_overlaps_of_several_side_chains_are_those_of_each(drawn):
    scene, _, _, atoms = drawn
    sample = atoms[0].double().numpy()
    row = int(torch.nonzero(scene.aatype[0] == 10)[0, 0])
    inwards = sample[:, 1].mean(0) - sample[row, 1]  # into the other residues
    tried = sample[None, row] + np.linspace(0.0, 0.8, 5)[:, None, None] * inwards
    others = Obstacles(sample[row, 6:8] + [1.5, 0.0, 1.0], ("C", "O"))
    for finder in (ClashFinder(scene), ClashFinder(scene, others)):
        together = finder.overlap(sample, row, tried)
        assert together == pytest.approx([finder.overlap(sample, row, one[None])[0] for one in tried])
        assert (together > 0).any()
