"""Commands that run jobs, as the user types them, with the real engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

SHORT = "replicas 2 steps 3 device cpu"


def _run(session, command, **kw):
    from chimerax.core.commands import run

    return run(session, command, **kw)


def test_complete_from_start_to_accept(session, make_model, messages, tmp_path):
    from chimerax.adp3d.handover.record import Handover
    from chimerax.adp3d.handover.results import result_model

    model = make_model(waters=1)
    spec = f"#{model.id_string}"
    before = model.atoms.coords.copy()
    folder = tmp_path / "job"
    job = _run(session, f"adp3d complete {spec} {SHORT} keep {spec}/A:1-3 folder {folder}")
    assert str(job.state) == "finished" and job.prepared.spec["keep"] == ["A:1-3"]
    assert not Path(Handover.of(job.prepared.extra).staging).exists(), "temporary inputs are gone"
    assert np.array_equal(model.atoms.coords, before) and model.num_residues == 18
    assert job.prepared.command == f"adp3d complete {spec} keep {spec}/A:1-3 replicas 2 steps 3 device cpu"
    result = result_model(session, job)
    assert result is not None and result.id is not None and result is not model
    assert [r.number for r in result.residues if r.name != "HOH"] == list(range(1, 21))
    first = [a for a in model.atoms if a.residue.number <= 3]
    same = [result.find_residue("A", a.residue.number).find_atom(a.name) for a in first]
    assert np.array([a.coord for a in same]) == pytest.approx(np.array([a.coord for a in first]), abs=2e-3)
    kept = [tuple(a.coord) for a in first]
    accepted = _run(session, f"adp3d accept {job.id}")
    assert accepted is model and model.num_residues == 21
    assert [tuple(a.coord) for a in model.atoms if a.residue.number <= 3] == kept
    assert any("written into" in text for _, text in messages)
    session.undo.undo()
    assert np.array_equal(model.atoms.coords, before) and model.num_residues == 18


def test_types_that_differ_from_the_sequence(session, make_model, messages, tmp_path):
    from chimerax.adp3d.handover.results import result_model

    model = make_model()
    spec = f"#{model.id_string}"
    other = "MALEKMALEKMALEWMALEK"  # residue 15 is LYS in the model
    report = _run(session, f"adp3d check {spec} sequence {other} device cpu")
    (told,) = [text for text in report["advice"] if "A 15" in text]
    assert "LYS in the model and TRP in the sequence" in told
    assert any("'keepTypes' keeps LYS" in text for _, text in messages), "options are called as in commands"
    job = _run(session, f"adp3d complete {spec} {SHORT} sequence {other} keepTypes true folder {tmp_path / 'job'}")
    assert job.prepared.spec["keep_types"] is True and "keepTypes true" in job.prepared.command
    assert result_model(session, job).find_residue("A", 15).name == "LYS"
    renamed = _run(session, f"adp3d complete {spec} {SHORT} sequence {other} folder {tmp_path / 'second'}")
    assert renamed.prepared.spec["keep_types"] is False and "keepTypes" not in renamed.prepared.command
    assert result_model(session, renamed).find_residue("A", 15).name == "TRP"
    assert any(level == "warning" and "'keepTypes' keeps LYS" in text for level, text in messages)


def test_a_complete_model_has_nothing_to_build(session, make_model, messages, tmp_path):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.core.errors import UserError

    model = make_model(missing=())
    job = _run(session, f"adp3d complete #{model.id_string} {SHORT} sideChains none folder {tmp_path / 'job'}")
    assert str(job.state) == "finished"
    assert any("nothing to build" in text for level, text in messages if level == "warning")
    result = result_model(session, job)
    same = [result.find_residue("A", a.residue.number).find_atom(a.name).coord for a in model.atoms]
    assert np.array(same) == pytest.approx(model.atoms.coords, abs=2e-3)
    with pytest.raises(UserError, match="changed nothing"):
        _run(session, f"adp3d accept {job.id}")


def test_refine_of_a_moved_model_in_a_moved_map(session, make_model, density, tmp_path):
    from chimerax.geometry import rotation, translation

    model = make_model()
    volume = density(make_model(missing=()))
    whole = translation((20, 5, -7)) * rotation((1, 1, 0), 50)
    model.position, volume.position = whole, whole * volume.position
    inside = translation((3, 1, 2)) * rotation((0, 1, 2), 25)  # the model's own frame is not the map's
    model.atoms.coords = np.ascontiguousarray(inside.inverse() * model.atoms.coords)
    model.position = model.position * inside
    before, scene = model.atoms.coords.copy(), model.atoms.scene_coords.copy()
    command = (
        f"adp3d refine #{model.id_string} inMap #{volume.id_string} resolution 3 {SHORT} folder {tmp_path / 'job'}"
    )
    job = _run(session, command)
    assert str(job.state) == "finished" and job.error == ""
    from chimerax.adp3d.handover.results import result_model

    result = result_model(session, job)
    assert np.array_equal(model.atoms.coords, before)
    shared = [result.find_residue("A", a.residue.number).find_atom(a.name) for a in model.atoms]
    apart = np.linalg.norm(np.array([a.scene_coord for a in shared]) - scene, axis=1)
    assert apart.max() < 6.0 and np.median(apart) < 2.0, "the result lies on the model, not in another frame"
    own = np.linalg.norm(np.array([a.coord for a in shared]) - before, axis=1)
    assert own == pytest.approx(apart, abs=0.01), "coordinates are those of the model's own frame"
    before_accept = model.num_residues
    _run(session, f"adp3d accept {job.id}")
    assert model.num_residues == before_accept + 3


def test_model_closed_while_the_job_runs(session, make_model, tmp_path, wait_until):
    from chimerax.core.errors import UserError

    model = make_model()
    job = _run(session, f"adp3d complete #{model.id_string} {SHORT} wait false folder {tmp_path / 'job'}")
    session.models.close([model])
    wait_until(lambda: job.ended)
    assert str(job.state) == "finished"
    with pytest.raises(UserError, match="newModel true"):
        _run(session, f"adp3d accept {job.id}")
    result = _run(session, f"adp3d accept {job.id} newModel true")
    assert result.num_residues == 20
    again = _run(session, f"adp3d accept {job.id} newModel true")
    assert again is result


def test_distances(session, tmp_path):
    rows = [f"A,{i},CA,A,{i + 4},CA,6.2" for i in range(1, 13)]
    path = tmp_path / "restraints.csv"
    path.write_text("chain1,residue1,atom1,chain2,residue2,atom2,distance\n" + "\n".join(rows) + "\n")
    command = f"adp3d distances MALEKMALEKMALEKM restraints {path} {SHORT} openResult false folder {tmp_path / 'job'}"
    job = _run(session, command)
    assert str(job.state) == "finished", job.error
    assert not session.models.list()
    result = _run(session, "adp3d accept")
    assert result.num_residues == 16


def test_check_changes_nothing(session, make_model, density, tmp_path, monkeypatch):
    from chimerax.adp3d.settings import adp3d_settings

    adp3d_settings(session).job_folder = str(tmp_path / "jobs")
    model = make_model()
    volume = density(model)
    opened = {m for m in session.models.list() if len(m.id) == 1}
    report = _run(session, f"adp3d check #{model.id_string} inMap #{volume.id_string} resolution 3 device cpu")
    assert report["ok"] is True and report["lines"]
    assert {m for m in session.models.list() if len(m.id) == 1} == opened and not (tmp_path / "jobs").exists()


def test_errors_are_one_sentence_before_anything_starts(session, make_model, make_map, tmp_path):
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.core.errors import UserError

    model, volume = make_model(), make_map(origin=(500.0, 0.0, 0.0))
    wrong = {
        f"adp3d refine #{model.id_string} inMap #{volume.id_string} dock never": "outside of map",
        f"adp3d complete #{model.id_string} chains A,Q": "no protein chain Q",
        f"adp3d complete #{model.id_string} sequence 12345": "is no file",
        f"adp3d refine #{model.id_string} inMap #{volume.id_string} densityWeight nan": "'densityWeight' must|outside",
        f"adp3d refine #{model.id_string}": "inMap|in_map",
        "adp3d accept 99": "no ADP-3D job 99",
    }
    for command, words in wrong.items():
        with pytest.raises(UserError, match=words):
            _run(session, command)
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="not empty"):
        _run(session, f"adp3d complete #{model.id_string} folder {full}")
    assert not job_manager(session).jobs and (full / "mine.txt").exists()


def test_job_folders_have_names_of_their_own(session, make_model, tmp_path):
    from chimerax.adp3d.handover.staging import new_job_folder
    from chimerax.adp3d.settings import adp3d_settings

    adp3d_settings(session).job_folder = str(tmp_path / "jobs")
    first = new_job_folder(session, "my model (1).pdb", "refine", None)
    second = new_job_folder(session, "my model (1).pdb", "refine", None)
    assert first != second and first.name == "my_model_1_refine_1" and second.name == "my_model_1_refine_2"


def test_the_folder_of_a_failed_start_may_be_used_again(session, tmp_path):
    from chimerax.adp3d.handover.staging import new_job_folder
    from chimerax.core.errors import UserError

    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "job.json").write_text("{}")
    (folder / "engine.log").write_text("said\n")
    (folder / "events.log").write_text('{"time": 1, "event": "started"}\n')
    with pytest.raises(UserError, match="not empty"):
        new_job_folder(session, "m", "refine", str(folder))
    with (folder / "events.log").open("a") as log:
        log.write('{"time": 2, "event": "failed", "text": "The model has no protein chain."}\n')
    assert new_job_folder(session, "m", "refine", str(folder)) == folder
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "step_1.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match="not empty"):
        new_job_folder(session, "m", "refine", str(folder))


def test_settings_are_called_as_their_keywords():
    from chimerax.adp3d.handover.prepare import _specification
    from chimerax.core.errors import UserError

    files = {"model": "a.cif", "output": "out"}
    with pytest.raises(UserError, match="'densityWeight' must lie between"):
        _specification("refine", {**files, "map": "a.mrc", "density_weight": float("nan")})
    with pytest.raises(UserError, match="'prior' must be one word, not 'my prior'"):
        _specification("complete", {**files, "prior": "my prior"})


def test_result_of_a_closed_session_stays_in_its_folder(session, make_model, messages, tmp_path, wait_until):
    model = make_model()
    folder = tmp_path / "job"
    job = _run(session, f"adp3d complete #{model.id_string} {SHORT} wait false folder {folder}")
    session.reset()
    wait_until(lambda: job.ended)
    assert str(job.state) == "finished" and not session.models.list()
    said = "".join(word for _, text in messages for word in text.split())  # the log breaks lines, also at hyphens
    assert "".join(f"adp3d resume {folder}".split()) in said and "whosesessionwasclosed" in said
    _run(session, f"adp3d resume {folder}")
    assert [m.num_residues for m in session.models.list() if hasattr(m, "num_residues")] == [20]


@pytest.mark.parametrize(
    "change", ["closed", *(pytest.param(change, marks=pytest.mark.slow) for change in ("deleted", "nothing"))]
)
def test_what_the_log_offers_at_the_end(session, make_model, density, messages, tmp_path, wait_until, change):
    model = make_model()
    command = f"adp3d refine #{model.id_string} inMap #{density(model).id_string} resolution 3 {SHORT}"
    job = _run(session, f"{command} wait false folder {tmp_path / 'job'}")
    wait_until(lambda: job.layout is not None)
    if change == "closed":
        session.models.close([model])
    elif change == "deleted":
        model.residues[3].delete()
    wait_until(lambda: job.ended)
    (said,) = (text for _, text in messages if text.startswith("The result of ADP-3D job"))
    assert (f"'adp3d accept {job.id} newModel true'" in said) == (change != "nothing")
    assert (f"'adp3d accept {job.id}' writes it" in said) == (change == "nothing")


def test_accept_says_what_becomes_of_b_factors(session, make_model, messages, tmp_path):
    model = make_model()
    job = _run(session, f"adp3d complete #{model.id_string} {SHORT} folder {tmp_path / 'job'}")
    before = {a.name: a.bfactor for a in model.residues[2].atoms}
    _run(session, f"adp3d accept {job.id} bFactors keep")
    assert before.items() <= {a.name: a.bfactor for a in model.residues[2].atoms}.items()
    assert any("its attribute adp3d_confidence" in text for _, text in messages)
    session.undo.undo()
    _run(session, f"adp3d accept {job.id} bFactors confidence")
    built = [r for r in model.residues if getattr(r, "adp3d_confidence", None) is not None]
    assert built, "what was missing"
    for residue in built:
        assert [a.bfactor for a in residue.atoms] == pytest.approx(
            [residue.adp3d_confidence] * len(residue.atoms), abs=0.01
        )


def test_accept_tells_of_a_model_moved_in_its_map(session, make_model, density, messages, tmp_path):
    from chimerax.geometry import translation

    model = make_model()
    volume = density(model)
    command = f"adp3d refine #{model.id_string} inMap #{volume.id_string} resolution 3 {SHORT}"
    job = _run(session, f"{command} folder {tmp_path / 'job'}")
    model.position = translation((5.0, 0.0, 0.0))
    _run(session, f"adp3d accept {job.id}")
    assert any("has been moved with respect to map" in text for _, text in messages)


def _forget(session):
    """What the end of ChimeraX forgets."""
    from chimerax.adp3d.jobs.manager import job_manager

    session.models.close(session.models.list())
    job_manager(session).jobs.clear()
    session.undo.clear()


@pytest.mark.parametrize("noted", [pytest.param(True, marks=pytest.mark.slow), False])
def test_finished_folder_of_an_earlier_session(session, make_model, density, messages, tmp_path, noted):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.geometry import rotation, translation

    place = translation((20, 5, -7)) * rotation((1, 1, 0), 50)

    def open_again():
        model = make_model()
        model.position = place
        return model

    model, folder = open_again(), tmp_path / "job"
    whole = make_model(missing=())
    volume = density(whole)
    volume.position = place  # the map's frame is the model's own here
    job = _run(
        session, f"adp3d refine #{model.id_string} inMap #{volume.id_string} resolution 3 {SHORT} folder {folder}"
    )
    scene = np.asarray(result_model(session, job).atoms.scene_coords).copy()
    _forget(session)
    if not noted:
        (folder / "chimerax.json").unlink()
    del messages[:]
    again = _run(session, f"adp3d resume {folder}")
    assert str(again.state) == "finished"
    result = result_model(session, again)
    if noted:
        assert np.asarray(result.atoms.scene_coords) == pytest.approx(scene, abs=1e-9)
    else:
        assert np.asarray(result.atoms.coords) == pytest.approx(np.asarray(result.atoms.scene_coords))
    said = " ".join(text for _, text in messages if "is #" in text)
    where = "placed where its map was" if noted else "does not tell where it was in the scene"
    assert where in said and f"'adp3d accept {again.id} into #N'" in said
    assert tuple(result.residues[0].find_atom("CA").color) != tuple(result.residues[9].find_atom("CA").color)
    _run(session, f"adp3d resume {folder}")  # it is open already
    assert [m for m in session.models.list() if hasattr(m, "num_residues")] == [result]
    mine = open_again()
    assert _run(session, f"adp3d accept {again.id} into #{mine.id_string}") is mine
    assert mine.num_residues == 20
    if noted:
        assert np.asarray(mine.find_residue("A", 5).find_atom("CA").scene_coord) == pytest.approx(
            np.asarray(result.find_residue("A", 5).find_atom("CA").scene_coord), abs=2e-3
        )


def test_resumed_job_of_the_command_line_opens_its_result(session, make_model, messages, tmp_path, wait_until):
    from chimerax.adp3d.handover.results import result_model

    model, folder = make_model(), tmp_path / "job"
    command = f"adp3d complete #{model.id_string} replicas 2 steps 400 device cpu wait false folder {folder}"
    job = _run(session, command)
    wait_until(lambda: job.step >= 2)
    job.stop()
    wait_until(lambda: job.ended)
    assert str(job.state) == "stopped"
    _forget(session)
    (folder / "chimerax.json").unlink()
    text = (folder / "job.json").read_text(encoding="utf-8")
    (folder / "job.json").write_text(text.replace('"steps": 400', '"steps": 5'), encoding="utf-8")
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    again = _run(session, f"adp3d resume {folder} wait true")
    assert str(again.state) == "finished", again.error
    assert result_model(session, again) is not None
    said = "".join(word for _, text in messages for word in text.split())  # the log breaks lines
    assert "doesnottellwhereitwasinthescene" in said


def test_a_folder_that_cannot_be_written_to_is_noticed_at_once(session, make_model, tmp_path, monkeypatch):
    import tempfile

    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.core.errors import UserError

    model = make_model()
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"cannot write into the folder .*file/job.*; choose another folder"):
        _run(session, f"adp3d complete #{model.id_string} {SHORT} folder {tmp_path / 'file' / 'job'}")

    def refuse(**kw):
        raise PermissionError(13, "Permission denied")

    mine = tmp_path / "mine"
    mine.mkdir()
    with monkeypatch.context() as readonly:
        readonly.setattr(tempfile, "TemporaryFile", refuse)
        for folder in (mine, tmp_path / "new"):
            with pytest.raises(UserError, match=r"cannot write into .* \(Permission denied\)"):
                _run(session, f"adp3d complete #{model.id_string} {SHORT} folder {folder}")
    assert mine.is_dir() and not (tmp_path / "new").exists()
    for folder in (mine, tmp_path / "new"):
        with pytest.raises(UserError, match="builtin-nosequence"):
            _run(session, f"adp3d complete #{model.id_string} prior alphafold folder {folder}")
    assert mine.is_dir() and not (tmp_path / "new").exists(), "what was there stays, what was made goes"
    assert {str(job.state) for job in job_manager(session).jobs} == {"failed"}, "only the engine knows its priors"
