"""Torsions of a model, and names exchanged by half a turn."""

from __future__ import annotations

import gemmi
import pytest
import torch
from atom14_model import demo_atom14, demo_residues

from adp3d.sidechain.build import build_side_chains
from adp3d.sidechain.measure import canonical, chi_difference, measure_chi, swap_symmetric
from adp3d.sidechain.templates import RESIDUE_NAMES, TEMPLATES

SYMMETRIC = [RESIDUE_NAMES.index(name) for name in ("ASP", "GLU", "PHE", "TYR")]


def test_torsions_of_a_model_are_those_that_gemmi_measures():
    xyz, aatype, present = demo_atom14()
    chi, known = measure_chi(xyz, aatype, present)
    for row, residue in enumerate(demo_residues()):
        template = TEMPLATES[residue.name]
        for k in range(1, 5):
            names = template.chi_atoms(k) if k <= template.n_chi else ()
            assert bool(known[row, k - 1]) == (k <= template.n_chi and all(n in residue for n in names))
            if known[row, k - 1]:
                expected = gemmi.calculate_dihedral(*(residue[n][0].pos for n in names))
                assert float(chi[row, k - 1]) == pytest.approx(expected, abs=1e-6)


def test_absent_atoms_have_no_torsion_and_no_gradient():
    xyz, aatype, present = demo_atom14()
    gone = present.clone()
    gone[:, 5] = False
    xyz = torch.where(gone[..., None], xyz, torch.zeros_like(xyz)).requires_grad_(True)
    chi, known = measure_chi(xyz, aatype, gone)
    assert not known[:, 0][aatype != RESIDUE_NAMES.index("ILE")].any()
    chi.sum().backward()
    assert torch.isfinite(xyz.grad).all()


def test_half_turns_that_rename_are_no_difference():
    aatype = torch.tensor([*SYMMETRIC, RESIDUE_NAMES.index("ASN")])
    chi = torch.zeros(5, 4)
    turned = chi.clone()
    for row, kind in enumerate(SYMMETRIC):
        turned[row, TEMPLATES[RESIDUE_NAMES[kind]].symmetric_chi - 1] = torch.pi
    turned[4, 1] = torch.pi
    off = chi_difference(turned, chi, aatype)
    assert float(off[:4].max()) < 1e-6
    assert off[4].tolist() == pytest.approx([0.0, torch.pi, 0.0, 0.0])
    assert float(chi_difference(chi + 2 * torch.pi - 0.1, chi, aatype)[4, 0]) == pytest.approx(0.1, abs=1e-5)


def test_names_become_those_of_the_pdb():
    xyz, aatype, present = demo_atom14()
    named, there = canonical(xyz, aatype, present)
    swapped, there_too = canonical(swap_symmetric(xyz, aatype), aatype, present)
    symmetric = torch.isin(aatype, torch.tensor(SYMMETRIC))
    assert symmetric.sum() > 20
    torch.testing.assert_close(named, swapped)
    assert torch.equal(there, there_too)
    assert torch.equal(named[~symmetric], xyz[~symmetric])
    chi, known = measure_chi(named, aatype, there)
    for kind in SYMMETRIC:
        k = TEMPLATES[RESIDUE_NAMES[kind]].symmetric_chi - 1
        assert float(chi[aatype == kind, k].abs().max()) <= torch.pi / 2 + 0.06
    # places of atoms stay, whatever their names
    torch.testing.assert_close(named.sum(1), xyz.sum(1))
    assert torch.equal(known, measure_chi(xyz, aatype, present)[1])


def test_exchanged_names_are_half_a_turn():
    backbone = demo_atom14()[0][:4, :4]
    aatype = torch.tensor(SYMMETRIC)
    chi = torch.full((4, 4), 0.7, dtype=torch.float64)
    turned = chi.clone()
    for row, kind in enumerate(SYMMETRIC):
        turned[row, TEMPLATES[RESIDUE_NAMES[kind]].symmetric_chi - 1] += torch.pi
    swapped = swap_symmetric(build_side_chains(backbone, aatype, chi), aatype)
    # up to what branches differ in angles
    assert float((swapped - build_side_chains(backbone, aatype, turned)).abs().max()) < 0.05
