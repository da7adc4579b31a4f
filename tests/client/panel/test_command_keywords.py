"""The panel offers what the commands take, in one range."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from chimerax.adp3d.engine.contract.domains import Integer, Real
from chimerax.adp3d.panel.fields import panel_fields, tasks

TASKS = [kind.name for kind in tasks()]


def _annotations(name):
    module = import_module(f"chimerax.adp3d.commands.{name}")
    return getattr(module, f"{name}_desc")()._keyword


def _python_name(keyword):
    return re.sub("[A-Z]", lambda match: "_" + match.group().lower(), keyword)


@pytest.mark.parametrize("task", TASKS)
def test_options_of_a_task_are_keywords_of_its_command(session, task):
    offered = {_python_name(f.keyword) for f in panel_fields() if task in f.tasks}
    assert offered <= set(_annotations(task))


def test_checked_options_are_keywords_of_check(session):
    offered = {_python_name(f.keyword) for f in panel_fields() if f.row.checked}
    assert offered <= set(_annotations("check"))


def test_options_left_out_are_those_that_a_command_has_not(session):
    for task in TASKS:
        not_offered = {_python_name(f.keyword) for f in panel_fields() if task not in f.tasks}
        assert not not_offered & set(_annotations(task)), task


def test_ranges_are_those_of_the_commands(session):
    numbers = [f for f in panel_fields() if isinstance(f.domain, Integer | Real)]
    assert {"replicas", "steps", "seed", "resolution", "densityWeight"} == {f.keyword for f in numbers}
    for field in numbers:
        for task in field.tasks:
            bounded = _annotations(task)[_python_name(field.keyword)]
            assert (bounded.min, bounded.max) == (field.domain.low, field.domain.high), field.keyword
