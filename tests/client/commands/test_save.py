"""``adp3d save``: files that other programs read, and what to write in a paper."""

from __future__ import annotations

import importlib.util
import re

import numpy as np
import pytest

SHORT = "replicas 2 steps 3 device cpu prior gaussian sideChains none"


def _run(session, command):
    from chimerax.core.commands import run

    return run(session, command)


def _atoms(path):
    """Coordinates by chain, number and atom name, and the lines that are no atoms."""
    if path.suffix == ".pdb":
        lines = path.read_text().splitlines()
        atoms = [one for one in lines if one.startswith("ATOM")]
        rows = {(one[21], int(one[22:26]), one[12:16].strip()): one[30:54] for one in atoms}
        return {key: [float(text[i : i + 8]) for i in (0, 8, 16)] for key, text in rows.items()}, lines
    from chimerax.adp3d.handover.atoms import read_cif_atoms

    model = read_cif_atoms(path)
    found = {(*r.address[:2], atom.name): list(model.xyz[atom.index]) for r in model.residues for atom in r.atoms}
    return found, path.read_text().splitlines()


@pytest.fixture
def job(session, make_model, tmp_path):
    """A finished job that has built two gaps, of a model that was moved in the scene."""
    from chimerax.geometry import rotation

    model = make_model(missing=(5, 6, 12, 13, 14))
    model.position = rotation((0.0, 0.0, 1.0), 40.0)
    return _run(session, f"adp3d complete #{model.id_string} {SHORT} folder {tmp_path / 'job'}")


def _last(messages):
    """The newest message on one line: the log breaks lines."""
    return " ".join(messages[-1][1].split())


@pytest.mark.parametrize("ending", [".cif", ".pdb"])
def test_a_result_and_what_is_said_of_it(session, job, messages, tmp_path, ending):
    path = tmp_path / f"whole model{ending}"
    assert _run(session, f'adp3d save "{path}"') == path
    atoms, _ = _atoms(path)
    assert {number for _, number, _ in atoms} == set(range(1, 21))
    engine, _ = _atoms(job.folder / "result.cif")
    assert all(np.allclose(engine[key], place, atol=1e-3) for key, place in atoms.items()) and len(atoms) == len(engine)
    if ending == ".cif":
        assert path.read_bytes() == (job.folder / "result.cif").read_bytes(), "with all records of the engine"
    text = _last(messages)
    assert "5 residues are new: A 5-6, A 12-14." in text and "2 replicas" in text
    assert "arXiv:2406.04239" in text and "ChimeraX" in text
    from chimerax.adp3d.handover.results import result_model

    assert len(session.models.list()) == len({job.model, result_model(session, job)}), "nothing is left open"


@pytest.mark.parametrize("ending", [".cif", ".pdb"])
def test_what_was_accepted_is_saved_in_the_frame_of_the_model(session, job, messages, tmp_path, ending):
    from chimerax.core.errors import UserError

    path = tmp_path / f"part{ending}"
    with pytest.raises(UserError, match="Nothing of ADP-3D job 1 is in its model"):
        _run(session, f"adp3d save {path} source accepted")
    assert not path.exists()
    _run(session, f"adp3d accept {job.id} residues #{job.model.id_string}/A:5-6")
    _run(session, f"adp3d save {path} job 1")
    atoms, _ = _atoms(path)
    assert {number for _, number, _ in atoms} == set(range(1, 21)) - {12, 13, 14}
    for atom in job.model.atoms:
        assert atoms[atom.residue.chain_id, atom.residue.number, atom.name] == pytest.approx(atom.coord, abs=1e-3)
    assert "2 residues are new: A 5-6." in _last(messages) and "it was opened with" in _last(messages)
    _run(session, f"adp3d save {tmp_path / 'all.cif'} source result")
    assert "5 residues are new" in _last(messages)


def test_cis_peptides_are_recorded_and_another_frame_is_written(session, make_model, tmp_path):
    """The peptide of 3 and 4 is turned to cis; coordinates are shifted by a rigid change of frame."""
    from chimerax.adp3d.handover import saving
    from chimerax.adp3d.handover.cis_peptides import cis_peptides
    from chimerax.adp3d.handover.torsions import dihedrals

    model = make_model(missing=())
    first, second = (model.find_residue("A", number) for number in (3, 4))
    assert cis_peptides(model) == []
    axis = second.find_atom("N").coord - first.find_atom("C").coord
    axis /= np.linalg.norm(axis)
    centre = first.find_atom("C").coord
    four = (*(first.find_atom(name) for name in ("CA", "C")), *(second.find_atom(name) for name in ("N", "CA")))
    omega = float(dihedrals(*(np.asarray(atom.coord, np.float64) for atom in four)))
    turn = np.radians(10.0 - omega)
    for residue in model.residues:
        for atom in residue.atoms:
            if residue.number > 4 or (residue is second and atom.name != "N"):
                v = np.asarray(atom.coord) - centre
                turned = v * np.cos(turn) + np.cross(axis, v) * np.sin(turn) + axis * (axis @ v) * (1 - np.cos(turn))
                atom.coord = centre + turned
    (found,) = cis_peptides(model)
    assert found.omega == pytest.approx(10.0, abs=0.01)
    before = np.array(model.atoms.coords)
    matrix = np.array([[0.0, -1.0, 0.0, 5.0], [1.0, 0.0, 0.0, -2.0], [0.0, 0.0, 1.0, 3.0]])
    number = len(session.models.list())
    for ending in (".cif", ".pdb"):
        path = tmp_path / f"model{ending}"
        assert saving.write_model(session, model, matrix, path) == 1
        atoms, lines = _atoms(path)
        assert atoms["A", 1, "CA"] == pytest.approx(
            matrix[:, :3] @ model.find_residue("A", 1).find_atom("CA").coord + matrix[:, 3], abs=2e-3
        )
        if ending == ".pdb":
            (record,) = [line for line in lines if line.startswith("CISPEP")]
            assert record == "CISPEP   1 LEU A    3    GLU A    4          0        10.00"
            assert lines.index(record) < next(i for i, line in enumerate(lines) if line.startswith("ATOM"))
        else:
            assert "1 LEU 3 A ? . GLU 4 A ? 1 10.00" in lines
    assert np.array_equal(before, model.atoms.coords) and len(session.models.list()) == number
    if importlib.util.find_spec("gemmi") is None:  # inside ChimeraX
        return
    import gemmi

    for ending in (".cif", ".pdb"):
        (record,) = gemmi.read_structure(str(tmp_path / f"model{ending}")).cispeps
        assert (record.partner_c.res_id.seqid.num, record.partner_n.res_id.seqid.num) == (3, 4)
        assert record.reported_angle == pytest.approx(10.0, abs=0.01)


