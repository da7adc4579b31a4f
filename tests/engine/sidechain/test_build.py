"""Side chains rebuilt from their torsions."""

from __future__ import annotations

import pytest
import torch
from atom14_model import demo_atom14, demo_residues
from torch.autograd import gradcheck

from adp3d.sidechain.build import build_from_unit_vectors, build_side_chains, measure_deviation, terminal_oxygen
from adp3d.sidechain.geometry_table import geometry_table
from adp3d.sidechain.internal import angle, distance
from adp3d.sidechain.measure import measure_chi
from adp3d.sidechain.templates import MSE, N_SLOTS, RESIDUE_NAMES, TEMPLATES, UNKNOWN_TYPE

TABLE = geometry_table(torch.float64)


@pytest.fixture(scope="module")
def model():
    """Complete residues of the demo."""
    xyz, aatype, present = demo_atom14()
    size = torch.tensor([len(TEMPLATES[RESIDUE_NAMES[k]].names) for k in aatype])
    whole = present.sum(-1) == size
    return xyz[whole], aatype[whole], present[whole]


@pytest.fixture(scope="module")
def one_of_each():
    """A residue of every type on the same backbone, with random torsions."""
    backbone = demo_atom14()[0][10:11, :4].expand(len(RESIDUE_NAMES), 4, 3)
    chi = torch.empty(len(RESIDUE_NAMES), 4, dtype=torch.float64).uniform_(
        -3.1, 3.1, generator=torch.Generator().manual_seed(3)
    )
    return backbone.clone(), torch.arange(len(RESIDUE_NAMES)), chi


def test_a_model_comes_back_from_its_torsions(model):
    xyz, aatype, present = model
    chi, _ = measure_chi(xyz, aatype)
    rebuilt = build_side_chains(xyz[:, :4], aatype, chi)
    assert torch.equal(rebuilt[:, :4], xyz[:, :4])
    side = present.clone()
    side[:, :4] = False
    off = (rebuilt - xyz).square().sum(-1)[side]
    # what the model itself departs from usual lengths and angles
    assert float(off.mean().sqrt()) < 0.16
    assert float(off.max().sqrt()) < 1.1


def test_with_deviations_it_comes_back_exactly(model):
    xyz, aatype, present = model
    chi, _ = measure_chi(xyz, aatype)
    rebuilt = build_side_chains(xyz[:, :4], aatype, chi, measure_deviation(xyz, aatype, chi))
    torch.testing.assert_close(rebuilt[present], xyz[present])


def test_torsions_come_back(one_of_each):
    backbone, aatype, chi = one_of_each
    again, known = measure_chi(build_side_chains(backbone, aatype, chi), aatype)
    assert torch.equal(known.sum(-1), torch.tensor([TEMPLATES[name].n_chi for name in RESIDUE_NAMES]))
    torch.testing.assert_close(again[known], chi[known])
    assert not again[~known].any()


def test_bonds_and_angles_are_those_of_the_table_whatever_the_torsions(one_of_each):
    backbone, aatype, chi = one_of_each
    atoms = build_side_chains(backbone, aatype, chi)
    for row, name in enumerate(RESIDUE_NAMES):
        names = TEMPLATES[name].names
        for column, atom in enumerate(TEMPLATES[name].side_chain):
            _, b, c = (atoms[row, names.index(r)] for r in atom.references)
            x = atoms[row, 4 + column]
            assert float(distance(c, x)) == pytest.approx(float(TABLE.length[row, column]))
            assert float(angle(b, c, x)) == pytest.approx(float(TABLE.bend[row, column]))


def test_rings_close(one_of_each):
    """Bonds that nothing places directly have the length of bonds between such atoms; proline's is checked below."""
    backbone, aatype, chi = one_of_each
    atoms = build_side_chains(backbone, aatype, chi)
    usual = {"HIS": 1.32, "PHE": 1.38, "TYR": 1.38, "TRP": 1.38}
    for name, length in usual.items():
        template = TEMPLATES[name]
        for ends in template.closures:
            a, b = (atoms[RESIDUE_NAMES.index(name), template.names.index(end)] for end in ends)
            assert float(distance(a, b)) == pytest.approx(length, abs=0.03), (name, ends)


