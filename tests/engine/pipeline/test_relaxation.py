"""Relaxation of files and of results: what is told, what is written, and what happens where it is impossible."""

from __future__ import annotations

import json

import gemmi
import numpy as np
import pytest
from relax_models import MAP, coordinates, everything, piece, shaken

from adp3d.cli import main
from adp3d.contract.errors import InputError
from adp3d.density.crop import NoOverlapError
from adp3d.density.read import read_map
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.pipeline import relaxation
from adp3d.pipeline.relaxation import RelaxMap, relax_files, relax_result, residues_of
from adp3d.placing.write import write_structure
from adp3d.structure.read import read_structure


class Told(NullEvents):
    """What a job tells."""

    def __init__(self):
        self.messages = []
        self.steps = []

    def message(self, text, level="info"):
        self.messages.append((level, text))

    def progress(self, stage, step, total, metrics=None):
        self.steps.append((stage, step, total))


@pytest.fixture
def openmm():
    return pytest.importorskip("openmm", reason="the package openmm is not installed (pip install '.[relax]')")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.cif"
    write_structure(shaken(piece(range(70, 82)), 0.3), path)
    return path


def test_residues_are_found_by_their_labels():
    structure = piece(range(70, 82))
    found = residues_of(structure, [("A", 72, ""), ("A", 75, " "), ("B", 76, "")])
    assert np.flatnonzero(found).tolist() == [2, 5]


def test_a_result_is_relaxed_in_its_map_and_told(openmm):
    events = Told()
    start = shaken(piece(range(70, 90)), 0.3)
    given = coordinates(start)
    done = relax_result(start, everything(start), events, Control(), RelaxMap(read_map(MAP), 1.75))
    told = done.metrics["relaxation"]
    assert json.loads(json.dumps(told)) == told
    assert told["residues"] == 20 and told["left_out"] == [] and told["in_map"] is True
    assert told["after"]["bond_rmsz"] < 1 < told["before"]["bond_rmsz"]
    assert told["after"]["cc_mask"] > told["before"]["cc_mask"]
    assert told["energy_after"] < told["energy_before"] and told["seconds"] > 0
    (first, second) = events.messages
    assert first[0] == "info" and first[1].startswith("20 residues were relaxed in the map in ")
    before, after = (told[when]["clashscore"] for when in ("before", "after"))
    assert second[1].startswith(f"Relaxation of the result: clashscore {before:g} before, {after:g} after; bond RMSZ ")
    assert events.steps[-1][1] == events.steps[-1][2] and {stage for stage, _, _ in events.steps} == {"relaxing"}
    assert np.array_equal(coordinates(start), given), "the model given is not changed"


def test_a_job_that_is_to_stop_stops(openmm):
    control = Control()

    class Stopping(NullEvents):
        def progress(self, stage, step, total, metrics=None):
            control.stop()

    structure = piece(range(70, 82))
    with pytest.raises(Stopped):
        relax_result(structure, everything(structure), Stopping(), control)


def test_residues_that_stay_are_named_in_one_warning(openmm):
    structure = piece(range(70, 82))
    for number in (73, 77):
        (residue,) = structure[0]["A"][str(number)]
        residue.name = "XYZ"
    events = Told()
    relax_result(structure, everything(structure), events, Control())
    (warning,) = [text for level, text in events.messages if level == "warning"]
    assert "2 residues stay where they are: A 73 XYZ (has no parameters), A 77 XYZ (has no parameters)." in warning


def test_without_openmm_the_unrelaxed_model_is_the_result(monkeypatch):
    monkeypatch.setattr(relaxation, "has_openmm", lambda: False)
    events = Told()
    structure = piece(range(70, 74))
    done = relax_result(structure, everything(structure), events, Control())
    assert done.structure is structure and done.metrics == {"relaxation": None}
    ((level, text),) = events.messages
    assert level == "warning" and "openmm" in text and text.endswith("The result is not relaxed.")


def test_where_nothing_can_move_the_unrelaxed_model_is_the_result(openmm):
    events = Told()
    structure = piece(range(70, 74))
    done = relax_result(structure, np.zeros(4, bool), events, Control())
    assert done.structure is structure and done.metrics == {"relaxation": None}
    assert events.messages[0][1].startswith("The result is not relaxed: There is nothing to relax")


