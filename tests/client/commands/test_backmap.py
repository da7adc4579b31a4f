"""``adp3d backmap`` as the user types it, with the real engine."""

from __future__ import annotations

import numpy as np
import pytest


def _run(session, command, **kw):
    from chimerax.core.commands import run

    return run(session, command, **kw)


def test_side_chains_of_a_backbone_from_start_to_accept(session, make_model, messages, tmp_path):
    from chimerax.adp3d.handover.results import result_model

    model = make_model(waters=1)  # N, CA, C, O and CB, with a gap
    spec = f"#{model.id_string}"
    before = model.atoms.coords.copy()
    job = _run(session, f"adp3d backmap {spec} samples 2 device cpu folder {tmp_path / 'job'} wait true")
    assert str(job.state) == "finished", job.error
    assert np.array_equal(model.atoms.coords, before)
    assert job.prepared.command == f"adp3d backmap {spec} samples 2 device cpu"
    result = result_model(session, job)
    assert result.num_residues == model.num_residues
    lysines = [residue for residue in result.residues if residue.name == "LYS"]
    assert lysines and all(residue.find_atom("NZ") is not None for residue in lysines)
    for residue in model.residues:
        for name in ("N", "CA", "C", "O"):
            atom = residue.find_atom(name)
            if atom is not None and residue.name != "HOH":
                same = result.find_residue(residue.chain_id, residue.number).find_atom(name)
                assert np.asarray(same.coord) == pytest.approx(np.asarray(atom.coord), abs=2e-3)
    assert list(job.layout.numbers) == [r.number for r in model.residues if r.name != "HOH"]
    accepted = _run(session, f"adp3d accept {job.id}")
    assert accepted is model
    assert all(r.find_atom("NZ") is not None for r in model.residues if r.name == "LYS")
    session.undo.undo()
    assert np.array_equal(model.atoms.coords, before)


def test_what_a_check_cannot_tell_is_not_asked(session, make_model):
    from chimerax.adp3d.panel.fields import panel_fields, tasks

    assert "backmap" not in [kind.name for kind in tasks()]
    assert "samples" not in [field.keyword for field in panel_fields()]
