"""Job folders read without the engine."""

from __future__ import annotations

import json

import numpy as np
import pytest
from chimerax.adp3d.engine.contract import specification
from chimerax.adp3d.jobs.state import PreparedJob
from chimerax.adp3d.jobs.stored import (
    is_finished,
    is_job_folder,
    note_in_folder,
    prepared_from_folder,
    read_finished,
)
from chimerax.core.errors import UserError


@pytest.fixture
def folder(tmp_path):
    spec = specification.CompleteSpec(model="inputs/model.pdb", output=".", replicas=3)
    (tmp_path / "job.json").write_text(specification.to_json(spec), encoding="utf-8")
    return tmp_path


def test_the_specification_is_read(folder):
    assert is_job_folder(folder)
    prepared = prepared_from_folder(folder)
    assert prepared.kind == "complete"
    assert prepared.replicas == 3
    assert prepared.spec["output"] == str(folder)
    assert folder.name in prepared.title


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "cannot be read"),
        ('{"version": 99, "kind": "complete"}', "cannot be read"),
        (None, "not the folder"),
    ],
)
def test_unreadable_folders_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "job.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        prepared_from_folder(tmp_path)


def test_only_complete_results_count(folder):
    assert not is_finished(folder)
    assert read_finished(folder) is None
    (folder / "metrics.json").write_text(json.dumps({"replicas": 3}), encoding="utf-8")
    assert not is_finished(folder)
    (folder / "result.cif").write_text("data_x\n", encoding="utf-8")
    (folder / "fit.png").write_bytes(b"")
    paths, metrics = read_finished(folder)
    assert metrics == {"replicas": 3}
    assert set(paths) == {"result", "metrics", "fit"}
    (folder / "metrics.json").write_text("{", encoding="utf-8")
    assert read_finished(folder) is None


def test_the_course_is_read_from_the_log(folder):
    from chimerax.adp3d.jobs.stored import read_course

    assert list(read_course(folder)) == []
    lines = [
        {"time": 1.0, "event": "started", "kind": "refine"},
        {"event": "metric", "name": "correlation", "values": [0.3, 0.4], "step": 5, "first_replica": 0},
        {"event": "metric", "name": "correlation", "values": [0.5], "step": 5, "first_replica": 2},
        {"event": "metric", "name": "correlation", "values": ["x"], "step": 6},
        {"event": "metric", "name": "correlation", "values": [0.5], "step": None},
        {"event": "best", "replica": 1, "step": 5},
        {"event": "best", "replica": -1, "step": 5},
    ]
    text = "\n".join(map(json.dumps, lines)) + '\n{"event": "metric", "na'
    (folder / "events.log").write_text(text, encoding="utf-8")
    assert list(read_course(folder)) == [lines[1], lines[2], lines[5]]


def test_the_place_in_the_scene_is_kept(folder):
    from chimerax.geometry import rotation, translation

    place = translation((1.0, 2.0, 3.0)) * rotation((0, 1, 0), 30)
    prepared = PreparedJob(
        "complete", {}, folder, "complete #1", "adp3d complete #1", frame_to_scene=place, extra={"handover": {"a": 1}}
    )
    note_in_folder(folder, prepared)
    known = prepared_from_folder(folder)
    assert np.array_equal(known.frame_to_scene.matrix, place.matrix)
    assert (known.extra, known.command) == ({"handover": {"a": 1}}, "adp3d complete #1")
    assert known.replicas == 3 and known.title == f"complete in {folder.name}", "#1 may be another model by now"


@pytest.mark.parametrize("text", ["", "[]", '{"version": 99, "extra": {}}', '{"version": 1, "extra": 3}'])
def test_notes_that_cannot_be_read_are_left_out(folder, text):
    (folder / "chimerax.json").write_text(text, encoding="utf-8")
    known = prepared_from_folder(folder)
    assert known.kind == "complete" and known.extra == {} and known.frame_to_scene is None


def test_a_damaged_place_counts_as_none(folder):
    (folder / "chimerax.json").write_text('{"version": 1, "extra": {"b": 2}, "frame_to_scene": [[1, 2]]}')
    known = prepared_from_folder(folder)
    assert known.extra == {"b": 2} and known.frame_to_scene is None
