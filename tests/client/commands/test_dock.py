"""Open models find their place in an open map, wherever both are in the scene, and go back by one undo."""

from __future__ import annotations

import re

import numpy as np
import pytest


def _run(session, command, **kw):
    from chimerax.core.commands import run

    return run(session, command, **kw)


def _walk(seed, n):
    """Compact CA trace."""
    rng = np.random.default_rng(seed)
    xyz = np.zeros((n, 3))
    for i in range(1, n):
        step = rng.normal(size=3) - 0.04 * xyz[i - 1]
        xyz[i] = xyz[i - 1] + 3.8 * step / np.linalg.norm(step)
    return xyz - xyz.mean(axis=0)


@pytest.fixture
def globule(session):
    """Function that opens a compact chain with a water, one of its atoms in two conformations."""

    def make(seed=3, n=120, chain="A"):
        from chimerax.atomic import AtomicStructure
        from chimerax.atomic.struct_edit import add_atom

        structure = AtomicStructure(session, name="globule", auto_style=False)
        off = np.random.default_rng(n).normal(size=(n, 5, 3))
        off[:, 1] = 0.0
        for i, ca in enumerate(_walk(seed, n)):
            residue = structure.new_residue("ALA", chain, i + 1)
            for name, step in zip(("N", "CA", "C", "O", "CB"), off[i], strict=True):
                add_atom(name, name[0], residue, ca + step, serial_number=structure.num_atoms + 1, occupancy=1.0)
        atom = structure.residues[4].find_atom("CB")
        here = np.array(atom.coord)
        for loc, step in (("A", 0.0), ("B", 0.5)):
            atom.set_alt_loc(loc, True)
            atom.coord = here + step
            atom.occupancy = 0.5
        water = structure.new_residue("HOH", chain, 301)
        add_atom("O", "O", water, np.array([1.0, 2.0, 3.0]), serial_number=9000, occupancy=1.0)
        session.models.add([structure])
        return structure

    return make


@pytest.fixture
def molmap(make_map):
    """Function that opens the map, at 6 A, of a model as it is."""

    def make(model, spacing=2.5):
        xyz = np.asarray(model.atoms.coords)
        origin = xyz.min(0) - 15.0
        size = np.ceil((np.ptp(xyz, axis=0) + 30.0) / spacing).astype(int)
        axes = [origin[d] + spacing * np.arange(size[d]) for d in range(3)]
        values = np.random.default_rng(0).normal(scale=0.3, size=size[::-1])
        for point in xyz:
            x, y, z = (np.exp(-((axis - at) ** 2) / (2 * 1.35**2)) for axis, at in zip(axes, point, strict=True))
            values += z[:, None, None] * y[:, None] * x
        return make_map(array=values.astype(np.float32), origin=tuple(origin), step=(spacing,) * 3)

    return make


def _turned(axis, angle, shift):
    from chimerax.geometry import rotation, translation

    return translation(shift) * rotation(axis, angle)


def _everything(model):
    """Coordinates of all atoms, and of all conformations of the one that has several."""
    atom = model.residues[4].find_atom("CB")
    return np.concatenate([model.atoms.coords, [atom.get_alt_loc_coord(loc) for loc in "AB"]])


def test_a_model_is_found_and_goes_back(session, globule, molmap, messages, wait_until):
    model = globule()
    truth = _everything(model)
    volume = molmap(model)
    model.atoms.coords = _turned((1, 2, 3), 100, (60, -20, 30)) * np.asarray(model.atoms.coords)
    atom = model.residues[4].find_atom("CB")
    for loc in "AB":  # both conformations are carried along
        atom.alt_loc = loc
        atom.coord = _turned((1, 2, 3), 100, (60, -20, 30)) * truth[-2 if loc == "A" else -1]
    away = _everything(model)
    volume.position = _turned((0, 1, 1), 40, (5, 6, 7))
    model.position = _turned((1, 0, 0), 20, (-9, 0, 3))
    position = model.position.matrix.copy()
    depth = len(session.undo.undo_stack)
    command = f"adp3d dock #{model.id_string} inMap #{volume.id_string} resolution 6 device cpu wait false"
    assert _run(session, command) is None
    assert np.array_equal(_everything(model), away), "the command does not wait"
    wait_until(lambda: len(session.undo.undo_stack) > depth, 300)
    to_map = volume.scene_position.inverse() * model.scene_position
    assert np.sqrt(np.square(to_map * _everything(model) - truth).sum(-1).mean()) < 1.0
    assert np.array_equal(model.position.matrix, position)
    (told,) = [text for _, text in messages if "moved by" in text]
    assert re.fullmatch(
        rf"#{re.escape(model.id_string)}/A: moved by \d+ A and \d+ degrees; "
        r"correlation 0\.\d\d, the next place has 0\.\d\d \(z = \d+\.\d\)\.",
        told.strip(),  # the log of ChimeraX ends lines
    )
    found = _everything(model)
    session.undo.undo()
    assert np.array_equal(_everything(model), away) and len(session.undo.undo_stack) == depth
    session.undo.redo()
    assert np.array_equal(_everything(model), found)


