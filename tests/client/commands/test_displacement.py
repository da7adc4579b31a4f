"""What moved from a starting model to a result: told, drawn as arrows, and morphed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from chimerax.core.commands import run
from chimerax.core.errors import UserError


def _run(session, command):
    return run(session, f"adp3d displacement {command}")


@pytest.fixture
def pair(make_model):
    """Start, and a result of which residue 5 went 5 A and all else 1 A."""
    start, result = make_model(missing=(), name="start"), make_model(missing=(), name="result")
    way = np.tile([0.0, 0.0, 1.0], (result.num_atoms, 1))
    wrong = next(residue for residue in result.residues if residue.number == 5)
    way[[result.atoms.index(atom) for atom in wrong.atoms]] = (3.0, 4.0, 0.0)
    result.atoms.coords = result.atoms.coords + way
    return start, result


def _arrows(result):
    from chimerax.adp3d.live.arrows import arrows_below

    return arrows_below(result)


def test_ways_are_told_and_drawn(session, pair, messages):
    start, result = pair
    before = start.atoms.coords.copy(), result.atoms.coords.copy()
    report = _run(session, f"models #{start.id_string} #{result.id_string}")
    assert report["residues"] == 20 and report["largest"] == pytest.approx(5.0, abs=1e-4)
    assert report["rmsd"] == pytest.approx(np.sqrt((25 + 19) / 20), abs=1e-4)
    assert report["median"] == pytest.approx(1.0, abs=1e-4)
    assert report["farthest"][0] == ["/A:5", pytest.approx(5.0, abs=1e-4)]
    (arrows,) = _arrows(result)
    assert report["arrows"] == f"#{arrows.id_string}" and arrows.parent is result
    assert len(arrows.vertices) == 20 * 72
    assert np.array_equal(before[0], start.atoms.coords) and np.array_equal(before[1], result.atoms.coords)
    assert any("/A:5 5.0 \u00c5" in text for _, text in messages)


def test_arrows_lead_from_start_to_result(session, pair):
    """Also where the models have been moved and turned in the scene together."""
    from chimerax.geometry import rotation, translation

    start, result = pair
    start.position = result.position = translation((10, 20, 30)) * rotation((1, 1, 0), 40)
    _run(session, f"models #{start.id_string} #{result.id_string} minimum 2")
    (arrows,) = _arrows(result)
    ends = [next(r for r in model.residues if r.number == 5).find_atom("CA").coord for model in pair]
    along = (arrows.vertices - ends[0]) @ (ends[1] - ends[0]) / 5.0
    assert len(arrows.vertices) == 72 and (along.min(), along.max()) == (
        pytest.approx(0, abs=1e-3),
        pytest.approx(5, abs=1e-3),
    )
    _run(session, f"models #{start.id_string} #{result.id_string} minimum 2 scale 3")
    (arrows,) = _arrows(result)
    assert ((arrows.vertices - ends[0]) @ (ends[1] - ends[0]) / 5.0).max() == pytest.approx(15, abs=1e-3)


def test_colours_follow_the_way(session, pair):
    start, result = pair
    _run(session, f"models #{start.id_string} #{result.id_string}")
    (arrows,) = _arrows(result)
    colours = np.asarray(arrows.vertex_colors).reshape(20, 72, 4)
    assert (colours == colours[:, :1]).all(), "each arrow has one colour"
    assert colours[4, 0].tolist() == [213, 94, 0, 255] and len({tuple(c) for c in colours[:, 0].tolist()}) == 2


def test_arrows_are_replaced_and_closed_with_the_result(session, pair):
    start, result = pair
    what = f"models #{start.id_string} #{result.id_string}"
    _run(session, what)
    (first,) = _arrows(result)
    _run(session, what)
    (second,) = _arrows(result)
    assert first.deleted and second is not first
    assert _run(session, f"{what} minimum 9")["arrows"] is None and _arrows(result) == [] and second.deleted
    _run(session, what)
    _run(session, f"{what} arrows false")
    (kept,) = _arrows(result)
    session.models.close([result])
    assert kept.deleted and not start.deleted


def test_parts_are_compared_alone(session, pair):
    start, result = pair
    assert _run(session, f"models #{start.id_string}/A:5-6 #{result.id_string}/A:5-6")["residues"] == 2


def test_models_of_different_proteins(session, make_model):
    one = make_model(missing=(), name="one")
    two = make_model(missing=(), name="two", sequence="WGWGHHTSSTWGWHTSGHWT", first=500)
    with pytest.raises(UserError, match="in common"):
        _run(session, f"models #{one.id_string} #{two.id_string}")
    with pytest.raises(UserError, match="not both"):
        _run(session, f"1 models #{one.id_string} #{two.id_string}")


def test_programs_get_the_report_as_json(session, pair):
    from chimerax.adp3d.commands.displacement import adp3d_displacement
    from chimerax.adp3d.handover.part import ModelPart

    answer = adp3d_displacement(session, models=tuple(map(ModelPart, pair)), key=False, return_json=True)
    assert json.loads(answer.json_value) == answer.python_value and answer.python_value["residues"] == 20


@pytest.fixture
def finished(session, make_model, make_job):
    """A finished job that was taken up from its folder, and its starting model."""
    from chimerax.adp3d.jobs.manager import job_manager

    model = make_model()
    made = make_job(model, shift=2.0)
    spec = {name: value for name, value in made.prepared.spec.items() if value is not None}
    (made.folder / "job.json").write_text(json.dumps({"version": 1, **spec}), encoding="utf-8")
    domain = {"chain": "A", "residues": "1-20", "shift": 3.46, "angle": 0.0, "ca_rmsd_internal": 0.0}
    domain |= {"count": 20, "ca_rmsd": 3.46, "farthest": [{"residue": "7", "distance": 3.46}], "hinge": None}
    (made.folder / "metrics.json").write_text(json.dumps({"displacement": {"domains": [domain]}}), encoding="utf-8")
    return job_manager(session).reopen(made.folder, made.prepared), model


def test_a_finished_job(session, finished, messages):
    from chimerax.adp3d.handover.results import result_model

    job, model = finished
    report = _run(session, "")
    result = result_model(session, job)
    assert result is not None and (report["start"], report["result"]) == (f"#{model.id_string}", f"#{result.id_string}")
    assert report["rmsd"] == pytest.approx(np.sqrt(12), abs=0.01) and report["residues"] == model.num_residues
    assert len(_arrows(result)) == 1
    assert (
        "Residues 1-20 of chain A (20) moved by 3.46 A and 0.0 degrees as a whole and by 0.00 A (rms) inside; "
        "CA RMSD to the start 3.46 A, most at 7 (3.5 A)."
    ) in [text.strip() for _, text in messages]  # the log of ChimeraX ends lines
    assert _run(session, f"{job.id}")["domains"] == report["domains"]


def test_a_start_that_is_gone(session, finished):
    from chimerax.adp3d.handover.accept import accept_into

    job, model = finished
    accept_into(session, job, model)
    with pytest.raises(UserError, match="has the result of ADP-3D job 1 already"):
        _run(session, "")
    session.undo.undo()
    assert _run(session, "")["rmsd"] > 1
    session.models.close([model])
    with pytest.raises(UserError, match="is closed; open it again and name it and the result"):
        _run(session, "")


def test_without_a_result(session):
    with pytest.raises(UserError, match="job"):
        _run(session, "")


def test_morph(session, pair):
    """ChimeraX's own command makes it of copies; it ends where the result is."""
    if getattr(session, "open_command", None) is None:
        pytest.skip("morphing is ChimeraX's business")
    from chimerax.atomic import AtomicStructure

    start, result = pair
    before = start.atoms.coords.copy(), result.atoms.coords.copy()
    report = _run(session, f"models #{start.id_string} #{result.id_string} morph true")
    (made,) = [m for m in session.models.list(type=AtomicStructure) if f"#{m.id_string}" == report["morph"]]
    assert made.num_coordsets > 10
    ends = []
    for number in (made.coordset_ids[0], made.coordset_ids[-1]):
        made.active_coordset_id = number
        ends.append(made.atoms.filter(made.atoms.names == "CA").scene_coords)
    for found, model in zip(ends, pair, strict=True):
        wanted = model.atoms.filter(model.atoms.names == "CA").scene_coords
        np.testing.assert_allclose(found, wanted, atol=0.05)
    assert not start.display and not result.display
    assert np.array_equal(before[0], start.atoms.coords) and np.array_equal(before[1], result.atoms.coords)
    session.models.close([made])
    assert start.display and result.display


