"""Backbones from CA traces."""

from __future__ import annotations

import pytest
import torch
from atom14_model import demo_atom14
from torch.autograd import gradcheck

from adp3d.sidechain.internal import angle, distance, torsion
from adp3d.sidechain.peptides import measure_peptide_turns, place_peptides


@pytest.fixture(scope="module")
def backbone():
    return demo_atom14()[0][:, :4]


@pytest.fixture(scope="module")
def bonded(backbone):
    joined = distance(backbone[:-1, 2], backbone[1:, 0]) < 2.0
    return torch.cat([joined, joined.new_zeros(1)])


def unit(turn):
    return torch.stack([turn.cos(), turn.sin()], -1)


def test_a_backbone_comes_back_from_its_trace_and_turns(backbone, bonded):
    turns = measure_peptide_turns(backbone, bonded)
    again = place_peptides(backbone[:, 1], bonded, unit(turns))
    assert torch.equal(again[:, 1], backbone[:, 1])
    off = (again - backbone).square().sum(-1)
    # C and O of a bonded residue, N of the one behind
    assert float(off[bonded][:, 2:].mean().sqrt()) < 0.12
    assert float(off[1:, 0][bonded[:-1]].mean().sqrt()) < 0.12
    torch.testing.assert_close(measure_peptide_turns(again, bonded), turns, atol=1e-6, rtol=0)


def test_bonds_are_right_whatever_the_turns(backbone, bonded):
    turns = torch.linspace(-3.0, 3.0, len(backbone), dtype=torch.float64)
    made = place_peptides(backbone[:, 1], bonded, unit(turns))
    peptide = distance(made[:-1, 2], made[1:, 0])[bonded[:-1]]
    # stretched with the distance of the two CA, which varies by 0.1 A
    assert float((peptide - 1.33).abs().max()) < 0.06
    assert float((distance(made[:, 1], made[:, 2]) - 1.525).abs().max()) < 0.06
    assert float((distance(made[:, 2], made[:, 3]) - 1.23).abs().max()) < 0.03
    assert float((distance(made[:, 0], made[:, 1]) - 1.46).abs().max()) < 0.06


def test_ends_and_breaks_have_ordinary_residues(backbone, bonded):
    cut = bonded.clone()
    cut[[40, 80]] = False
    made = place_peptides(backbone[:, 1], cut, unit(measure_peptide_turns(backbone, cut)))
    for row in (0, 40, 41, 80, 81, len(backbone) - 1):
        n, ca, c, o = made[row]
        assert float(distance(n, ca)) == pytest.approx(1.46, abs=0.05)
        assert float(distance(ca, c)) == pytest.approx(1.525, abs=0.05)
        assert float(torch.rad2deg(angle(ca, c, o))) == pytest.approx(120.0, abs=4.0)
        assert 100 < float(torch.rad2deg(angle(n, ca, c))) < 122


def test_one_residue_alone():
    made = place_peptides(torch.zeros(1, 3), torch.zeros(1, dtype=torch.bool), torch.tensor([[1.0, 0.0]]))
    assert torch.isfinite(made).all() and made.shape == (1, 4, 3)


def test_gradients(backbone, bonded):
    ca = backbone[:5, 1].clone().requires_grad_(True)
    turns = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    joined = bonded[:5].clone()
    joined[4] = False
    assert gradcheck(lambda a, t: place_peptides(a, joined, t), (ca, turns))


def peptides(made, joined):
    """Bonds in angstrom and angles in degrees of the bonded peptide groups of a backbone."""
    n, ca, c, o = made.unbind(-2)
    c, o, own, n, ca = c[:-1], o[:-1], ca[:-1], n[1:], ca[1:]
    bonds = {"C-N": distance(c, n), "N-CA": distance(n, ca), "CA-C": distance(own, c), "C-O": distance(c, o)}
    bends = {"CA-C-N": (own, c, n), "O-C-N": (o, c, n), "C-N-CA": (c, n, ca), "CA-C-O": (own, c, o)}
    return (
        {name: x[joined[:-1]] for name, x in bonds.items()},
        {name: torch.rad2deg(angle(*x))[joined[:-1]] for name, x in bends.items()},
        torch.rad2deg(torsion(own, c, n, ca))[joined[:-1]],
    )


@pytest.mark.parametrize("seed", range(6))
def test_peptides_between_given_backbones_and_a_trace_close(backbone, bonded, seed):
    rng = torch.Generator().manual_seed(seed)
    there = torch.rand(len(backbone), generator=rng) < (0.5 if seed else 0.9)
    turns = unit(6.28 * torch.rand(len(backbone), generator=rng, dtype=torch.float64))
    bare = torch.where(there[:, None, None], backbone, torch.zeros_like(backbone))
    made = place_peptides(backbone[:, 1], bonded, turns, bare, there)
    assert torch.equal(made[there], backbone[there])
    joints = bonded & (there != torch.cat([there[1:], there[-1:]]))
    assert joints.sum() >= 4
    bonds, bends, omega = peptides(made, joints)
    for name, ideal in (("C-N", 1.33), ("N-CA", 1.46), ("CA-C", 1.525), ("C-O", 1.23)):
        assert float((bonds[name] - ideal).abs().max()) < 0.05, name
    _, usual, own = peptides(backbone, joints)
    for name, bend in bends.items():
        assert float((bend - usual[name]).abs().max()) < 9.0, name
        assert float((bend - usual[name]).abs().mean()) < 3.0, name
    assert bool((omega.abs() > 150).eq(own.abs() > 150).all())


def test_cis_peptides_close_on_either_side(backbone):
    """A peptide group of ideal geometry in cis, of which one half is given."""
    n = torch.tensor([1.336, 0.0, 0.0], dtype=torch.float64)
    place = torch.deg2rad(torch.tensor([117.2, 122.7, 180.0 - 124.0], dtype=torch.float64))
    ca = 1.525 * torch.stack([place[0].cos(), -place[0].sin(), place[0] * 0])
    o = 1.229 * torch.stack([place[1].cos(), place[1].sin(), place[1] * 0])
    after = n + 1.459 * torch.stack([place[2].cos(), -place[2].sin(), place[2] * 0])
    whole = torch.stack([torch.stack([ca - 1.0, ca, 0 * ca, o]), torch.stack([n, after, after + 1.5, after + 2.0])])
    assert float(distance(ca, after)) < 3.1
    joined, turns = torch.tensor([True, False]), unit(torch.tensor([1.0, 2.0], dtype=torch.float64))
    for there in (torch.tensor([True, False]), torch.tensor([False, True])):
        made = place_peptides(whole[:, 1], joined, turns, whole, there)
        assert float((made[0, 2:] - whole[0, 2:]).abs().max()) < 0.06
        assert float((made[1, 0] - whole[1, 0]).abs().max()) < 0.06


def test_gradients_beside_given_backbones(backbone, bonded):
    ca = backbone[:6, 1].clone().requires_grad_(True)
    turns = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    joined, there = bonded[:6].clone(), torch.tensor([False, True, False, False, True, False])
    joined[5] = False
    assert gradcheck(lambda a, t: place_peptides(a, joined, t, backbone[:6], there), (ca, turns))
