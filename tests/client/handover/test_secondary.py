"""Helices and strands of new residues: from the open result, or found when the next picture is made."""

from __future__ import annotations

import pytest


@pytest.fixture
def finder(monkeypatch):
    """ChimeraX's search, which calls everything a helix; a list of the models that it was asked for."""
    from chimerax import dssp

    asked = []

    def compute_ss(structure, **_):
        asked.append(structure)
        structure.residues.ss_types = 1

    monkeypatch.setattr(dssp, "compute_ss", compute_ss)
    return asked


def test_with_a_window_they_are_found_before_the_next_picture(session, make_model, finder, monkeypatch):
    from chimerax.adp3d.handover.secondary import find_before_drawing
    from chimerax.atomic import Residues

    structure = make_model()
    structure.ss_assigned = True  # ChimeraX would look for it when it is asked
    structure.residues.ss_types = 0
    new = Residues(list(structure.residues)[:2])
    told = []
    monkeypatch.setattr(session.ui, "is_gui", True)
    find_before_drawing(structure, new, told.append)
    assert not finder and not told
    for _ in range(2):
        session.triggers.activate_trigger("new frame", None)
    assert finder == [structure] and [kind for kind, _ in told[0]] == [1, 1]
    assert structure.residues.ss_types.tolist()[:3] == [1, 1, 0], "others keep theirs"


def test_without_a_window_at_once(session, make_model, finder, monkeypatch):
    from chimerax.adp3d.handover.secondary import find_before_drawing
    from chimerax.atomic import Residues

    structure = make_model()
    told = []
    monkeypatch.setattr(session.ui, "is_gui", False)
    find_before_drawing(structure, Residues([structure.residues[0]]), told.append)
    assert finder == [structure] and len(told) == 1


def test_nothing_is_told_of_residues_that_an_undo_took_away(session, make_model, finder, monkeypatch):
    from chimerax.adp3d.handover.secondary import find_before_drawing
    from chimerax.atomic import Residues

    structure = make_model()
    told = []
    monkeypatch.setattr(session.ui, "is_gui", True)
    new = Residues([structure.residues[0]])
    find_before_drawing(structure, new, told.append)
    new.atoms.delete()
    session.triggers.activate_trigger("new frame", None)
    assert not finder and not told