def test_morph_of_an_incomplete_model(session, make_model):
    """What the start lacks is not in the morph; all else is."""
    if getattr(session, "open_command", None) is None:
        pytest.skip("morphing is ChimeraX's business")
    from chimerax.atomic import AtomicStructure

    start, result = make_model(missing=(8, 9, 10), name="start"), make_model(missing=(), name="result")
    result.atoms.coords = result.atoms.coords + np.array([0.0, 3.0, 0.0])
    report = _run(session, f"models #{start.id_string} #{result.id_string} morph true")
    (made,) = [m for m in session.models.list(type=AtomicStructure) if f"#{m.id_string}" == report["morph"]]
    assert made.num_residues == 17 and report["residues"] == 17


def test_arrows_come_back_with_a_session(session, pair, tmp_path):
    """They are ordinary models: found again below the result, and replaced by new ones."""
    if getattr(session, "open_command", None) is None:
        pytest.skip("session files are ChimeraX's business")
    from chimerax.atomic import AtomicStructure

    start, result = pair
    _run(session, f"models #{start.id_string} #{result.id_string}")
    (arrows,) = _arrows(result)
    shape, colours = np.array(arrows.vertices), np.array(arrows.vertex_colors)
    run(session, f"save {tmp_path / 'moved.cxs'}")
    run(session, f"open {tmp_path / 'moved.cxs'}")
    start, result = (
        next(m for m in session.models.list(type=AtomicStructure) if m.name == name) for name in ("start", "result")
    )
    (again,) = _arrows(result)
    assert np.array_equal(again.vertices, shape) and np.array_equal(again.vertex_colors, colours)
    _run(session, f"models #{start.id_string} #{result.id_string}")
    assert again.deleted and len(_arrows(result)) == 1