def test_prolines_close_with_their_own_torsions(model):
    xyz, aatype, _ = model
    proline = aatype == RESIDUE_NAMES.index("PRO")
    chi, _ = measure_chi(xyz, aatype)
    rebuilt = build_side_chains(xyz[:, :4], aatype, chi)[proline]
    closure = distance(rebuilt[:, 6], rebuilt[:, 0])
    assert len(closure) >= 3 and float((closure - 1.47).abs().max()) < 0.12


def test_left_handed_residues_are_not_made(one_of_each):
    """CB lies where L amino acids have it: the improper torsion has the sign of the deposited model's."""
    backbone, aatype, chi = one_of_each
    atoms = build_side_chains(backbone, aatype, chi)[aatype == RESIDUE_NAMES.index("ALA")][0]
    n, ca, c, cb = atoms[0], atoms[1], atoms[2], atoms[4]
    assert float(torch.linalg.cross(n - ca, c - ca) @ (cb - ca)) > 0


def test_selenomethionine_is_methionine_with_longer_bonds(one_of_each):
    backbone, _, chi = one_of_each
    both = torch.tensor([RESIDUE_NAMES.index("MET"), MSE])
    met, mse = build_side_chains(backbone[:2], both, chi[:1].expand(2, 4))
    longer = distance(mse[5], mse[6]) - distance(met[5], met[6])
    assert 0.1 < float(longer) < 0.2


def test_unknown_residues_are_backbones(one_of_each):
    backbone, _, chi = one_of_each
    atoms = build_side_chains(backbone[:1], torch.tensor([UNKNOWN_TYPE]), chi[:1])
    assert atoms.shape == (1, N_SLOTS, 3) and torch.isfinite(atoms).all()
    assert not TABLE.exists[UNKNOWN_TYPE].any()


def test_batches_and_unit_vectors_give_the_same(model):
    xyz, aatype, _ = model
    chi, _ = measure_chi(xyz, aatype)
    backbone = torch.stack([xyz[:, :4], xyz[:, :4] + 5.0])
    turns = torch.stack([chi.cos(), chi.sin()], -1).expand(2, -1, -1, -1)
    both = build_from_unit_vectors(backbone, aatype.expand(2, -1), turns)
    alone = build_side_chains(xyz[:, :4], aatype, chi)
    torch.testing.assert_close(both[0], alone)
    torch.testing.assert_close(both[1], alone + 5.0)


def test_gradients(one_of_each):
    backbone, _, chi = one_of_each
    chosen = torch.tensor([RESIDUE_NAMES.index(name) for name in ("TRP", "ILE")])
    deviation = torch.zeros(2, 10, 3, dtype=torch.float64)
    inputs = [backbone[:2].clone(), chi[:2].clone(), deviation]
    for tensor in inputs:
        tensor.requires_grad_(True)
    assert gradcheck(lambda b, c, d: build_side_chains(b, chosen, c, d), inputs)
    assert gradcheck(lambda b, c: measure_chi(build_side_chains(b, chosen, c), chosen)[0], inputs[:2])


def test_terminal_oxygen_is_where_a_deposited_model_has_it():
    """Where the demo has none: opposite to O, as far from C, 126 degrees from it."""
    xyz, _, _ = demo_atom14()
    oxt = terminal_oxygen(xyz[:, :4])
    c, o = xyz[:, 2], xyz[:, 3]
    assert float((distance(c, oxt) - 1.25).abs().max()) < 0.01
    between = torch.rad2deg(angle(o, c, oxt))
    assert float((between - 121.0).abs().median()) < 3.0
    planar = torch.linalg.det(torch.stack([o - c, oxt - c, xyz[:, 1] - c], -1)).abs()
    assert float(planar.max()) < 1e-6
    residues = demo_residues()
    assert sum("OXT" in residue for residue in residues) in (0, 1)