def test_nothing_is_replaced_without_a_word_and_mistakes_are_told(session, job, tmp_path):
    from chimerax.core.errors import UserError

    path = tmp_path / "model.cif"
    path.write_text("mine")
    wrong = {
        f"adp3d save {path}": "is there already; 'overwrite true' replaces it",
        f"adp3d save {tmp_path / 'model.txt'}": "must end in",
        f"adp3d save {tmp_path / 'none' / 'model.cif'}": "could not be written",
        f"adp3d save {tmp_path / 'none' / 'model.pdb'}": "could not be written",
    }
    for command, words in wrong.items():
        with pytest.raises(UserError, match=re.escape(words)):
            _run(session, command)
    assert path.read_text() == "mine"
    _run(session, f"adp3d save {path} overwrite true")
    assert path.read_text() != "mine"
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == ["model.cif"]


def test_the_question_means_the_same_file_whatever_the_folder_is_by_then(session, job, tmp_path, monkeypatch):
    from chimerax.adp3d.commands import question

    (tmp_path / "sub").mkdir()
    path = tmp_path / "my model.cif"
    path.write_text("mine")
    asked = []
    monkeypatch.setattr(question, "ask_yes_or_no", lambda session, text, answer: asked.append(answer))
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:  # a window, for the question only
        patch.setattr(session.ui, "is_gui", True, raising=False)
        assert _run(session, 'adp3d save "my model.cif"') is None
    monkeypatch.chdir(tmp_path / "sub")
    assert path.read_text() == "mine"
    (answer,) = asked
    answer(True)
    assert path.read_bytes() == (job.folder / "result.cif").read_bytes() and not list((tmp_path / "sub").iterdir())


@pytest.mark.parametrize("source", ["accepted", "result"])
def test_files_of_the_job_are_read_before_anything_is_written(session, job, tmp_path, source):
    from chimerax.core.errors import UserError

    _run(session, f"adp3d accept {job.id} residues #{job.model.id_string}/A:5-6")
    (job.folder / "residues.csv").write_text("chain\nA\n")
    path = tmp_path / "model.cif"
    path.write_text("mine")
    with pytest.raises(UserError, match="cannot be read"):
        _run(session, f"adp3d save {path} source {source} overwrite true")
    assert path.read_text() == "mine"


def test_remarks_in_any_encoding_stay_as_they_are(session, make_model, monkeypatch, tmp_path):
    """A remark of another file in Latin-1, with the sign that ends lines in Unicode only."""
    import chimerax.pdb
    from chimerax.adp3d.handover import saving
    from chimerax.adp3d.handover.frames import IDENTITY
    from chimerax.adp3d.handover.model_file import read_model_file

    remark = b"REMARK 900 M\xdcLLER \x85 \xff CELL 4 \xc5\n"
    save = chimerax.pdb.save_pdb

    def with_remark(session, path, **kw):
        save(session, path, **kw)
        with open(path, "rb") as stream:
            content = stream.read()
        with open(path, "wb") as stream:
            stream.write(remark + content)

    monkeypatch.setattr(chimerax.pdb, "save_pdb", with_remark)
    path = tmp_path / "model.pdb"
    saving.write_model(session, make_model(missing=()), IDENTITY, path)
    assert path.read_bytes().startswith(remark)
    assert {row.address[1] for row in read_model_file(path).residues} == set(range(1, 21))


def test_chain_names_that_pdb_files_cannot_hold_are_refused(session, make_model, tmp_path):
    from chimerax.adp3d.handover import saving
    from chimerax.adp3d.handover.frames import IDENTITY
    from chimerax.core.errors import UserError

    model = make_model(chains=["AAA"])
    with pytest.raises(UserError, match=r"cannot hold residue MET 1 of chain AAA; save as \.cif"):
        saving.write_model(session, model, IDENTITY, tmp_path / "model.pdb")
    assert not list(tmp_path.glob("*.pdb"))