def test_a_protein_that_the_map_does_not_show(session, globule, molmap):
    from chimerax.core.errors import UserError

    other = globule(seed=21)
    volume = molmap(other)
    session.models.close([other])
    model = globule(seed=3)
    before, depth = _everything(model), len(session.undo.undo_stack)
    with pytest.raises(UserError, match=r"was not found in #\S+, so nothing was moved: check"):
        _run(session, f"adp3d dock #{model.id_string} inMap #{volume.id_string} resolution 6 device cpu wait true")
    assert np.array_equal(_everything(model), before) and len(session.undo.undo_stack) == depth


@pytest.mark.parametrize("word", ["", " dock", " all"])
def test_a_search_is_stopped(session, globule, molmap, messages, wait_until, word):
    from chimerax.core.errors import UserError

    model = globule()
    volume = molmap(model)
    model.atoms.coords = _turned((1, 2, 3), 100, (60, -20, 30)) * np.asarray(model.atoms.coords)
    before, depth = _everything(model), len(session.undo.undo_stack)
    _run(session, f"adp3d dock #{model.id_string} inMap #{volume.id_string} resolution 6 device cpu wait false")
    assert _run(session, f"adp3d stop{word}") == []
    wait_until(lambda: any("was stopped; nothing was moved" in text for _, text in messages), 120)
    assert np.array_equal(_everything(model), before) and len(session.undo.undo_stack) == depth
    with pytest.raises(UserError, match=r"No 'adp3d dock'|no ADP-3D job|ADP-3D job"):
        _run(session, f"adp3d stop{word}")


def test_what_cannot_be_used(session, globule, make_map, tmp_path):
    from chimerax.core.errors import UserError

    model, volume = globule(), make_map()
    name, given = f"#{model.id_string}", f"inMap #{volume.id_string}"
    wrong = {
        f"adp3d dock {name}/A:1-9 {given}": "parts of models",
        f"adp3d dock {name}": "inMap|in_map",
        f"adp3d dock {name} {given} resolution 0.1": "resolution|0.5",
        f"adp3d dock {name} {given} resolution 6 pae {tmp_path / 'none.json'} wait true device cpu": "none.json",
    }
    for command, words in wrong.items():
        with pytest.raises(UserError, match=words):
            _run(session, command)


def _report(models, places):
    """Answer of an engine that moved each model by one motion."""
    rows = [
        {
            "chains": [r.chain_id for r in model.residues],
            "numbers": [int(r.number) for r in model.residues],
            "insertion_codes": [""] * model.num_residues,
            "places": [which] * model.num_residues,
        }
        for model, which in zip(models, (1, 2), strict=True)
    ]
    numbers = [[*np.asarray(p.matrix)[:, :3].ravel().tolist(), *np.asarray(p.matrix)[:, 3].tolist()] for p in places]
    return {"found": True, "lines": [], "parts": [], "places": numbers, "models": rows}


def test_several_models_move_in_one_step_each_in_its_own_frame(session, globule, make_map):
    from chimerax.adp3d.handover.docking import apply_docking, prepare_docking
    from chimerax.geometry import Place

    models, volume = [globule(3, 40), globule(4, 35, "B")], make_map()
    models[1].position = _turned((0, 0, 1), 90, (1, 2, 3))
    made = prepare_docking(models, volume, {"device": "cpu"})
    assert made.spec["labels"] == [f"#{model.id_string}" for model in models]
    places = [Place(), _turned((1, 0, 0), 30, (4, 5, 6)), _turned((0, 1, 0), 60, (7, 8, 9))]
    before = [_everything(model) for model in models]
    scene = [model.scene_position * xyz for model, xyz in zip(models, before, strict=True)]
    apply_docking(session, made, _report(models, places))
    for model, place, was in zip(models, places[1:], scene, strict=True):
        assert np.allclose(model.scene_position * _everything(model), place * was, atol=1e-3)
    session.undo.undo()
    assert all(np.array_equal(_everything(model), was) for model, was in zip(models, before, strict=True))


