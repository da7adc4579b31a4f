from __future__ import annotations

import os
import time

import pytest

from adp3d.contract import messages as said
from adp3d.contract.errors import InputError
from adp3d.contract.pieces import checksum, pieces
from adp3d.far.store import Store


@pytest.fixture
def store(tmp_path):
    sent = []
    made = Store(tmp_path / "store", sent.append)
    made.sent = sent
    return made


@pytest.fixture
def map_file(tmp_path):
    path = tmp_path / "m.mrc"
    path.write_bytes(b"density" * 1000)
    return path, f"{checksum(path)[1]}/m.mrc"


def test_an_offered_file_is_wanted_once(store, map_file):
    path, name = map_file
    store.offer(said.Offer(1, [name], 7000))
    assert store.sent.pop() == said.Wanted(1, str(store.folder), [name])
    for piece in pieces(path, name):
        store.receive(piece)
    assert store.sent.pop() == said.Received(name)
    assert (store.folder / "files" / name).read_bytes() == path.read_bytes()
    store.offer(said.Offer(2, [name], 7000))
    assert store.sent.pop() == said.Wanted(2, str(store.folder), [])


def test_what_is_not_what_was_offered_is_not_kept(store, map_file):
    path, _ = map_file
    for name in ("0" * 64 + "/m.mrc", "../m.mrc", "m.mrc", "/etc/m.mrc"):
        for piece in pieces(path, name):
            store.receive(piece)
        answer = store.sent.pop()
        assert answer.name == name and answer.problem
        store.offer(said.Offer(1, [name], 1))
        assert store.sent[-1].problem or store.sent[-1].names == [name]
        store.sent.clear()
    assert not [path for path in (store.folder / "files").rglob("*") if path.is_file()]


def test_a_disk_without_room_is_said_before_anything_is_sent(store, map_file):
    store.offer(said.Offer(1, [map_file[1]], 10**18))
    assert "The disk there is full" in store.sent.pop().problem


def test_a_job_folder_is_listed_and_fetched(store, tmp_path):
    job = store.folder / "jobs" / "one"
    (job / "inputs").mkdir(parents=True)
    for name, content in {"job.json": b"{}", "inputs/m.cif": b"data_", "lock": b"1", ".writing-1-x": b"half"}.items():
        (job / name).write_bytes(content)
    (job / "link").symlink_to(tmp_path)
    store.list(said.List("job-1", str(job)))
    listing = store.sent.pop()
    assert listing.files == {name: "{} {}".format(*checksum(job / name)) for name in ("inputs/m.cif", "job.json")}
    store.fetch(said.Fetch("job-1", str(job), ["job.json"]))
    piece, end = store.sent
    assert (piece.job_id, piece.name, piece.data, piece.size) == ("job-1", "job.json", b"{}", 2)
    assert end == said.Fetched("job-1", "")
    store.sent.clear()
    store.fetch(said.Fetch("job-1", str(job), ["gone.cif"]))
    assert "is gone there" in store.sent.pop().problem


@pytest.mark.parametrize("name", ["/etc", "{store}", "{store}/jobs", "{store}/jobs/a/b", "{store}/jobs/../files"])
def test_only_job_folders_are_shown(store, name):
    name = name.format(store=store.folder)
    with pytest.raises(InputError, match="no job folder"):
        store.job_folder(name)
    store.list(said.List("job-1", name))
    assert store.sent.pop().problem
    store.fetch(said.Fetch("job-1", name, ["passwd"]))
    assert store.sent.pop().problem
    assert store.sent == []


def test_files_that_nobody_uses_are_removed_after_a_month(store, map_file, tmp_path):
    path, name = map_file
    for piece in pieces(path, name):
        store.receive(piece)
    Store(store.folder, store.sent.append)
    kept = store.folder / "files" / name
    assert kept.is_file()
    old = time.time() - 31 * 86_400
    os.utime(kept, (old, old))
    Store(store.folder, store.sent.append)
    assert not kept.parent.exists()
