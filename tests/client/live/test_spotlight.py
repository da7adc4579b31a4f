"""A few residues in the light, and everything as it was afterwards."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest


def _fixtures(room):
    path = Path(__file__).resolve().parents[1] / room / "conftest.py"
    spec = importlib.util.spec_from_file_location(f"adp3d_{room}_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_handover = _fixtures("handover")
make_model, make_map = _handover.make_model, _handover.make_map


@pytest.fixture
def scene(session, make_model, make_map):
    """A model, and a map whose surface is around all of it."""
    model = make_model(missing=(), waters=1)
    volume = make_map(size=(24, 24, 44), origin=(-12.0, -12.0, -6.0))
    if not volume.surfaces:
        volume.add_surface(1.0)
    volume.update_drawings()  # a window does it before the next picture
    return model, volume


def _residues(model, numbers):
    from chimerax.atomic import Residues

    return Residues([model.find_residue("A", number) for number in numbers])


def _looks(session, model, volume):
    camera = session.main_view.camera.position
    atoms = [(a.residue.number, a.name, bool(a.display), int(a.draw_mode)) for a in model.atoms]
    masks = [surface.triangle_mask is None for surface in volume.surfaces]
    planes = sorted((p.name, *np.round(p.plane_point, 4).tolist()) for p in session.main_view.clip_planes.planes())
    return atoms, masks, model.display, volume.display, np.asarray(camera.matrix).tolist(), planes


def test_clip_planes_do_not_hide_what_is_shown(session, scene):
    """ChimeraX sets them where it is told to view a model; they move with the camera."""
    from chimerax.adp3d.live.spotlight import Spotlight

    model, volume = scene
    view = session.main_view
    view.clip_planes.set_clip_position("near", np.array((0.0, 0.0, 30.0)), view)
    view.clip_planes.set_clip_position("far", np.array((0.0, 0.0, 20.0)), view)
    view.clip_planes.set_clip_position("front", np.array((0.0, 0.0, 90.0)), view)
    before = _looks(session, model, volume)
    spotlight = Spotlight(session)
    for numbers in ((17, 18), (3, 4)):
        spotlight.show(_residues(model, numbers), volume)
        assert [plane.name for plane in view.clip_planes.planes()] == ["front"]
    spotlight.put_back()
    assert _looks(session, model, volume) == before
    view.clip_planes.clear()


def test_residues_are_shown_and_everything_is_put_back(session, scene):
    from chimerax.adp3d.live.spotlight import Spotlight
    from chimerax.atomic import Atom

    model, volume = scene
    model.atoms.displays = False
    model.display = volume.display = False
    before = _looks(session, model, volume)
    spotlight = Spotlight(session)
    spotlight.show(_residues(model, range(17, 21)), volume)
    assert spotlight.on and model.display and volume.display
    sticks = {a.residue.number for a in model.atoms if a.display and a.draw_mode == Atom.STICK_STYLE}
    assert sticks >= set(range(13, 21)) and 5 not in sticks, "neighbours along and across the helix, not all of it"
    assert {a.residue.number for a in model.atoms if a.selected} == set(range(17, 21))
    (surface,) = volume.surfaces
    shown = surface.vertices[surface.triangles[surface.triangle_mask]].reshape(-1, 3)
    places = _residues(model, range(17, 21)).atoms.scene_coords
    assert 0 < len(shown) < surface.triangles.size
    assert np.linalg.norm(shown[:, None] - places[None], axis=-1).min(1).max() <= 4.0 + 1e-3
    camera = session.main_view.camera.position
    ahead = places.mean(0) - np.asarray(camera.origin())
    away = places.mean(0) - model.atoms.scene_coords.mean(0)
    assert ahead @ -np.asarray(camera.axes())[2] > 0, "it is in front of the camera"
    assert ahead @ away < 0, "and seen from outside"
    spotlight.show(_residues(model, range(1, 4)), volume)
    sticks = {a.residue.number for a in model.atoms if a.display}
    assert 20 not in sticks and 2 in sticks, "one after the other"
    spotlight.put_back()
    assert _looks(session, model, volume) == before and not spotlight.on
    assert not session.undo.undo_stack, "the undo stack is the user's"


def test_a_map_that_the_user_has_cut_out_stays_so(session, scene):
    from chimerax.adp3d.live.spotlight import Spotlight
    from chimerax.surface.zone import surface_zone, zoning

    model, volume = scene
    (surface,) = volume.surfaces
    surface_zone(surface, np.zeros((1, 3), np.float32), 5.0, auto_update=True)
    own, mask = zoning(surface), surface.triangle_mask.copy()
    spotlight = Spotlight(session)
    spotlight.show(_residues(model, (3, 4)), volume)
    spotlight.put_back()
    assert zoning(surface) is own and np.array_equal(surface.triangle_mask, mask)


def test_what_was_deleted_or_closed_meanwhile_does_not_matter(session, scene):
    from chimerax.adp3d.live.spotlight import Spotlight

    model, volume = scene
    spotlight = Spotlight(session)
    spotlight.show(_residues(model, (3, 4)), volume)
    model.find_residue("A", 4).delete()
    session.models.close([volume])
    spotlight.put_back()
    assert not spotlight.on
    spotlight.show(_residues(model, (5, 6)), None)
    session.models.close([model])
    spotlight.put_back()
    assert not spotlight.on
