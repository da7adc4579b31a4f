"""Scenes of models: what is given, what is known, and what stands in the way."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
import torch
from atom14_model import DEMO, demo_atom14

from adp3d.sidechain.scene_of_model import atom14_of, residue_type, scene_of_model
from adp3d.sidechain.templates import MSE, RESIDUE_NAMES, UNKNOWN_TYPE
from adp3d.structure.read import read_structure


@pytest.fixture
def demo() -> gemmi.Structure:
    return read_structure(DEMO)


def position(residue: gemmi.Residue, name: str) -> np.ndarray:
    return np.array(residue[name][0].pos.tolist())


def test_a_whole_model_is_known_as_it_stands(demo):
    found = scene_of_model(demo)
    xyz, aatype, present = demo_atom14()
    scene = found.scene
    there = torch.cat([torch.ones_like(present[:, :4]), scene.shown[0]], -1)
    assert torch.equal(scene.aatype[0], aatype)
    assert torch.equal(there[torch.from_numpy(found.whole)], present[torch.from_numpy(found.whole)])
    assert torch.equal(scene.known[0], torch.from_numpy(found.whole)) and scene.has_backbone.all()
    torch.testing.assert_close(scene.atoms[0][there].double(), xyz[there], atol=1e-5, rtol=0)
    assert scene.bonded[0, :-1].all() and found.labels[0][0] == "A"


def test_residues_without_their_side_chain_are_free(demo):
    chain = demo[0]["A"]
    lysine = next(i for i, residue in enumerate(chain) if residue.name == "LYS")
    chain[lysine].remove_atom("NZ", "\0", gemmi.Element("N"))
    found = scene_of_model(demo)
    assert not found.scene.known[0, lysine] and not found.scene.shown[0, lysine].any()
    assert found.scene.free[0, lysine] and found.scene.has_backbone[0, lysine]
    asked = scene_of_model(demo, lambda row, label: row == lysine + 1)
    assert not asked.scene.known[0, lysine + 1] and asked.whole[lysine + 1]


def test_a_trace_has_ca_only(demo):
    for residue in demo[0]["A"]:
        for k in reversed(range(len(residue))):
            if residue[k].name != "CA":
                del residue[k]
    scene = scene_of_model(demo).scene
    assert not scene.has_backbone.any() and scene.bonded[0, :-1].all()
    free = scene.free[0]
    assert free.all() and not scene.shown.any()


def test_gaps_are_not_bonded(demo):
    del demo[0]["A"][20:25]
    scene = scene_of_model(demo).scene
    assert not scene.bonded[0, 19] and scene.residue_index[0, 20] - scene.residue_index[0, 19] == 6


def test_types_of_names():
    assert residue_type("MSE", "M") == MSE
    assert residue_type("HIE", "H") == RESIDUE_NAMES.index("HIS")
    assert residue_type("SEP", "S") == RESIDUE_NAMES.index("SER")
    assert residue_type("UNK", "X") == UNKNOWN_TYPE


def test_modified_residues_and_ligands_stay_and_are_in_the_way(demo, make):
    chain = demo[0]["A"]
    row = next(i for i, residue in enumerate(chain) if residue.name == "SER")
    chain[row].name = "SEP"
    chain[row].add_atom(make.atom("P", position(chain[row], "OG") + 1.6))
    ligands = gemmi.Chain("L")
    ligands.add_residue(make.small("ZN", 1, (1.0, 2.0, 3.0)))
    ligands.add_residue(make.small("HOH", 2, (9.0, 2.0, 3.0), "O", "O", water=True))
    demo[0].add_chain(ligands)
    chain = demo[0]["A"]  # adding moves it
    waters = sum(residue.is_water() for c in demo[0] for residue in c)
    assert waters >= 1
    found = scene_of_model(demo)
    assert found.scene.known[0, row] and found.names[row] == "SEP"
    assert found.scene.shown[0, row].sum() == 2  # CB and OG; P is none of serine's
    places = found.obstacles.numpy()
    for wanted, element in ((position(chain[row], "P"), "P"), (np.array([1.0, 2.0, 3.0]), "Zn")):
        nearest = np.linalg.norm(places - wanted, axis=-1).argmin()
        np.testing.assert_allclose(places[nearest], wanted, atol=1e-4)
        assert found.obstacle_elements[nearest] == element
    assert np.linalg.norm(places - np.array([9.0, 2.0, 3.0]), axis=-1).min() > 1


def test_the_most_occupied_conformer_counts(make):
    residue = gemmi.Residue()
    residue.name = "SER"
    for name, x in (("CA", 0), ("OG", 2)):
        residue.add_atom(make.atom(name, (x, 0, 0), altloc="A", occ=0.3))
        residue.add_atom(make.atom(name, (x + 1, 0, 0), altloc="B", occ=0.7))
    atoms = atom14_of(residue, RESIDUE_NAMES.index("SER"))
    assert atoms[1, 0] == 1 and atoms[5, 0] == 3 and np.isnan(atoms[4]).all()


def test_nothing_without_ca(make):
    structure = make.build([make.Part("A", "AAA")])
    for residue in structure[0]["A"]:
        residue.remove_atom("CA", "\0", gemmi.Element("C"))
    with pytest.raises(ValueError, match="no residue has a CA"):
        scene_of_model(structure)
