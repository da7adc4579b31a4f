"""Copies that a model lacks, and those that are to be equal."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from symmetric_complex import assembled

from adp3d.contract.errors import InputError
from adp3d.contract.symmetry import parse_symmetry
from adp3d.placing.symmetric_model import assembly_operators, with_copies, with_equal_copies
from adp3d.placing.target import build_target
from adp3d.structure.read import read_structure
from adp3d.structure.symmetric_copies import Orbit
from adp3d.structure.symmetry import Symmetry, apply, symmetry_of_symbol

C3 = symmetry_of_symbol(parse_symmetry("C3"), (0, 0, 1), (40, 0, 0))


def places(chain):
    return np.array([atom.pos.tolist() for residue in chain for atom in residue])


def test_copies_have_all_of_their_chain_and_names_that_are_free(make):
    structure = make.build(
        [make.Part("A", make.SEQUENCE[:30]), make.Part("B", make.OTHER[:25], shift=(0, 30, 0))],
        {
            "A": [
                make.small("ZN", 200, (5, 5, 5), element="Zn"),
                make.small("HOH", 300, (6, 6, 6), "O", "O", water=True),
            ]
        },
    )
    link = gemmi.Connection()
    link.name, link.type = "metal1", gemmi.ConnectionType.MetalC
    link.partner1 = gemmi.make_address(structure[0]["A"], structure[0]["A"][3], structure[0]["A"][3][0])
    link.partner2 = gemmi.make_address(structure[0]["A"], structure[0]["A"][30], structure[0]["A"][30][0])
    structure.connections.append(link)
    before = structure.make_mmcif_document().as_string()
    made, orbits = with_copies(structure, [Orbit("A", ("A", None, "C")), Orbit("B", ("B", None, None))], C3)
    assert structure.make_mmcif_document().as_string() == before
    assert [orbit.copies for orbit in orbits] == [("A", "D", "C"), ("B", "E", "F")]
    new = orbits[0].copies[1]
    np.testing.assert_allclose(places(made[0][new]), apply(C3.operators[1], places(structure[0]["A"])), atol=1e-9)
    assert [str(r.seqid) for r in made[0][new]] == [str(r.seqid) for r in structure[0]["A"]]
    assert len(made.connections) == 2 and made.connections[1].partner1.chain_name == new
    # the copy belongs to the same molecule: its sequence is known
    subchains = [subchain for entity in made.entities for subchain in entity.subchains]
    assert len(subchains) == len(set(subchains))
    assert {r.subchain for chain in made[0] for r in chain} <= set(subchains)
    target = build_target(made, None)
    assert new in target.polymer.chain_ids


def test_a_complete_model_is_taken_as_it_is(make):
    structure = make.build([make.Part("A", make.SEQUENCE[:30])])
    made, orbits = with_copies(structure, [Orbit("A", ("A", "B", "C"))], C3)
    assert made is structure and orbits[0].copies == ("A", "B", "C")


def test_copies_become_images_and_right_ones_stay_as_they_are(small):
    structure, symmetry = assembled(small.deposited, "C3", 13.0)
    names = [chain.name for chain in structure[0]]
    own, _second, third = (structure[0][name] for name in names)
    computed = structure.clone()
    computed[0][names[0]][5][0].pos += gemmi.Position(1, 0, 0)
    moved = structure.clone()
    moved[0][names[2]][7][1].pos += gemmi.Position(0, 0.5, 0)
    moved[0][names[1]][3][0].b_iso = 77.0

    def address(chain, residue):
        return chain.name, residue.seqid.num, residue.seqid.icode.strip()

    twins = {
        address(chain, residue): (address(own, twin), number)
        for number, chain in enumerate(structure[0])
        for residue, twin in zip(chain, own, strict=True)
    }
    made = with_equal_copies(moved, computed, twins, symmetry.operators)
    assert np.array_equal(places(made[0][names[0]]), places(computed[0][names[0]]))
    for operator, name in zip(symmetry.operators, names, strict=True):
        apart = np.linalg.norm(apply(operator, places(computed[0][names[0]])) - places(made[0][name]), axis=-1)
        assert apart.max() < 0.005
    # what was an image already is bit for bit what it was
    assert made[0][names[1]][3][0].b_iso == 77.0
    assert np.array_equal(places(made[0][names[2]])[:5], places(third)[:5])
    assert made[0][names[2]][5][0].pos.dist(third[5][0].pos) == pytest.approx(1.0, abs=1e-3)


def test_anisotropic_displacements_turn_with_their_atoms(make):
    structure = make.build([make.Part("A", make.SEQUENCE[:30])])
    structure[0]["A"][0][0].aniso = gemmi.SMat33f(0.5, 0.2, 0.1, 0.05, 0.0, 0.02)
    made, orbits = with_copies(structure, [Orbit("A", ("A", None, None))], C3)
    before = np.array(structure[0]["A"][0][0].aniso.as_mat33().tolist())
    after = np.array(made[0][orbits[0].copies[1]][0][0].aniso.as_mat33().tolist())
    turn = C3.operators[1][:, :3]
    np.testing.assert_allclose(after, turn @ before @ turn.T, atol=1e-6)


def assembly(structure, *sets):
    made = gemmi.Assembly("1")
    for operators in sets:
        generator = gemmi.Assembly.Gen()
        generator.chains = [structure[0][0].name]
        for i, operator in enumerate(operators):
            one = gemmi.Assembly.Operator()
            one.name = str(i + 1)
            one.transform = gemmi.Transform(gemmi.Mat33(operator[:, :3].tolist()), gemmi.Vec3(*operator[:, 3].tolist()))
            generator.operators.append(one)
        made.generators.append(generator)
    structure.assemblies.append(made)
    return structure


def test_assemblies_of_files_are_read(make, tmp_path):
    structure = assembly(make.build([make.Part("A", make.SEQUENCE[:30])]), C3.operators[[1, 0, 2]])
    structure.make_mmcif_document().write_file(str(tmp_path / "a.cif"))
    name, operators = assembly_operators(read_structure(tmp_path / "a.cif"), "1")
    assert name == "assembly 1"
    np.testing.assert_allclose(operators, C3.operators, atol=1e-6)
    assert Symmetry(name, operators).closed


def test_operators_of_an_assembly_need_not_form_a_group_and_count_once(make, tmp_path):
    helix = symmetry_of_symbol(parse_symmetry("H,9,35,4"), (0, 1, 0), (10, 20, 30)).operators
    structure = assembly(make.build([make.Part("A", make.SEQUENCE[:30])]), helix[[1, 0, 2, 1, 3]])
    structure.make_mmcif_document().write_file(str(tmp_path / "a.cif"))
    name, operators = assembly_operators(read_structure(tmp_path / "a.cif"), "1")
    np.testing.assert_allclose(operators, helix, atol=1e-6)
    symmetry = Symmetry(name, operators)
    assert not symmetry.closed and len(symmetry.neighbours()) == 6


def test_assemblies_that_cannot_be_used_are_refused(make):
    structure = make.build([make.Part("A", make.SEQUENCE[:30])])
    with pytest.raises(InputError, match="describes no assembly"):
        assembly_operators(structure, "")
    with pytest.raises(InputError, match="adds no copies"):
        assembly_operators(assembly(structure.clone(), C3.operators[:1]), "")
    with pytest.raises(InputError, match="no assembly '2'; it has 1"):
        assembly_operators(assembly(structure.clone(), C3.operators), "2")
    with pytest.raises(InputError, match="different ways"):
        assembly_operators(assembly(structure.clone(), C3.operators, C3.operators[:2]), "")
