"""Temporary folders of inputs."""

from __future__ import annotations

import os
import tempfile
import time

from chimerax.adp3d.handover.staging import discard, new_staging_folder


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
