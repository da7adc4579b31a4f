"""Backbones from CA traces."""

from __future__ import annotations

import pytest
import torch
from atom14_model import demo_atom14
from torch.autograd import gradcheck

from adp3d.sidechain.internal import angle, distance
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
