"""What can be asked for what is selected: commands for gaps, residues and running jobs, and marks of what is held."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

SHORT = "replicas 2 steps 3 device cpu prior gaussian sideChains none"


def _handover_fixtures():
    path = Path(__file__).resolve().parents[1] / "handover" / "conftest.py"
    spec = importlib.util.spec_from_file_location("adp3d_handover_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_fixtures = _handover_fixtures()
make_model, make_map, select = _fixtures.make_model, _fixtures.make_map, _fixtures.select


def _offered(session):
    """Commands that are offered, by the names of the actions."""
    from chimerax.adp3d.live.scene_actions import ACTIONS

    found = {name: find(session) for name, find in ACTIONS.items()}
    return {name: action.command for name, action in found.items() if action is not None}


def _gap(model, before, after, chain="A"):
    """The dashed line over a gap, made where ChimeraX has not made it."""
    group = model.pseudobond_group(model.PBG_MISSING_STRUCTURE)
    ends = {before, after}
    for line in group.pseudobonds:
        if {atom.residue.number for atom in line.atoms} == ends and line.atoms[0].residue.chain_id == chain:
            return line
    atoms = [model.find_residue(chain, n).find_atom(name) for n, name in ((before, "C"), (after, "N"))]
    return group.new_pseudobond(*atoms)


def test_gaps_and_residues_become_jobs(session, make_model, make_map, select):
    model = make_model(missing=(8, 9, 10, 15))
    assert _offered(session) == {}
    select(model, lambda atom: atom.residue.number in (3, 4, 6))
    name = f"#{model.id_string}"
    assert _offered(session) == {"rebuild": f"adp3d complete {name}/A:3-4,6"}
    volume = make_map()
    assert _offered(session) == {"rebuild": f"adp3d refine {name}/A:3-4,6 inMap #{volume.id_string}"}
    other = make_map()
    assert _offered(session) == {}, "which map is not clear"
    other.display = False
    line, second = _gap(model, 7, 11), _gap(model, 14, 16)
    line.selected = True
    select(model, lambda atom: False)
    line.selected = True
    assert _offered(session) == {"build": f"adp3d refine {name}/A:8-10 inMap #{volume.id_string}"}
    second.selected = True
    assert _offered(session) == {"build": f"adp3d refine {name}/A:8-10/A:15 inMap #{volume.id_string}"}
    line.selected = second.selected = False
    assert _offered(session) == {}


def test_chains_without_side_chains_get_all_atoms(session, make_model, select, tmp_path):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.core.commands import run

    model = make_model(missing=(), chains="AB")
    name = f"#{model.id_string}"
    select(model, lambda atom: atom.residue.number < 6)
    assert "all atoms" not in _offered(session), "they have CB atoms"
    model.find_residue("B", 3).find_atom("CB").delete()
    assert _offered(session)["all atoms"] == f"adp3d backmap {name}/B"
    model.find_residue("A", 4).find_atom("C").delete()
    assert _offered(session)["all atoms"] == f"adp3d backmap {name}/A,B"
    select(model, lambda atom: atom.residue.number == 6)
    assert "all atoms" not in _offered(session), "nothing of what is selected lacks any"
    select(model, lambda atom: atom.residue.chain_id == "B")
    job = run(session, f"{_offered(session)['all atoms']} device cpu wait true folder {tmp_path / 'job'}")
    result = result_model(session, job)
    assert all(r.find_atom("NZ") is not None for r in result.residues if r.chain_id == "B" and r.name == "LYS")


@pytest.mark.parametrize("chain", ["AA", "a'", "A_2"])
def test_unusual_names_and_negative_numbers_are_written_as_specifiers_are(session, make_model, select, chain):
    """What is offered is read back by ChimeraX as the residues and the gap that were selected."""
    from chimerax.adp3d.commands.arguments import ModelPartArg

    model = make_model(missing=(-3, -2, -1, 2), chains=[chain], first=-5)
    name = f"#{model.id_string}"
    select(model, lambda atom: atom.residue.number in (-5, -4, 0, 3))
    command = _offered(session)["rebuild"]
    assert command == f"adp3d complete {name}/{chain}:-5--4,0,3"
    part, _, rest = ModelPartArg.parse(command.removeprefix("adp3d complete "), session)
    assert {(r.chain_id, r.number) for r in part.residues} == {(chain, number) for number in (-5, -4, 0, 3)}
    assert not rest and part.typed_ranges() == [((chain,), low, high) for low, high in ((-5, -4), (0, 0), (3, 3))]
    select(model, lambda atom: False)
    line, single = _gap(model, -4, 0, chain), _gap(model, 1, 3, chain)
    line.selected = True
    command = _offered(session)["build"]
    assert command == f"adp3d complete {name}/{chain}:-3--1"
    part, _, rest = ModelPartArg.parse(command.removeprefix("adp3d complete "), session)
    assert part.model is model and not rest and part.typed_ranges() == [((chain,), -3, -1)]
    single.selected = True
    assert _offered(session)["build"] == f"adp3d complete {name}/{chain}:-3--1/{chain}:2"


def test_chains_that_no_specifier_can_name_are_refused_in_one_sentence(session, make_model, select, messages):
    from chimerax.adp3d.live.scene_actions import ACTIONS
    from chimerax.adp3d.panel.scene_menu import SceneEntry

    model = make_model(missing=(8, 9, 10), chains=["A-2"])
    _gap(model, 7, 11, "A-2").selected = True
    entry = SceneEntry("build")
    assert entry.criteria(session) and entry.label(session) == "ADP-3D: Build A-2 8-10"
    entry.callback(session)
    assert "cannot name chain 'A-2'" in messages[-1][1]
    select(model, lambda atom: atom.residue.number == 3)
    assert ACTIONS["rebuild"](session).why_not and not _offered(session)["rebuild"]


def test_the_command_of_a_gap_builds_it(session, make_model, tmp_path):
    """The command is given as it is offered, with settings that make it quick."""
    from chimerax.adp3d.handover.results import result_model
    from chimerax.core.commands import run

    model = make_model(missing=(8, 9, 10, 15))
    _gap(model, 7, 11).selected = True
    command = _offered(session)["build"]
    job = run(session, f"{command} {SHORT} folder {tmp_path / 'job'}")
    built = {residue.number for residue in result_model(session, job).residues}
    assert built == set(range(1, 21)) - {15}


def test_stretches_of_results_are_compared(session, make_model, select, tmp_path, messages):
    from chimerax.adp3d.handover.results import result_model
    from chimerax.core.commands import run

    model = make_model(missing=(8, 9, 10))
    job = run(session, f"adp3d complete #{model.id_string} {SHORT} folder {tmp_path / 'job'}")
    result = result_model(session, job)
    select(result, lambda atom: atom.residue.number in (9,))
    assert _offered(session)["compare"] == f"adp3d segments {job.id} alternatives 1"
    before = session.models.list()
    run(session, _offered(session)["compare"])
    (group,) = (one for one in session.models.list() if one not in before and one.parent not in session.models.list())
    assert group.name.endswith("other replicas") and not group.SESSION_SAVE, "in a saved session nothing would close it"
    select(result, lambda atom: atom.residue.number == 2)
    assert "compare" not in _offered(session)


def test_residues_of_a_running_job_are_held_marked_and_released(bench, select):
    from chimerax.adp3d.engine.contract import messages as wire
    from chimerax.adp3d.live.models import live_models
    from chimerax.core.commands import run

    session, job = bench.session, bench.submit()
    view = live_models(session).views[job.id]
    bench.frame(job)
    bench.manager.pump()

    def marks():
        return [child for child in view.best.child_models() if child.name == "held residues"]

    select(view.best, lambda atom: atom.residue.chain_id == "A" and atom.residue.number in (6, 7))
    name = f"#{view.best.id_string}"
    assert _offered(session) == {"hold": f"adp3d fix {name}/A:6-7 job {job.id}"}
    assert marks() == []
    run(session, _offered(session)["hold"])
    assert bench.engine.sent[-1] == wire.Fix(job.key, [1, 2], True)
    newest = bench.frame(job)
    bench.manager.pump()
    (mark,) = marks()
    centres = np.asarray(mark.vertices).reshape(-1, 6, 3).mean(1)
    assert centres == pytest.approx(newest[job.best_replica][[1, 2], 1], abs=1e-4)
    select(view.best, lambda atom: atom.residue.chain_id == "A" and atom.residue.number in (7, 8))
    assert _offered(session) == {
        "hold": f"adp3d fix {name}/A:7-8 job {job.id}",
        "release": f"adp3d release {name}/A:7-8 job {job.id}",
    }
    session.models.close([mark])
    bench.frame(job)
    bench.manager.pump()
    assert marks() == [], "what the user has closed stays closed"
    run(session, _offered(session)["release"])
    bench.manager.pump()
    (mark,) = marks()
    assert len(mark.vertices) == 6
    select(view.best, lambda atom: atom.residue.number == 6)
    assert list(_offered(session)) == ["release"]
    run(session, _offered(session)["release"])
    bench.manager.pump()
    assert marks() == [] and mark.deleted
    run(session, f"adp3d fix {name}/A:6 job {job.id}")
    bench.manager.pump()
    (mark,) = marks()
    bench.engine.report(wire.Stopped(job.key, str(job.folder)))
    bench.manager.pump()
    assert mark.deleted, "a job that has ended holds nothing"


class _Click:
    """A click of the mouse, all that the mode asks for."""

    def __init__(self, x=5, y=5):
        self._place = (x, y)

    def position(self):
        return self._place


def test_clicks_hold_and_release(bench, monkeypatch):
    from chimerax.adp3d.engine.contract import messages as wire
    from chimerax.adp3d.live.models import live_models
    from chimerax.adp3d.panel.hold_mode import HoldMode

    session, job = bench.session, bench.submit()
    best = live_models(session).views[job.id].best
    mode = HoldMode(session)
    picked = SimpleNamespace(residue=best.find_residue("A", 8))
    monkeypatch.setattr(session.main_view, "picked_object", lambda x, y, exclude: picked, raising=False)

    def click(end=None):
        mode.mouse_down(_Click())
        mode.mouse_up(end or _Click())

    click()
    assert bench.engine.sent[-1] == wire.Fix(job.key, [3], True)
    click(_Click(60, 5))
    click()
    assert [one.fixed for one in bench.engine.sent if isinstance(one, wire.Fix)] == [True, False]
    picked.residue = lambda: None
    click()
    bench.engine.report(wire.Stopped(job.key, str(job.folder)))
    bench.manager.pump()
    picked.residue = best.find_residue("A", 8)
    told = []
    monkeypatch.setattr(session.logger, "status", lambda text, *args, **kw: told.append(text))
    click()
    assert "can be held" in told[-1] and len([one for one in bench.engine.sent if isinstance(one, wire.Fix)]) == 2


def test_the_menu_has_an_entry_for_each_action(session, make_model, select, monkeypatch):
    from chimerax.adp3d.live.scene_actions import ACTIONS
    from chimerax.adp3d.panel.scene_menu import ACTION_NAMES, SceneEntry
    from chimerax.core import commands

    model = make_model()
    select(model, lambda atom: atom.residue.number == 3)
    entries = [SceneEntry(name) for name in ACTIONS]
    assert tuple(ACTIONS) == ACTION_NAMES
    (shown,) = [one for one in entries if one.criteria(session)]
    assert shown.label(session) == "ADP-3D: Rebuild A 3 without a map"
    given = []
    monkeypatch.setattr(commands, "run", lambda session, text, **kw: given.append(text))
    shown.callback(session)
    assert given == [f"adp3d complete #{model.id_string}/A:3"]
    select(model, lambda atom: False)
    shown.callback(session)
    assert len(given) == 1


def test_they_are_offered_once_in_a_session_with_a_window(window, session, monkeypatch):
    from chimerax import mouse_modes
    from chimerax.adp3d.live.scene_actions import ACTIONS
    from chimerax.adp3d.panel.scene_menu import SceneEntry, offer_in_scene

    entries = mouse_modes.SelectMouseMode._menu_entry_info
    before = list(entries)
    if not session.ui.is_gui:
        offer_in_scene(session)
        assert entries == before
        if hasattr(mouse_modes, "mousemodes"):
            pytest.skip("buttons of the mouse need ChimeraX with its main window")
        monkeypatch.setattr(session.ui, "is_gui", True, raising=False)
        monkeypatch.setattr(session.ui, "mouse_modes", mouse_modes.MouseModes(session), raising=False)
    for _ in range(2):
        offer_in_scene(session)
    try:
        assert len(entries) == len(before) + len(ACTIONS)
        assert all(isinstance(one, SceneEntry) for one in entries[len(before) :])
        names = [mode.name for mode in session.ui.mouse_modes.modes]
        assert names.count("adp3d-hold") == names.count("adp3d-tug") == 1
    finally:
        entries[:] = before