def test_models_and_map_that_were_moved_in_the_scene_meanwhile(session, globule, make_map):
    """What was found is a place in the map, wherever that and the model are by then; what was not found stays."""
    from chimerax.adp3d.handover.docking import apply_docking, prepare_docking
    from chimerax.geometry import Place

    models, volume = [globule(3, 40), globule(4, 35, "B")], make_map()
    volume.position = _turned((1, 1, 0), 50, (-3, 8, 2))
    models[0].position = _turned((0, 0, 1), 90, (1, 2, 3))
    made = prepare_docking(models, volume, {})
    before = [_everything(model) for model in models]
    in_map = volume.scene_position.inverse() * (models[0].scene_position * before[0])
    volume.position = _turned((0, 2, 1), -70, (40, 5, 6))
    models[0].position = _turned((1, 0, 0), 20, (-9, 0, 30))
    found = _turned((1, 0, 0), 30, (4, 5, 6))
    report = _report(models, [Place(), found])
    report["models"][1]["places"] = [0] * models[1].num_residues
    apply_docking(session, made, report)
    to_map = volume.scene_position.inverse() * models[0].scene_position
    assert np.allclose(to_map * _everything(models[0]), found * in_map, atol=1e-3)
    assert np.array_equal(_everything(models[1]), before[1])
    session.undo.undo()
    assert np.array_equal(_everything(models[0]), before[0])


def test_models_that_changed_meanwhile_stay(session, globule, make_map):
    from chimerax.adp3d.handover.docking import apply_docking, prepare_docking
    from chimerax.core.errors import UserError
    from chimerax.geometry import Place

    models, volume = [globule(3, 40), globule(4, 35, "B")], make_map()
    made = prepare_docking(models, volume, {})
    report = _report(models, [Place(), _turned((1, 0, 0), 30, (4, 5, 6)), Place()])
    models[1].atoms.coords = np.asarray(models[1].atoms.coords) + 1.0
    before, depth = [_everything(model) for model in models], len(session.undo.undo_stack)
    with pytest.raises(UserError, match="moved, made or deleted while it was searched"):
        apply_docking(session, made, report)
    assert all(np.array_equal(_everything(model), was) for model, was in zip(models, before, strict=True))
    session.models.close([models[1]])
    with pytest.raises(UserError, match="a model was closed meanwhile"):
        apply_docking(session, made, report)
    assert np.array_equal(_everything(models[0]), before[0]) and len(session.undo.undo_stack) == depth


def test_a_job_whose_model_may_lie_elsewhere_gets_all_of_the_map(session, globule, molmap):
    from chimerax.adp3d.handover.docking import may_lie_elsewhere
    from chimerax.adp3d.handover.quick_fit import correlation_nearby

    model = globule()
    model.atoms.coords = 2.5 * np.asarray(model.atoms.coords)  # as loose as proteins, which have a shape of their own
    volume, points = molmap(model), np.asarray(model.atoms.coords, np.float64)
    assert correlation_nearby(volume, points) > 0.6 and not may_lie_elsewhere(volume, points, "auto")
    middle = points.mean(axis=0)
    turned = _turned((1, 2, 3), 100, (0, 0, 0)) * (points - middle) + middle  # in density, and wrong
    for beside in (turned, points + np.array([12.0, 0.0, 0.0]), points + 500.0):
        assert correlation_nearby(volume, beside) < 0.4 and may_lie_elsewhere(volume, beside, "auto")
    half = np.concatenate([points, points + 500.0])
    assert correlation_nearby(volume, half) == pytest.approx(correlation_nearby(volume, points) / 2)
    assert may_lie_elsewhere(volume, points, "always") and not may_lie_elsewhere(volume, turned, "never")
    assert not may_lie_elsewhere(volume, points[:0], "auto")
