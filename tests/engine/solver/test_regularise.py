"""Regularised geometry: what moves, how far, and what must not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from adp3d.solver.regularise import _Terms, regularise
from adp3d.validation.geometry import backbone_geometry
from adp3d.validation.torsions import backbone_torsions

SEQUENCE = "AKLGEVPAKLGEVPAKLGEV"
LINKED = np.ones(19, dtype=bool)
ALL = torch.ones(20, 4, dtype=torch.bool)


def distorted(helix, size=0.1, replicas=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(replicas, *helix.shape, generator=generator, dtype=torch.float64)
    return helix + size * noise


def strain(x):
    found = backbone_geometry(x.double().numpy(), SEQUENCE, LINKED)
    return found.rmsz_bonds, found.rmsz_angles


def test_ideal_geometry_stays_where_it_is(helix):
    done = regularise(helix[None], SEQUENCE, LINKED, ALL)
    # glycine and proline want slightly other values than those the helix was built with
    assert (done - helix).abs().max() < 0.1
    assert max(strain(done[0])) < 1.0


def test_distorted_geometry_becomes_ideal_by_a_small_move(helix):
    start = distorted(helix)
    done = regularise(start, SEQUENCE, LINKED, ALL)
    for before, after in zip(start, done, strict=True):
        assert min(strain(before)) > 3.0
        assert max(strain(after)) < 0.8
        assert (after - before).square().sum(-1).mean().sqrt() < 0.3
    omega = backbone_torsions(done.numpy(), LINKED).omega[:, :-1]
    # proteins' own spread about 180 degrees
    assert (180 - np.abs(omega)).max() < 12


def test_torn_chains_are_mended_and_the_others_left_alone(helix):
    torn = helix.clone()
    torn[10:] += torch.tensor([0.0, 0.0, 4.0], dtype=helix.dtype)
    done = regularise(torch.stack([torn, helix]), SEQUENCE, LINKED, ALL)
    lengths = (done[:, 1:, 1] - done[:, :-1, 1]).norm(dim=-1)
    assert (torn[1:, 1] - torn[:-1, 1]).norm(dim=-1).max() > 7.0
    assert lengths.max() < 4.0
    assert strain(done[0])[0] < 1.0
    torch.testing.assert_close(done[1:], regularise(helix[None], SEQUENCE, LINKED, ALL))


def test_fixed_atoms_keep_their_bits(helix):
    start = distorted(helix).float()
    movable = ALL.clone()
    movable[:10] = False
    done = regularise(start, SEQUENCE, LINKED, movable)
    assert done.dtype == torch.float32
    assert torch.equal(done[:, :10], start[:, :10])
    assert (done[:, 10:] != start[:, 10:]).any()
    assert torch.equal(regularise(start, SEQUENCE, LINKED, torch.zeros_like(ALL)), start)


def test_turning_the_input_turns_the_output(helix):
    rotation = torch.from_numpy(Rotation.from_euler("xyz", [20, 130, -70], degrees=True).as_matrix())
    start = distorted(helix)
    plain = regularise(start, SEQUENCE, LINKED, ALL) @ rotation.T + 30.0
    turned = regularise(start @ rotation.T + 30.0, SEQUENCE, LINKED, ALL)
    # the length of a step is limited per coordinate, so the paths differ but not their end
    torch.testing.assert_close(turned, plain, atol=2e-2, rtol=0)


def test_replicas_do_not_see_each_other(helix):
    start = distorted(helix)
    together = regularise(start, SEQUENCE, LINKED, ALL)
    alone = regularise(start[1:], SEQUENCE, LINKED, ALL)
    torch.testing.assert_close(together[1:], alone, atol=1e-6, rtol=0)


def test_a_gap_is_not_closed(helix):
    linked = LINKED.copy()
    linked[9] = False
    apart = helix.clone()
    apart[10:] += torch.tensor([7.0, 3.0, 0.0], dtype=torch.float64)
    done = regularise(apart[None], SEQUENCE, linked, ALL)[0]
    assert (done - apart).abs().max() < 0.1
    pulled = regularise(apart[None], SEQUENCE, LINKED, ALL)[0]
    assert (pulled[9:11] - apart[9:11]).norm(dim=-1).max() > 0.5


def test_cis_stays_cis(build):
    omega = [180.0] * 20
    omega[5] = 0.0
    x = build([-75.0] * 20, [140.0] * 20, omega)
    done = regularise(distorted(x, 0.05, 1), SEQUENCE, LINKED, ALL)
    angle = backbone_torsions(done.numpy(), LINKED).omega[0]
    assert abs(angle[5]) < 15
    assert abs(angle[4]) > 165


@pytest.mark.parametrize("sequence", [SEQUENCE, "PPGGPPGGPPGGPPGGPPGG"])
def test_strain_is_the_one_that_is_validated(helix, sequence):
    """The energy is half the sum of the same squared z scores, plus that of the planes."""
    x = distorted(helix, 0.05, 1)
    terms = _Terms(sequence, LINKED, x)
    found = backbone_geometry(x[0].numpy(), sequence, LINKED)
    bonds = 3 * 20 + 19
    angles = 2 * 20 + 3 * 19
    expected = 0.5 * (bonds * found.rmsz_bonds**2 + angles * found.rmsz_angles**2)
    omega = np.sin(np.deg2rad(backbone_torsions(x[0].numpy(), LINKED).omega[:-1])) / np.deg2rad(5)
    without_planes = float(terms.energy(x)[0]) - 0.5 * (omega**2).sum()
    # what is left over is the oxygen's plane: positive, and of the size of the other one
    assert 0 <= without_planes - expected < 20 * (omega**2).sum() + 50


def test_gradient_agrees_with_finite_differences(helix):
    terms = _Terms(SEQUENCE[:4], LINKED[:3], helix)
    x = distorted(helix, 0.1, 1)[:, :4].requires_grad_(True)
    assert torch.autograd.gradcheck(terms.energy, x)