@pytest.mark.parametrize("name", ["relaxed.cif", "relaxed.pdb"])
def test_the_command_writes_the_relaxed_model(openmm, model, tmp_path, capsys, name):
    output = tmp_path / name
    words = ["relax", str(model), "--map", str(MAP), "--resolution", "1.75", "--residues", "A:72-76,A:80"]
    assert main([*words, "-o", str(output)]) == 0
    told = capsys.readouterr()
    assert f"Written to {output}" in told.out and "Clashscore" in told.out and "6 residues were relaxed" in told.err
    before, after = read_structure(model), read_structure(output)
    moved = [
        number
        for number in range(70, 82)
        if any(
            a.pos.dist(b.pos) > 0.002
            for a, b in zip(before[0]["A"][str(number)][0], after[0]["A"][str(number)][0], strict=True)
        )
    ]
    assert moved == [72, 73, 74, 75, 76, 80]
    assert main([*words, "-o", str(output)]) == 2
    assert "exists; choose another file" in capsys.readouterr().err


def test_the_command_without_openmm_is_one_sentence(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(relaxation, "has_openmm", lambda: False)
    output = tmp_path / "relaxed.cif"
    assert main(["relax", str(model), "-o", str(output)]) == 2
    assert "Relaxation needs the Python package openmm" in capsys.readouterr().err and not output.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--resolution", "3"], "--resolution concerns a map"),
        (["--residues", "A:500"], "Chain A has no residues 'A:500'"),
        (["--residues", "12"], "12"),
        (["--residues", "Q:1-4"], "names a chain that the job does not have"),
        (["--map", "none.mrc"], "none.mrc"),
        (["--map", str(MAP), "--resolution", "0.1"], "--resolution must lie between"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(openmm, model, tmp_path, capsys, words, sentence):
    output = tmp_path / "relaxed.cif"
    assert main(["relax", str(model), *words, "-o", str(output)]) == 2
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error and not output.exists()


def test_a_model_outside_of_the_map_is_refused(openmm, model, tmp_path):
    structure = read_structure(model)
    for found in structure[0].all():
        found.atom.pos += gemmi.Position(500.0, 0.0, 0.0)
    away = tmp_path / "away.cif"
    write_structure(structure, away)
    with pytest.raises(NoOverlapError):
        relax_files(away, tmp_path / "o.cif", MAP, 1.75)
    with pytest.raises(InputError, match=r"end the name with .cif or .pdb"):
        relax_files(model, tmp_path / "o.txt")


def test_of_several_models_the_first_is_relaxed_which_is_said(openmm, tmp_path):
    structure = shaken(piece(range(70, 80)), 0.3)
    second = structure[0].clone()
    second.num = 2
    structure.add_model(second)
    write_structure(structure, tmp_path / "ensemble.cif")
    events = Told()
    relax_files(tmp_path / "ensemble.cif", tmp_path / "relaxed.cif", events=events)
    assert len(read_structure(tmp_path / "relaxed.cif")) == 1
    assert any(level == "warning" and "holds 2 models: the first" in text for level, text in events.messages)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"bond_rmsz": 0.1, "cc_mask": 0.61}, {"bond_rmsz": 2.6, "cc_mask": 0.61}, "strain bonds"),
        ({"bond_rmsz": 9.0}, {"bond_rmsz": 2.6}, ""),  # better than it was
        ({"bond_rmsz": 0.4, "cc_mask": 0.80}, {"bond_rmsz": 0.3, "cc_mask": 0.77}, "lose the map"),
        ({"bond_rmsz": 0.4, "cc_mask": 0.80}, {"bond_rmsz": 0.3, "cc_mask": 0.79}, ""),
        ({"bond_rmsz": None}, {"bond_rmsz": None}, ""),
    ],
)
def test_what_a_relaxation_may_not_spoil(before, after, said):
    assert said in relaxation._worse(before, after) and bool(said) == bool(relaxation._worse(before, after))


def test_atoms_built_into_each_other_stay_as_they_were_built(openmm):
    start = piece(range(70, 80))
    twin = start[0]["A"].clone()
    twin.name = "B"
    for residue in twin:
        for atom in residue:
            atom.pos = atom.pos + gemmi.Position(0.5, 0.4, 0.3)
    start[0].add_chain(twin)
    events = Told()
    done = relax_result(start, everything(start), events, Control(), RelaxMap(read_map(MAP), 1.75))
    assert done.structure is start and done.metrics == {"relaxation": None}
    assert events.messages[-1][0] == "warning" and "stays as it was built" in events.messages[-1][1]
