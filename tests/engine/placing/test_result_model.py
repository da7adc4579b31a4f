from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.placing.result_model import assemble_model
from adp3d.placing.target import build_target
from adp3d.structure.sequences import NamedSequence


def positions(residue):
    return {(a.name, a.altloc): np.array(a.pos.tolist()) for a in residue}


def as_it_was(row, old):
    """B-factors that stay, and 66 for new atoms."""
    return 66.0 if old is None else old


def assemble(structure, sequence=None, xyz=None, shift=(0.0, 0.0, 0.0)):
    target = build_target(structure, [NamedSequence("s", sequence)] if sequence else None)
    if xyz is None:
        xyz = np.nan_to_num(target.xyz, nan=5.0) + np.array(shift)
    return target, assemble_model(structure[0], target, xyz, as_it_was), xyz


def test_side_chains_follow_the_frame_of_their_residue(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    rng = np.random.default_rng(3)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    xyz = make.helix(80) @ rotation.T + [4, 5, 6]
    _, result, _ = assemble(structure, xyz=xyz)
    for old, new in zip(structure[0]["A"], result.model["A"], strict=True):
        before, after = positions(old), positions(new)
        assert before.keys() == after.keys()
        for key, position in before.items():
            assert after[key] == pytest.approx(rotation @ position + [4, 5, 6], abs=1e-6)
        assert [a.b_iso for a in new] == [a.b_iso for a in old]


def test_conformers_of_a_side_chain_stay_attached(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    residue = structure[0]["A"][3]
    for name in ("N", "CA", "C", "O", "CB"):
        atom = residue[name][0]
        atom.altloc, atom.occ = "A", 0.6
        residue.add_atom(make.atom(name, np.array(atom.pos.tolist()) + np.array([0.5, 0.2, 0.0]), occ=0.4, altloc="B"))
    _, result, xyz = assemble(structure, shift=(1, 1, 1))
    new = result.model["A"][3]
    assert [(a.name, a.altloc, a.occ) for a in new][:4] == [(n, "\0", 1.0) for n in ("N", "CA", "C", "O")]
    # both conformers have the same shape, so both CB land on the one place their frame gives, and are one atom
    assert [(a.altloc, a.occ) for a in new if a.name == "CB"] == [("\0", pytest.approx(1.0))]
    assert np.linalg.norm(positions(new)["CB", "\0"] - xyz[3, 1]) == pytest.approx(1.53)


def test_conformers_of_two_backbones_stay_two_where_their_shapes_differ(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    residue = structure[0]["A"][3]
    place = np.array(residue["CB"][0].pos.tolist())
    for name in ("N", "CA", "C", "O", "CB"):
        atom = residue[name][0]
        atom.altloc, atom.occ = "A", 0.6
        position = np.array(atom.pos.tolist())
        residue.add_atom(make.atom(name, position + np.array([0.5, 0.2, 0.0]), occ=0.4, altloc="B"))
    for altloc, aside in (("A", [0.0, 0.0, 1.5]), ("B", [0.5, 1.7, 0.0])):
        residue.add_atom(make.atom("CG", place + np.array(aside), occ=0.6 if altloc == "A" else 0.4, altloc=altloc))
    _, result, _ = assemble(structure, shift=(1, 1, 1))
    side_chain = [(a.name, a.altloc, round(a.occ, 3)) for a in result.model["A"][3]][4:]
    assert side_chain == [("CB", "\0", 1.0), ("CG", "A", 0.6), ("CG", "B", 0.4)]


def test_conformers_of_an_atom_stay_side_by_side(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    residue = structure[0]["A"][3]
    place = np.array(residue["CB"][0].pos.tolist())
    residue.remove_atom("CB", "\0")
    given = [(name, altloc) for name in ("CB", "CG") for altloc in "AB"]
    for name, altloc in given:
        residue.add_atom(make.atom(name, place + (altloc == "B"), occ=0.5, altloc=altloc))
    _, result, _ = assemble(structure, shift=(1, 1, 1))
    assert [(atom.name, atom.altloc) for atom in result.model["A"][3] if atom.has_altloc()] == given


def test_partial_occupancy_stays_and_axes_of_moved_atoms_go(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    for atom in structure[0]["A"][3]:
        atom.occ, atom.aniso = 0.5, gemmi.SMat33f(0.1, 0.2, 0.3, 0, 0, 0)
    target = build_target(structure, None)
    moved = assemble_model(structure[0], target, target.xyz + 1.0, as_it_was).model["A"][3]
    assert all(atom.occ == 0.5 and not atom.aniso.nonzero() for atom in moved)
    kept = np.arange(80) == 3
    still = assemble_model(structure[0], target, target.xyz + 1.0, as_it_was, kept).model["A"][3]
    assert all(atom.occ == 0.5 and atom.aniso.u22 == pytest.approx(0.2) for atom in still)
    told = assemble_model(structure[0], target, target.xyz, lambda row, old: 80.0, kept).model["A"][3]
    assert all(atom.b_iso == 80.0 and not atom.aniso.nonzero() for atom in told), "a confidence has no axes"


def test_incomplete_backbones_carry_side_chains_along(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    residue = structure[0]["A"][3]
    for name in ("N", "C", "O"):
        residue.remove_atom(name, "\0", gemmi.Element(name))
    target = build_target(structure, None)
    xyz = make.helix(80) + np.array([2.0, 0, 0])
    result = assemble_model(structure[0], target, xyz, as_it_was)
    before, after = positions(residue), positions(result.model["A"][3])
    assert after["CB", "\0"] == pytest.approx(before["CB", "\0"] + np.array([2.0, 0, 0]))
    assert after["N", "\0"] == pytest.approx(xyz[3, 0])


def test_new_residues_are_backbone_only_and_in_order(make):
    structure = make.build([make.Part("A", make.SEQUENCE, skip=(10, 11))])
    _, result, xyz = assemble(structure, make.SEQUENCE)
    chain = result.model["A"]
    assert [r.seqid.num for r in chain] == list(range(1, 81))
    assert [a.name for a in chain[10]] == ["N", "CA", "C", "O"]
    assert [a.element.name for a in chain[10]] == ["N", "C", "C", "O"]
    assert all(a.occ == 1.0 and a.b_iso == 66.0 for a in chain[10])
    assert positions(chain[11])["C", "\0"] == pytest.approx(xyz[11, 2])
    assert result.polymers == {"A": list(range(80))}


def test_renamed_residues_keep_cb_only(make):
    structure = make.build([make.Part("A", make.SEQUENCE, names={1: "UNK", 4: "TRP"})])
    structure[0]["A"][4].add_atom(make.atom("CG", (1, 1, 1)))
    sequence = make.SEQUENCE[:2] + "G" + make.SEQUENCE[3:]
    _, result, _ = assemble(structure, sequence)
    chain = result.model["A"]
    assert [chain[i].name for i in (1, 2, 4)] == ["LYS", "GLY", "TYR"]
    assert [a.name for a in chain[1]] == ["N", "CA", "C", "O", "CB"]
    assert [a.name for a in chain[2]] == ["N", "CA", "C", "O"]
    assert [a.name for a in chain[4]] == ["N", "CA", "C", "O", "CB"]
    assert result.readdressed[("A", 5, "")] == ("A", 5, "", "TYR")
    assert len(result.job_residues) == 80


def test_atoms_of_chain_ends_go_where_the_chain_continues(make):
    structure = make.build([make.Part("A", make.SEQUENCE, 5, 74)])
    first, last = structure[0]["A"][0], structure[0]["A"][69]
    nitrogen = np.array(first["N"][0].pos.tolist())
    for i, name in enumerate(("H1", "H2", "H3")):
        first.add_atom(make.atom(name, nitrogen + np.eye(3)[i]))
    last.add_atom(make.atom("OXT", np.array(last["C"][0].pos.tolist()) + np.array([1.2, 0, 0])))
    _, extended, _ = assemble(structure, make.SEQUENCE)
    chain = extended.model["A"]
    assert [a.name for a in chain[5]] == ["N", "CA", "C", "O", "CB", "H"]
    assert "OXT" not in chain[74]
    _, same, _ = assemble(structure)
    assert [a.name for a in same.model["A"][0]][-3:] == ["H1", "H2", "H3"]
    assert "OXT" in same.model["A"][69]


def test_everything_else_stays_in_its_place(make):
    extras = {
        "A": [
            make.small("MG", 201, (9, 9, 9), "MG", "Mg"),
            make.small("HOH", 202, (8, 8, 8), "O", "O", True),
        ],
        "R": [make.small("U", 1, (30, 0, 0), "P", "P")],
    }
    structure = make.build(
        [make.Part("A", make.SEQUENCE, skip=(3,)), make.Part("B", make.OTHER, shift=(50, 0, 0))], extras
    )
    target = build_target(structure, [NamedSequence("s", make.SEQUENCE)], chains=["A"])
    result = assemble_model(structure[0], target, np.nan_to_num(target.xyz) + 1.0, as_it_was)
    assert [c.name for c in result.model] == ["A", "B", "R"]
    assert [r.name for r in result.model["A"]][80:] == ["MG", "HOH"]
    for name in ("B", "R"):
        for old, new in zip(structure[0][name], result.model[name], strict=True):
            assert old.seqid == new.seqid and old.name == new.name
            assert [(a.name, a.pos.tolist(), a.b_iso) for a in old] == [(a.name, a.pos.tolist(), a.b_iso) for a in new]


def test_caps_stay_next_to_their_residue(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    cap = make.small("ACE", 0, (-1, 0, 0), "C", "C")
    cap.entity_type, cap.subchain = gemmi.EntityType.Polymer, structure[0]["A"][0].subchain
    structure[0]["A"].add_residue(cap, 0)
    target = build_target(structure, None)
    result = assemble_model(structure[0], target, target.xyz + 1.0, as_it_was)
    assert [r.name for r in result.model["A"]][:2] == ["ACE", "MET"]
    assert result.polymers["A"] == list(range(81))


def test_joined_and_split_chains(make):
    parts = [make.Part("A", make.SEQUENCE, 40, 79), make.Part("B", make.SEQUENCE, 0, 30)]
    structure = make.build(parts, {"B": [make.small("MG", 301, (9, 9, 9), "MG", "Mg")]})
    _, result, _ = assemble(structure, make.SEQUENCE)
    assert [(c.name, len(c)) for c in result.model] == [("A", 80), ("B", 1)]
    assert result.readdressed[("B", 1, "")][:2] == ("A", 1)
    lone = make.build(parts)
    _, result, _ = assemble(lone, make.SEQUENCE)
    assert [c.name for c in result.model] == ["A"]


def test_a_second_molecule_gets_a_chain_of_its_own(make):
    parts = [make.Part("A", make.SEQUENCE), make.Part("A", make.OTHER, start=201, shift=(40, 0, 0))]
    structure = make.build(parts)
    target = build_target(structure, [NamedSequence("s", make.SEQUENCE), NamedSequence("t", make.OTHER)])
    result = assemble_model(structure[0], target, target.xyz + 0.5, as_it_was)
    assert [(c.name, len(c)) for c in result.model] == [("A", 80), ("B", len(make.OTHER))]
    assert result.readdressed[("A", 201, "")] == ("B", 201, "", "GLY")
    assert result.model["B"][0].subchain != result.model["A"][0].subchain


def test_a_foreign_template_is_refused(make):
    structure = make.build([make.Part("A", make.SEQUENCE)])
    target = build_target(structure, None)
    other = make.build([make.Part("A", make.OTHER)])
    with pytest.raises(ValueError, match="not the structure"):
        assemble_model(other[0], target, target.xyz, as_it_was)
