from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract import pieces as module
from adp3d.contract.errors import InputError
from adp3d.contract.pieces import Assembly, checked_name, checksum, pieces, safe_path


@given(st.binary(max_size=40))
@settings(max_examples=40)
def test_a_file_comes_back_as_it_was(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("pieces")
    source = folder / "source"
    source.write_bytes(content)
    before, module.PIECE_BYTES = module.PIECE_BYTES, 16
    try:
        cut = list(pieces(source, "a/b.map", "job-1"))
    finally:
        module.PIECE_BYTES = before
    assert len(cut) == max(1, -(-len(content) // 16))
    assert [bool(piece.sha256) for piece in cut] == [False] * (len(cut) - 1) + [True]
    target = Assembly(folder / "target")
    whole = [target.add(piece) for piece in cut]
    assert whole[:-1] == [None] * (len(cut) - 1)
    assert whole[-1] == folder / "target" / "a" / "b.map"
    assert whole[-1].read_bytes() == content
    assert checksum(whole[-1]) == (len(content), hashlib.sha256(content).hexdigest())
    assert [path.name for path in (folder / "target").rglob("*")] == ["a", "b.map"]


@pytest.mark.parametrize("harm", ["damaged", "lost", "too long"])
def test_what_is_harmed_on_the_way_leaves_nothing(tmp_path, monkeypatch, harm):
    monkeypatch.setattr(module, "PIECE_BYTES", 4)
    (tmp_path / "source").write_bytes(b"0123456789")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "x").write_bytes(b"what was there")
    cut = list(pieces(tmp_path / "source", "x"))
    if harm == "damaged":
        cut[1] = replace(cut[1], data=b"4x67")
    elif harm == "lost":
        del cut[1]
    else:
        cut[2] = replace(cut[2], data=b"89more")
    target = Assembly(tmp_path / "target")
    with pytest.raises(InputError, match="try it again"):
        for piece in cut:
            target.add(piece)
    assert [path.name for path in (tmp_path / "target").iterdir()] == ["x"]
    assert (tmp_path / "target" / "x").read_bytes() == b"what was there"


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\\b", "c:x", "a\0b", "x" * 2000]
)
def test_names_that_lead_out_of_the_folder(tmp_path, name):
    with pytest.raises(InputError, match="is not taken"):
        checked_name(name)
    with pytest.raises(InputError):
        safe_path(tmp_path, name)


def test_links_that_lead_out_of_the_folder(tmp_path):
    (tmp_path / "job").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "job" / "inputs").symlink_to(tmp_path / "other")
    (tmp_path / "job" / "result.cif").symlink_to(tmp_path / "other" / "x")
    for name in ("inputs/x", "result.cif"):
        with pytest.raises(InputError, match="lies outside"):
            safe_path(tmp_path / "job", name)
    assert safe_path(tmp_path / "job", "checkpoints/a") == tmp_path / "job" / "checkpoints" / "a"


def test_a_file_that_grows_meanwhile(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIECE_BYTES", 4)
    path = tmp_path / "log"
    path.write_bytes(b"012345")
    cut = pieces(path, "log")
    first = next(cut)
    with open(path, "ab") as stream:
        stream.write(b"678")
    (last,) = cut
    assert first.data + last.data == b"012345" and last.sha256 == hashlib.sha256(b"012345").hexdigest()
