from __future__ import annotations

import json

import gemmi
import numpy as np
import pytest
from shared_data import shared_file

from adp3d.contract.validation_figures import VALIDATION_FIGURES
from adp3d.density.read import read_map
from adp3d.structure.read import read_structure
from adp3d.validation.model_report import molprobity_score
from adp3d.validation.validate import validate_model


@pytest.fixture(scope="module")
def report(small):
    return validate_model(read_structure(small.deposited), small.density, 1.75)


def test_figures_and_table_of_a_deposited_model(report):
    figures = report.figures()
    assert figures["residues"] == 44 and figures["incomplete_side_chains"] == 0
    assert figures["ramachandran_favoured_percent"] > 95 and figures["rotamer_outliers_percent"] == 0
    assert figures["c_beta_outliers"] == figures["twisted_peptides"] == figures["d_amino_acids"] == 0
    assert 0.85 < figures["q_score"] < 0.97 and figures["q_score_backbone"] > figures["q_score_side_chains"]
    assert figures["cc_mask"] > 0.7 and figures["resolution"] == 1.75
    table = report.residues()
    assert [row["number"] for row in table] == [str(number) for number in range(14, 58)]
    assert len(table[0]["chi"]) == 3 and table[0]["phi"] is None and table[1]["ramachandran"] == "favoured"
    atoms = report.atoms
    mean = report.fit.q[atoms.residue == 3].mean()
    assert table[3]["q_score"] == pytest.approx(mean, abs=1e-3)
    assert sum(row["clashes"] for row in table) <= 2 * figures["clashes"]
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["figures"] == figures


def test_what_is_wrong_is_named(small):
    structure = read_structure(small.deposited)
    chain = structure[0]["A"]
    leucine = next(r for r in chain if r.name == "LEU")
    cb = leucine["CB"][0]
    cb.pos = gemmi.Position(*(np.array(cb.pos.tolist()) + np.array([0.3, 0.3, 0.0])).tolist())
    found = validate_model(structure)
    assert found.figures()["c_beta_outliers"] == 1
    assert any(line.startswith(f"A {leucine.seqid} LEU: ") and "C-beta off" in line for line in found.outliers())
    assert "q_score" not in found.figures() and "q_score" not in found.residues()[0]


def test_missing_side_chains_are_counted_and_judged_nowhere(small):
    structure = read_structure(small.deposited)
    for residue in structure[0]["A"]:
        for name in [atom.name for atom in residue if atom.name not in ("N", "CA", "C", "O")]:
            residue.remove_atom(name, "\0")
    figures = validate_model(structure, small.density, 1.75).figures()
    glycines = sum(residue.name == "GLY" for residue in structure[0]["A"])
    assert figures["incomplete_side_chains"] == 44 - glycines and figures["rotamers_judged"] == 0
    assert figures["rotamers_favoured_percent"] is None and figures["molprobity_score"] is None
    assert figures["q_score_side_chains"] is None and figures["q_score_backbone"] > 0.8
    assert set(VALIDATION_FIGURES) <= set(figures), "whatever has a label is computed"


def test_names_of_force_fields_change_nothing(small, report):
    structure = read_structure(small.deposited)
    renamed = 0
    for residue in structure[0]["A"]:
        if residue.name in ("HIS", "CYS"):
            residue.name, renamed = {"HIS": "HIE", "CYS": "CYX"}[residue.name], renamed + 1
    assert renamed
    found = validate_model(structure)
    assert {k: v for k, v in report.figures().items() if k in found.figures()} == found.figures()


def test_a_model_without_protein_is_no_error():
    structure = gemmi.Structure()
    structure.add_model(gemmi.Model(1))
    report = validate_model(structure)
    assert report.figures()["clashscore"] is None and report.residues() == [] and report.lines()


def test_molprobity_score():
    assert molprobity_score(0.0, 0.5, 99.0) == pytest.approx(0.5)
    # the equation of Chen et al. (2010) at another point
    wanted = 0.426 * np.log(11) + 0.33 * np.log(2.0) + 0.25 * np.log(4.0) + 0.5
    assert molprobity_score(10.0, 2.0, 95.0) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("model", "density", "clashscore", "rotamer_outliers", "favoured", "q"),
    [
        ("maps/emd-20026/deposited.pdb", "maps/emd-20026/map.mrc", 6.0, 1.0, 97.0, 0.86),
        ("maps/emd-30342/deposited.cif", "maps/emd-30342/map.mrc", 25.0, 1.5, 91.0, 0.42),
        ("targets/8ok3.cif", None, 3.0, 1.0, 98.0, None),
    ],
)
def test_known_models(model, density, clashscore, rotamer_outliers, favoured, q):
    source = None if density is None else read_map(shared_file(density))
    figures = validate_model(read_structure(shared_file(model)), source).figures()
    assert figures["clashscore"] < clashscore and figures["rotamer_outliers_percent"] < rotamer_outliers
    assert figures["ramachandran_favoured_percent"] > favoured and figures["rotamers_favoured_percent"] > 90
    if q is not None:
        assert figures["q_score"] > q and figures["cc_mask"] > 0.7
