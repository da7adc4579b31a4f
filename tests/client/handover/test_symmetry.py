"""Symmetry that ChimeraX knows of an open map, as a job takes it."""

from __future__ import annotations

import numpy as np
import pytest


def _handed_over(session, volume, text, tmp_path):
    from chimerax.adp3d.engine.contract.settings import rows
    from chimerax.adp3d.engine.contract.specification import RefineSpec
    from chimerax.adp3d.handover.session_values import Surroundings, value_for_engine

    (row,) = (one for one in rows(RefineSpec) if one.name == "symmetry")
    return value_for_engine(row, text, Surroundings(session, tmp_path, volume=volume))


def test_operators_of_the_map(session, make_map, tmp_path):
    from chimerax.adp3d.engine.contract.symmetry import parse_symmetry
    from chimerax.geometry import rotation, translation

    volume = make_map()
    volume.data.symmetries = [rotation((0, 0, 1), angle, (10.0, -3.0, 7.5)) for angle in (120.0, 0.0, 240.0)]
    volume.position = translation((50.0, 0.0, 0.0))  # where it is in the scene does not matter
    text = _handed_over(session, volume, " Map ", tmp_path)
    found = parse_symmetry(text)
    assert found.kind == "operators" and len(found.operators) == 3
    np.testing.assert_array_equal(np.reshape(found.operators[0], (3, 4)), np.eye(3, 4))
    for one, angle in zip(found.operators[1:], (120.0, 240.0), strict=True):
        np.testing.assert_allclose(
            np.reshape(one, (3, 4)), rotation((0, 0, 1), angle, (10.0, -3.0, 7.5)).matrix, atol=1e-6
        )


def test_other_symmetries_are_handed_over_as_they_are(session, make_map, tmp_path):
    assert _handed_over(session, make_map(), "D2", tmp_path) == "D2"


def test_a_map_without_symmetry_is_told_how_to_get_one(session, make_map, tmp_path):
    from chimerax.core.errors import UserError

    volume = make_map()
    with pytest.raises(UserError, match=f"measure symmetry #{volume.id_string}"):
        _handed_over(session, volume, "map", tmp_path)
    with pytest.raises(UserError, match="inMap"):
        _handed_over(session, None, "map", tmp_path)


def test_the_command_takes_it(session, make_model, make_map, tmp_path):
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    model, volume = make_model(chains="A"), make_map()
    command = f"adp3d refine #{model.id_string} inMap #{volume.id_string} symmetry map folder {tmp_path / 'job'}"
    with pytest.raises(UserError, match="knows no symmetry"):
        run(session, command)
    assert not (tmp_path / "job").exists()
