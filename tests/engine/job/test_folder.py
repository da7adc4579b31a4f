from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.contract.folder_state import failed_start
from adp3d.contract.specification import CompleteSpec, DistancesSpec, RefineSpec, from_json
from adp3d.job.folder import JobFolder


@pytest.fixture
def files(tmp_path):
    names = ("a.map.gz", "b.cif", "h1.mrc", "h2.mrc", "s.fasta", "odd name.PDB")
    paths = {name: tmp_path / name for name in names}
    for name, path in paths.items():
        path.write_text(f"content of {name}")
    return paths


@pytest.fixture
def spec(files, tmp_path):
    return RefineSpec(
        output=str(tmp_path / "job"),
        map=str(files["a.map.gz"]),
        model=str(files["b.cif"]),
        half_maps=(str(files["h1.mrc"]), str(files["h2.mrc"])),
        sequence=str(files["s.fasta"]),
        reference=str(files["odd name.PDB"]),
        seed=5,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_create_copies_inputs_and_stamps_the_specification(spec, files, tmp_path):
    job = JobFolder.create(spec)
    assert job.path == tmp_path / "job"
    assert names(job.path) == ["inputs", "job.json", "lock"]
    expected = [
        "half_maps_1.mrc",
        "half_maps_2.mrc",
        "map.map.gz",
        "model.cif",
        "origins.json",
        "reference.PDB",
        "sequence.fasta",
    ]
    assert names(job.path / "inputs") == expected
    stored = json.loads((job.path / "job.json").read_text())
    assert stored["version"] == 1
    assert stored["map"] == "inputs/map.map.gz"
    assert stored["output"] == "."
    with open(job.spec.map) as stream:
        assert stream.read() == "content of a.map.gz"
    assert os.path.isabs(job.spec.half_maps[1])
    assert not job.finished


def test_open_after_moving_and_losing_the_originals(spec, files, tmp_path):
    JobFolder.create(spec)
    for path in files.values():
        path.unlink()
    moved = tmp_path / "elsewhere"
    (tmp_path / "job").rename(moved)
    for given in (moved, moved / "job.json"):
        job = JobFolder.open(given)
        assert job.spec.seed == 5
        assert job.spec.output == str(moved)
        assert job.spec.model == str(moved / "inputs" / "model.cif")


def test_typed_sequences_are_kept_as_text(tmp_path):
    (tmp_path / "r.csv").write_text("1,2,5.0")
    spec = DistancesSpec(output=str(tmp_path / "job"), restraints=str(tmp_path / "r.csv"), sequence="MKVLA")
    JobFolder.create(spec)
    assert JobFolder.open(tmp_path / "job").spec.sequence == "MKVLA"


def test_existing_folders(spec, files, tmp_path):
    folder = tmp_path / "job"
    folder.mkdir()
    job = JobFolder.create(spec)  # empty: taken
    (folder / "notes.txt").write_text("mine")
    job.write_metrics({"seconds": 1})
    with pytest.raises(InputError, match="already holds a job"):
        JobFolder.create(spec)
    again = JobFolder.create(spec, overwrite=True)
    assert not again.finished
    assert (folder / "notes.txt").read_text() == "mine"

    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="holds other files"):
            JobFolder.create(_with_output(spec, other), overwrite=overwrite)
    assert names(other) == ["thesis.tex"]
    with pytest.raises(InputError, match="is a file"):
        JobFolder.create(_with_output(spec, files["b.cif"]))
    with pytest.raises(InputError, match="cannot be written"):
        JobFolder.create(_with_output(spec, files["b.cif"] / "job"))


def _with_output(spec, output):
    return from_json(json.dumps({**json.loads(_json(spec)), "output": str(output)}))


def _json(spec):
    from adp3d.contract.specification import to_json

    return to_json(spec)


def test_overwriting_a_job_with_its_own_result_as_input(tmp_path):
    (tmp_path / "m.cif").write_text("first")
    folder = tmp_path / "job"
    job = JobFolder.create(CompleteSpec(output=str(folder), model=str(tmp_path / "m.cif")))
    job.result.write_text("second")
    again = JobFolder.create(CompleteSpec(output=str(folder), model=str(job.result)), overwrite=True)
    with open(again.spec.model) as stream:
        assert stream.read() == "second"
    assert not again.result.exists()


@pytest.mark.parametrize("missing", ["model", "half_maps"])
def test_missing_inputs_leave_nothing_behind(spec, files, tmp_path, missing):
    files["b.cif" if missing == "model" else "h2.mrc"].unlink()
    with pytest.raises(InputError, match="does not exist"):
        JobFolder.create(spec)
    assert not (tmp_path / "job").exists()


