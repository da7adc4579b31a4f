"""Peptide groups on traces, turned out of each other's way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from side_chain_scene import demo_scene, small_model

from adp3d.sidechain.assemble import assemble
from adp3d.sidechain.contacts import ClashFinder
from adp3d.sidechain.measure import measure_chi
from adp3d.sidechain.sampling import Sampler
from adp3d.sidechain.turn_peptides import turn_peptides

COUNT = 100


@pytest.fixture(scope="module")
def drawn():
    """A trace and what an untrained network makes of it: turns at random."""
    scene = demo_scene(COUNT, trace=True)
    sampler = Sampler(small_model(), scene, 2)
    generators = [torch.Generator().manual_seed(60 + k) for k in range(2)]
    return sampler.scene, sampler.decoded(sampler.draw(sampler.all_hidden(), generators, 4).tokens)


def meeting(scene, decoded):
    """Pairs of atoms of backbones and CB that clash, in all samples."""
    atoms = assemble(scene, decoded).double().numpy()
    bare = atoms.copy()
    bare[:, :, 5:] = bare[:, :, 4:5]
    finder = ClashFinder(scene)
    return [int(finder.backbones_that_meet(sample).sum()) for sample in bare]


def test_fewer_backbones_meet(drawn):
    scene, decoded = drawn
    turned = turn_peptides(scene, decoded, ClashFinder(scene))
    before, after = meeting(scene, decoded), meeting(scene, turned)
    assert min(before) > 5
    assert all(now < then / 2 for now, then in zip(after, before, strict=True))


def test_only_peptides_turn(drawn):
    scene, decoded = drawn
    turned = turn_peptides(scene, decoded, ClashFinder(scene))
    before, after = assemble(scene, decoded), assemble(scene, turned)
    torch.testing.assert_close(after[:, :, 1], before[:, :, 1])  # CA
    chi = [measure_chi(atoms.double(), scene.aatype) for atoms in (before, after)]
    off = torch.atan2((chi[0][0] - chi[1][0]).sin(), (chi[0][0] - chi[1][0]).cos())
    assert float(off[chi[0][1]].abs().max()) < 1e-3
    # by 60 degrees at most, and not at all where nothing met
    (c0, s0), (c1, s1) = (one.turns[..., -1, :].double().unbind(-1) for one in (decoded, turned))
    angle = torch.rad2deg(torch.atan2(s1 * c0 - c1 * s0, c1 * c0 + s1 * s0)).abs()
    assert float(angle.max()) < 60.1
    atoms = before.double().numpy()
    finder = ClashFinder(scene)
    met = np.stack([finder.backbones_that_meet(sample) for sample in atoms])
    assert float(angle[~torch.from_numpy(met)].max()) == pytest.approx(0.0, abs=1e-3)


def test_nothing_turns_where_the_backbone_is_given():
    scene = demo_scene(COUNT)
    assert not ClashFinder(scene).drawn_peptides.any()
    half = demo_scene(COUNT, trace=True)
    half.has_backbone[0, 40:] = True
    assert ClashFinder(half).drawn_peptides.nonzero()[0].tolist() == list(range(39))


def test_an_overlap_of_a_peptide_is_that_of_its_pairs(drawn):
    scene, decoded = drawn
    finder = ClashFinder(scene)
    sample = assemble(scene, decoded)[0].double().numpy()
    i = 50
    group = np.stack([sample[i, 2], sample[i, 3], sample[i + 1, 0]])
    place = sample[20, 1] + [0.0, 0.0, 2.6]  # an oxygen 2.6 A from a CA, which may come to 2.8 A
    tried = group[None] + [[[500.0, 0.0, 0.0]]]
    tried[0, 1] = place
    expected = 0.0
    for row in range(COUNT):
        for slot, least in ((0, 2.5), (1, 2.8), (2, 2.8), (3, 2.45), (4, 2.8)):
            if row == i or (slot == 4 and scene.aatype[0, row] == 7):  # its own residue; glycine has no CB
                continue
            expected += max(least - np.linalg.norm(place - sample[row, slot]), 0.0) ** 2
    assert expected > 0.0
    assert finder.peptide_overlap(sample, i, tried)[0] == pytest.approx(expected)
