from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.job.storage import (
    TEMPORARY_PREFIX,
    check_writable,
    plain_values,
    replace_atomically,
    storage_errors,
    write_text,
)


def test_replaces_only_on_success(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old\n")
    with pytest.raises(KeyError), replace_atomically(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old\n"
        raise KeyError
    assert path.read_text() == "old\n"
    with replace_atomically(path) as temporary:
        assert temporary.suffix == ".txt" and temporary.name.startswith(TEMPORARY_PREFIX)
        temporary.write_text("new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "new"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk(tmp_path):
    path = tmp_path / "a"
    with (
        pytest.raises(InputError, match="disk is full"),
        replace_atomically(path),
        open("/dev/full", "w") as full,
    ):
        full.write("x" * 100_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (errno.ENOSPC, "full"),
        (errno.EACCES, "permission"),
        (errno.EROFS, "read-only"),
        (errno.ENOTDIR, "folder"),
    ],
)
def test_refusals_become_sentences(code, word):
    with pytest.raises(InputError, match=word), storage_errors("somewhere"):
        raise OSError(code, os.strerror(code))


def test_a_folder_is_tried_before_anything_is_computed(tmp_path):
    check_writable(tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="none' does not exist"):
        check_writable(tmp_path / "none")
    with pytest.raises(InputError, match="'/sys' cannot be written"):
        check_writable("/sys")


def test_sentences_name_what_the_user_named(tmp_path):
    with pytest.raises(InputError) as refused:
        write_text(tmp_path / "none" / "a.txt", "text")
    assert str(tmp_path / "none" / "a.txt") in str(refused.value) and TEMPORARY_PREFIX not in str(refused.value)


def test_other_errors_pass():
    with pytest.raises(ConnectionResetError), storage_errors("somewhere"):
        raise OSError(errno.ECONNRESET, "reset")


def test_missing_folder(tmp_path):
    with pytest.raises(InputError, match="another output folder"):
        write_text(tmp_path / "no" / "a.txt", "x")


def test_plain_values():
    given = {
        1: np.float32(0.5),
        "b": np.array([1.0, np.nan]),
        "c": (np.int64(3), float("inf"), True),
        "d": Path("x"),
        "e": None,
    }
    assert plain_values(given) == {"1": 0.5, "b": [1.0, None], "c": [3, None, True], "d": "x", "e": None}