def test_folder_as_input(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        JobFolder.create(CompleteSpec(output=str(tmp_path / "job"), model=str(tmp_path)))


def test_failed_creation_leaves_the_old_job(spec, tmp_path, monkeypatch):
    job = JobFolder.create(spec)
    job.write_metrics({"seconds": 1})
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3})())
    with pytest.raises(InputError, match="too full"):
        JobFolder.create(spec, overwrite=True)
    assert JobFolder.open(job.path).finished
    assert names(job.path) == ["inputs", "job.json", "lock", "metrics.json"]
    with pytest.raises(InputError, match="too full"):
        JobFolder.create(_with_output(spec, tmp_path / "new"))
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only to root")
def test_read_only_parent(spec, tmp_path):
    parent = tmp_path / "locked"
    parent.mkdir(mode=0o555)
    with pytest.raises(InputError, match="read-only"):
        JobFolder.create(_with_output(spec, parent / "job"))


@pytest.mark.parametrize("text", [None, "", "{", '{"version": 1}', '{"version": 9, "kind": "refine"}', "\udcff"])
def test_open_refuses_what_is_no_job(tmp_path, text):
    if text is not None:
        (tmp_path / "job.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError):
        JobFolder.open(tmp_path)


def test_open_tells_when_an_input_was_removed(spec):
    job = JobFolder.create(spec)
    os.remove(job.spec.model)
    with pytest.raises(InputError, match=r"model file .* does not exist"):
        JobFolder.open(job.path)


def test_restart(spec, tmp_path):
    job = JobFolder.create(spec)
    (job.path / "notes.txt").write_text("mine")
    (job.path / "figure.png").write_bytes(b"mine")
    job.save_checkpoint(3, {"z": torch.zeros(2)})
    job.write_metrics({"seconds": np.float64(1.5), "bad": float("nan")})
    (job.path / "confidence.png").write_bytes(b"x")
    assert job.read_metrics() == {"seconds": 1.5, "bad": None}
    assert job.outputs() == {"metrics": job.path / "metrics.json", "confidence": job.path / "confidence.png"}
    job.restart()
    assert names(job.path) == ["figure.png", "inputs", "job.json", "lock", "notes.txt"]
    assert job.load_checkpoint() is None
    assert job.read_metrics() is None


@pytest.mark.parametrize("log", [b"", b'{"event": "fai', b'{"time": 1, "event": "stopped"}\n', b"[1]\n", b"\xff\n"])
def test_what_is_no_failed_start(spec, log):
    job = JobFolder.create(spec)
    assert not failed_start(job.path)
    job.events_log.write_bytes(b'{"time": 1, "event": "failed", "text": "x"}\n' + log)
    assert failed_start(job.path) is (log == b"")
    job.events_log.write_bytes(b'{"time": 1, "event": "failed", "text": "x"}\n')
    assert failed_start(job.path)
    job.write_metrics({})
    assert not failed_start(job.path)
    assert not failed_start(job.path / "job.json") and not failed_start(job.path / "none")


def test_lock_removes_what_a_killed_process_left(spec):
    job = JobFolder.create(spec)
    (job.path / ".writing-123-result.cif").write_text("half")
    with job.lock():
        assert names(job.path) == ["inputs", "job.json", "lock"]


def test_one_process_at_a_time(spec, tmp_path):
    job = JobFolder.create(spec)
    with job.lock():
        with pytest.raises(InputError, match=f"another process \\(number {os.getpid()}\\)"), job.lock():
            pass
        with pytest.raises(InputError, match="another process"):
            JobFolder.create(spec, overwrite=True)
        assert JobFolder.open(job.path).spec == job.spec
    code = textwrap.dedent(f"""
        import os, sys
        from pathlib import Path
        from adp3d.job.lock import exclusive
        with exclusive(Path({str(job.path / "lock")!r})):
            print("held", flush=True)
            sys.stdin.read()
    """)
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline().strip() == b"held"
    with pytest.raises(InputError, match=f"number {holder.pid}"), job.lock():
        pass
    holder.kill()
    holder.communicate()
    with job.lock():  # the lock ended with its process
        assert (job.path / "lock").read_text().strip() == str(os.getpid())


def test_sentences_name_the_users_files(spec, files, tmp_path):
    job = JobFolder.create(spec)
    given = str(files["b.cif"])
    told = job.in_users_terms(f"'{job.path / 'inputs' / 'model.cif'}' is empty.")
    assert told == f"'{given}' is empty."
    assert job.in_users_terms("map.map.gz is truncated.") == "a.map.gz is truncated."
    assert job.in_users_terms("bitmap.map.gz and x/map.map.gz stay") == "bitmap.map.gz and x/map.map.gz stay"
    assert JobFolder.open(job.path).in_users_terms("half_maps_2.mrc") == "h2.mrc"
    (job.path / "inputs" / "origins.json").unlink()  # a job of an earlier version
    assert job.in_users_terms("map.map.gz is truncated.") == "map.map.gz is truncated."
