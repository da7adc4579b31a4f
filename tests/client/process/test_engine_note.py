"""The note that a job is computed elsewhere."""

from __future__ import annotations

import json

import pytest
from chimerax.adp3d.process.engine_note import noted_engine, read_note, write_note


def test_what_is_written_is_read_again(tmp_path):
    assert noted_engine(tmp_path) == ""
    write_note(tmp_path, "gpu", "/far/jobs/job-1")
    assert noted_engine(tmp_path) == "gpu"
    assert read_note(tmp_path) == {"version": 1, "engine": "gpu", "folder": "/far/jobs/job-1"}


@pytest.mark.parametrize("content", ["", "[1]", "{", '{"engine": "gpu"}', '{"engine": 3, "folder": "/far"}', "\x00"])
def test_what_cannot_be_read_is_a_job_of_this_computer(tmp_path, content):
    (tmp_path / "elsewhere.json").write_text(content)
    assert read_note(tmp_path) is None and noted_engine(tmp_path) == ""


def test_bytes_that_are_no_text_are_no_note(tmp_path):
    (tmp_path / "elsewhere.json").write_bytes(json.dumps({"engine": "g\xfc", "folder": ""}).encode("latin-1") + b"\xff")
    assert read_note(tmp_path) is None
