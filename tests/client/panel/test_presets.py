from __future__ import annotations

import pytest
from chimerax.adp3d.panel.fields import defaults
from chimerax.adp3d.panel.presets import CUSTOM, PRESETS, STANDARD, preset_of


@pytest.mark.parametrize(
    ("replicas", "steps", "name"),
    [(4, None, "quick"), (8, None, "standard"), (16, None, "thorough"), (8, 60, CUSTOM), (5, None, CUSTOM)],
)
def test_numbers_of_replicas_and_steps_have_names(replicas, steps, name):
    assert preset_of({"seed": 7, "replicas": replicas, "steps": steps}) == name


def test_defaults_are_the_standard_preset():
    assert preset_of(defaults()) == STANDARD


def test_anything_else_is_custom():
    assert preset_of(defaults() | {"steps": 61}) == CUSTOM
    assert preset_of({}) == CUSTOM


def test_presets_grow():
    costs = [preset["replicas"] for preset in PRESETS.values()]
    assert costs == sorted(costs)
