from __future__ import annotations

import re

import gemmi
import numpy as np
import pytest

from adp3d.placing.target import build_target
from adp3d.placing.write import write_result, write_structure
from adp3d.structure.deposit_names import with_deposit_names
from adp3d.structure.read import read_structure


@pytest.fixture
def model(make):
    extras = {
        "A": [make.small("NAG", 301, (40, 0, 0), "C1", "C"), make.small("HOH", 401, (45, 0, 0), "O", "O", water=True)],
        "B": [make.small("NAG", 301, (90, 0, 0), "C1", "C"), make.small("MG", 302, (95, 0, 0), "MG", "Mg")],
    }
    parts = [make.Part(name, make.SEQUENCE, shift=(50.0 * i, 0, 0), skip=(20,)) for i, name in enumerate("AB")]
    return make.build(parts, extras)


def shown(structure: gemmi.Structure) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [
        (chain.name, str(residue.seqid), residue.name, tuple(atom.name for atom in residue))
        for chain in structure[0]
        for residue in chain
    ]


@pytest.mark.parametrize("ending", [".pdb", ".cif"])
def test_results_have_numbered_entities_and_plain_labels(model, tmp_path, ending):
    write_structure(model, tmp_path / f"in{ending}")
    given = read_structure(tmp_path / f"in{ending}")
    target = build_target(given, None)
    xyz = np.where(np.isfinite(target.xyz), target.xyz, 0.0)
    write_result(given, target, xyz, np.full(target.n_residues, 50.0), tmp_path / "out.cif")
    block = gemmi.cif.read(str(tmp_path / "out.cif")).sole_block()
    entities = list(block.find_values("_entity.id"))
    assert all(name.isdigit() for name in entities) and len(set(entities)) == len(entities)
    labels = set(block.find_values("_atom_site.label_asym_id"))
    assert all(re.fullmatch(r"[A-Za-z0-9]{1,4}", label) for label in labels)
    assert not any(re.search(r"x[pw\d]$", label) for label in labels)
    assert labels == set(block.find_values("_struct_asym.id"))
    assert set(block.find_values("_struct_asym.entity_id")) == set(entities)
    assert set(block.find_values("_atom_site.label_entity_id")) == set(entities)
    # polymers are called as their chains
    for row in block.find("_atom_site.", ["label_asym_id", "auth_asym_id", "label_seq_id"]):
        assert row[2] == "." or row[0] == row[1]
    found = gemmi.read_structure(str(tmp_path / "out.cif"))
    kept = [entry for entry in shown(found) if entry[2] in ("NAG", "MG", "HOH")]
    assert kept == [entry for entry in shown(given) if entry[2] in ("NAG", "MG", "HOH")]
    assert len([e for e in found.entities if e.entity_type == gemmi.EntityType.NonPolymer]) == 2


def test_labels_that_archives_refuse_are_replaced_and_others_stay(model, tmp_path):
    new = {"Axp": "A-p", "Bxp": "C", "Ax1": "A.1", "Bx1": "Q", "Bx2": "D", "Axw": "W"}
    for chain in model[0]:
        for residue in chain:
            residue.subchain = new[residue.subchain]
    for entity in model.entities:
        entity.subchains = [new[label] for label in entity.subchains]
        entity.name = {"NAG!": "7"}.get(entity.name, entity.name)
    before = shown(model)
    found = with_deposit_names(model)
    labels = {residue.subchain for chain in found[0] for residue in chain}
    assert labels == {"A", "C", "B", "Q", "D", "W"}
    assert shown(found) == before == shown(model)
    assert {e.name for e in found.entities} >= {"7", "1"} and all(e.name.isdigit() for e in found.entities)
    assert {label for e in found.entities for label in e.subchains} == labels
    assert with_deposit_names(found) is found
