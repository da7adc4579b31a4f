"""Temporary folders of inputs."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress

import pytest
from chimerax.adp3d.handover.staging import discard, give_up_job_folder, new_job_folder, new_staging_folder
from chimerax.adp3d.settings import adp3d_settings
from chimerax.core.errors import UserError


def test_stale_folders_go_when_a_new_one_is_made(session, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid, raising=False)
    old, young, other = (tmp_path / name for name in ("adp3d-inputs-old", "adp3d-inputs-young", "somebody-elses"))
    for folder, days in ((old, 3), (young, 1), (other, 3)):
        folder.mkdir()
        (folder / "map.mrc").touch()
        then = time.time() - days * 86_400
        os.utime(folder, (then, then))
    (tmp_path / "adp3d-inputs-link").symlink_to(other)
    made = new_staging_folder()
    assert made.is_dir()
    assert not old.exists()
    assert young.is_dir()
    assert (other / "map.mrc").is_file()
    discard(made)
    assert not made.exists()


def test_stale_folders_of_others_stay(session, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1, raising=False)
    old = tmp_path / "adp3d-inputs-old"
    old.mkdir()
    os.utime(old, (0, 0))
    discard(new_staging_folder())
    assert old.is_dir()


def test_only_folders_of_this_chimerax_are_removed(session, tmp_path, monkeypatch):
    """A record that came with a job folder may name any folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    another = tmp_path / "adp3d-inputs-another"
    another.mkdir()
    discard(another)
    assert another.is_dir()


def test_without_a_temporary_folder_one_sentence_says_so(session, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"^No temporary folder could be made for the job's inputs: [^.]+\.$"):
        new_staging_folder()


@pytest.mark.parametrize(
    ("settings", "chosen", "sentence"),
    [
        ("file", None, "The folder 'FOLDER/file' for jobs cannot be made: "),
        ("file/below", None, "The folder 'FOLDER/file/below' for jobs cannot be made: "),
        ("", "FOLDER/file", "The folder 'FOLDER/file' is not empty; choose a new folder for the job."),
        ("", "FOLDER/file/below", "The job cannot write into the folder 'FOLDER/file/below' ("),
    ],
)
def test_places_that_cannot_hold_jobs(session, tmp_path, settings, chosen, sentence):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    adp3d_settings(session).job_folder = str(tmp_path / settings) if settings else ""
    with pytest.raises(UserError) as error:
        new_job_folder(session, "model.cif", "refine", chosen and chosen.replace("FOLDER", str(tmp_path)))
    assert str(error.value).startswith(sentence.replace("FOLDER", str(tmp_path)))
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_folder_of_a_job_that_is_not_submitted_goes_if_it_is_empty(session, tmp_path):
    adp3d_settings(session).job_folder = str(tmp_path / "jobs")
    given_up, used = (new_job_folder(session, "a b/c.cif", "complete", None) for _ in range(2))
    assert [folder.name for folder in (given_up, used)] == ["c_complete_1", "c_complete_2"]
    (used / "job.json").touch()
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    assert new_job_folder(session, "c", "complete", str(theirs)) == theirs
    for folder in (given_up, used, theirs):
        give_up_job_folder(folder)
    assert not given_up.exists() and used.is_dir() and theirs.is_dir()


def test_jobs_go_beside_the_file_they_are_on(session, preferences, tmp_path, monkeypatch):
    from pathlib import Path

    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    usual = tmp_path / "home" / "Downloads" / "ChimeraX" / "ADP-3D"
    own, fetched = tmp_path / "project" / "my.cif", usual.parent / "PDB" / "1abc.cif"
    for file in (own, fetched):
        file.parent.mkdir(parents=True)
        file.touch()
    made = [
        new_job_folder(session, "my.cif", "refine", None, source) for source in (own, own, fetched, None, "gone.cif")
    ]
    assert [folder.parent for folder in made] == [own.parent, own.parent, usual, usual, usual]
    assert [folder.name[-1] for folder in made] == list("12123")
    preferences.job_folder = str(tmp_path / "chosen")
    assert new_job_folder(session, "my.cif", "refine", None, own).parent == tmp_path / "chosen"
    if os.name == "posix" and os.geteuid():  # the administrator can write everywhere
        preferences.job_folder = ""
        own.parent.chmod(0o500)
        assert new_job_folder(session, "my.cif", "refine", None, own).parent == usual
        own.parent.chmod(0o700)


def test_preferences_hold_where_a_job_says_nothing(session, preferences):
    from chimerax.adp3d.engine.contract.specification import specification_of
    from chimerax.adp3d.handover.preferred import with_preferences
    from chimerax.adp3d.process.environment import EnvironmentProblem, worker_command
    from chimerax.adp3d.process.hosts import forget_host

    preferences.job_device, preferences.job_b_factors, preferences.job_threads = "box", "confidence", 3
    kind = specification_of("complete")
    assert with_preferences(session, kind, {"replicas": 2, "device": "auto"}) == {
        "replicas": 2, "device": "box", "b_factors": "confidence",
    }  # fmt: skip
    said = {"device": "cpu", "b_factors": "plausible"}
    assert with_preferences(session, kind, said) == said
    backmap = with_preferences(session, specification_of("backmap"), {})
    assert backmap["device"] == "box"
    with suppress(EnvironmentProblem):  # without an engine there is nothing to be started
        assert worker_command(session)[1]["OMP_NUM_THREADS"] == "3"
    forget_host(session, "box")
    assert preferences.job_device == ""
