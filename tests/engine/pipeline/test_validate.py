"""`adp3d check --validate`, and the validation of what jobs leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import gemmi
import numpy as np
import pytest

import adp3d
from adp3d.cli import main
from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.write import write_map
from adp3d.pipeline.validate import validate_files, validation_of_job
from adp3d.structure.read import read_structure

BACKBONE = ("N", "CA", "C", "O")
DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"


def run(*words) -> int:
    return main([str(word) for word in words])


def test_model_alone_in_words(small, capsys):
    assert run("check", "--validate", small.deposited) == 0
    said = capsys.readouterr().out
    assert "Clashscore" in said and "Rotamers" in said and "Q-score" not in said


def test_model_in_a_map_as_json(small, capsys):
    assert run("check", "--validate", "--json", "--resolution", "1.75", small.map, small.deposited) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"figures", "residues", "clashes", "register"} and report["register"] == []
    assert len(report["residues"]) == 44
    assert report["figures"]["resolution"] == 1.75 and report["figures"]["q_score"] > 0.85


def test_options_of_jobs_are_refused(small, capsys):
    assert run("check", "--validate", small.deposited, "--replicas", "3") == 2
    assert "--replicas concerns a job" in capsys.readouterr().err


def test_a_model_outside_of_the_map_is_told(small, tmp_path):
    far = small.density
    write_map(DensityMap(far.values, far.origin + 500.0, far.axes), tmp_path / "far.mrc")
    with pytest.raises(InputError, match="do not overlap"):
        validate_files(small.deposited, tmp_path / "far.mrc")


def test_lines_name_the_worst(small):
    report = validate_files(small.deposited, small.map, 1.75)
    assert any(line.startswith("Lowest Q-scores of side chains: A ") for line in report["lines"])
    assert all(isinstance(value, int | float | None) for value in report["figures"].values())


def test_stretches_out_of_register_are_told_wherever_a_model_comes_from(tmp_path):
    structure = gemmi.read_structure(str(DEMO / "emd_20026_incomplete.cif.gz"))
    chain = structure[0]["A"]
    places = {r.seqid.num: {a.name: gemmi.Position(a.pos) for a in r} for r in chain}
    for number in range(136, 153):
        (residue,) = (r for r in chain if r.seqid.num == number)
        for name in [atom.name for atom in residue if atom.name not in BACKBONE]:
            residue.remove_atom(name, "\0")
        for atom in residue:
            atom.pos = places[number + 1][atom.name]
    structure.write_pdb(str(tmp_path / "shifted.pdb"))  # no sequence: what is not there has no type
    report = validate_files(tmp_path / "shifted.pdb", DEMO / "emd_20026_protomer.map.gz", 1.75)
    (found,) = report["register"]
    assert found["shift"] == 1 and abs(int(found["first"]) - 136) <= 4 and abs(int(found["last"]) - 152) <= 4
    assert any("look like those one residue further on along the sequence" in line for line in report["lines"])


def test_what_has_no_backbone_has_no_register(small, tmp_path):
    structure = gemmi.read_structure(str(small.deposited))
    for residue in structure[0]["A"]:
        for name in [atom.name for atom in residue if atom.name != "CA"]:
            residue.remove_atom(name, "\0")
    structure.write_pdb(str(tmp_path / "trace.pdb"))
    assert validate_files(tmp_path / "trace.pdb", small.map, 1.75)["register"] is None
    assert validate_files(small.deposited)["register"] is None


def test_jobs_are_validated_where_there_are_side_chains(small, tmp_path):
    start, density = read_structure(small.model), small.density
    found = validation_of_job(start, small.deposited, density, 1.75, "none").figures()
    assert found is not None and (found["before"]["residues"], found["after"]["residues"]) == (37, 44)
    assert found["after"]["q_score"] > 0.85
    bare = read_structure(small.deposited)
    for residue in bare[0]["A"]:
        for name in [atom.name for atom in residue if atom.name not in BACKBONE]:
            residue.remove_atom(name, "\0")
    bare.make_mmcif_document().write_file(str(tmp_path / "bare.cif"))
    assert validation_of_job(start, tmp_path / "bare.cif", density, 1.75, "none") is None
    assert np.isfinite([found["before"]["clashscore"], found["after"]["clashscore"]]).all()
