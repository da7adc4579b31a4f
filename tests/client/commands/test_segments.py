"""``adp3d segments`` and accepting by its rows, with the real engine."""

from __future__ import annotations

import csv
import html
import re
from urllib.parse import unquote

import numpy as np
import pytest

SHORT = "replicas 2 steps 3 device cpu prior gaussian sideChains none"


def _run(session, command):
    from chimerax.core.commands import run

    return run(session, command)


@pytest.fixture
def job(session, make_model, tmp_path):
    """A finished job that has built two gaps."""
    model = make_model(missing=(5, 6, 12, 13, 14))
    return _run(session, f"adp3d complete #{model.id_string} {SHORT} folder {tmp_path / 'job'}")


def _links(messages):
    text = next(text for _, text in reversed(messages) if "cxcmd:" in text)
    return [unquote(html.unescape(link)) for link in re.findall(r'cxcmd:([^"]+)"', text)]


def test_list_walk_choose_and_go_back(session, job, messages, tmp_path):
    from chimerax.adp3d.live.segment_walk import segment_walk

    found = _run(session, "adp3d segments")
    assert sorted(one.name for one in found) == ["A 12-14", "A 5-6"]
    assert all(one.kind == "rebuilt" and len(one.alternatives) == 2 for one in found)
    model = job.model
    walk = segment_walk(session)
    camera = np.asarray(session.main_view.camera.position.matrix).copy()
    for command, number in (("next", 1), ("next", 2), ("next", 1), ("previous", 2), ("show 1", 1)):
        _run(session, f"adp3d segments {command}")
        assert walk.number == number
    chosen = {a.residue.number for m in session.models.list() for a in getattr(m, "atoms", ()) if a.selected}
    assert chosen == {int(number) for number in found[0].residues}
    _run(session, "adp3d segments alternatives 1")
    group = next(m for m in session.models.list() if m.name == f"{found[0].name}, other replicas")
    (trace,) = group.child_models()
    assert [str(r.number) for r in trace.residues] == list(found[0].residues)
    way = trace.residues[0].find_atom("CA").scene_coord
    _run(session, "adp3d segments restore")
    assert group.deleted and walk.number == 0
    assert np.asarray(session.main_view.camera.position.matrix) == pytest.approx(camera)
    first, second = (set(map(int, one.residues)) for one in found)
    _run(session, f"adp3d accept {job.id} segments 1 replica 2")
    numbers = {r.number for r in model.residues}
    assert first <= numbers and not second & numbers
    ca = model.find_residue("A", min(first)).find_atom("CA")
    assert np.asarray(ca.scene_coord) == pytest.approx(np.asarray(way), abs=2e-3)
    _run(session, f"adp3d accept residues #{model.id_string}/A:{min(second)}-{max(second)}")
    assert {r.number for r in model.residues} == set(range(1, 21))
    assert len(session.undo.undo_stack) == 2
    for _ in range(2):
        session.undo.undo()
    assert not (first | second) & {r.number for r in model.residues}


def test_the_list_as_a_file_and_links_that_are_commands(session, job, messages, tmp_path):
    _run(session, f"adp3d segments save {tmp_path / 'list.csv'}")
    rows = list(csv.DictReader((tmp_path / "list.csv").open()))
    assert [row["kind"] for row in rows] == ["rebuilt"] * 2 and {row["residues"] for row in rows} == {"5-6", "12-14"}
    given = _links(messages)
    assert len(given) == 6 and len({link.split()[1] for link in given}) == 2
    for link in given:
        _run(session, link)
    assert job.model.num_residues == 20, "both were accepted"
    assert any("already in" not in text and "written into" in text for _, text in messages)


def test_what_is_left_out_is_listed_and_its_ends_are_shown(session, job, messages):
    from pathlib import Path

    from chimerax.adp3d.engine.contract.segments import LEFT_OUT, Segment, to_text
    from chimerax.adp3d.handover.results import result_model
    from chimerax.core.errors import UserError

    first = next(one for one in _run(session, "adp3d segments") if one.name == "A 5-6")
    gone = Segment("A", ("12", "13", "14"), LEFT_OUT, new=3, reasons=("left out: the map does not show it",))
    Path(job.paths["segments"]).write_text(to_text([first, gone]), encoding="utf-8")
    result = result_model(session, job)
    missing = result.residues.filter((result.residues.numbers >= 12) & (result.residues.numbers <= 14))
    missing.atoms.delete()
    messages.clear()
    found = _run(session, "adp3d segments")
    assert not found[1].there and "left out: the map does not show it" in messages[-1][1]
    given = [link.strip() for link in _links(messages)]
    assert f"adp3d accept {job.id} segments 1" in given and f"adp3d accept {job.id} segments 2" not in given
    _run(session, "adp3d segments show 2")
    chosen = {a.residue.number for m in session.models.list() for a in getattr(m, "atoms", ()) if a.selected}
    assert chosen == {11, 15}
    with pytest.raises(UserError, match="left out of the result"):
        _run(session, "adp3d segments alternatives 2")


def test_what_cannot_be_done_is_said(session, make_model, tmp_path):
    from chimerax.core.errors import UserError

    with pytest.raises(UserError, match="no ADP-3D job with a result"):
        _run(session, "adp3d segments")
    model = make_model(missing=(5, 6))
    job = _run(session, f"adp3d complete #{model.id_string} {SHORT} folder {tmp_path / 'job'}")
    wrong = {
        "adp3d segments show 2": "has no stretch 2; they are numbered 1 to 1",
        "adp3d segments next previous": "one of 'show', 'next'",
        f"adp3d accept {job.id} segments 1,7": "has no stretch 7",
        f"adp3d accept {job.id} replica 2": "name 'segments' or 'residues'",
        f"adp3d accept {job.id} segments 1 replica 9": "numbered 1 to 2",
        f"adp3d accept {job.id} segments 1 newModel true": "only be written into a model",
        f"adp3d accept {job.id} residues #{model.id_string}/A:3": "changed none of these residues",
        f"adp3d segments save {tmp_path / 'none' / 'list.csv'}": "could not be written",
    }
    for command, words in wrong.items():
        with pytest.raises(UserError, match=words):
            _run(session, command)
    assert model.num_residues == 18 and not session.undo.undo_stack
    (tmp_path / "job" / "segments.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be read"):
        _run(session, "adp3d segments")
