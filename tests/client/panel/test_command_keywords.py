"""The options of the panel exist in the commands."""

from __future__ import annotations

import re

import pytest
from chimerax.adp3d.panel.form import FIELDS, TASKS


def _keywords(name):
    from importlib import import_module

    module = import_module(f"chimerax.adp3d.commands.{name}")
    return set(getattr(module, f"{name}_desc")()._keyword)


def _python_name(keyword):
    return re.sub("[A-Z]", lambda match: "_" + match.group().lower(), keyword)


@pytest.mark.parametrize("task", TASKS)
def test_options_of_a_task_are_keywords_of_its_command(session, task):
    offered = {_python_name(f.keyword) for f in FIELDS if task in f.tasks}
    assert offered <= _keywords(task)


def test_checked_options_are_keywords_of_check(session):
    offered = {_python_name(f.keyword) for f in FIELDS if f.checked}
    assert offered <= _keywords("check")


def test_options_left_out_are_those_that_a_command_has_not(session):
    for task in TASKS:
        not_offered = {_python_name(f.keyword) for f in FIELDS if task not in f.tasks}
        assert not not_offered & _keywords(task), task
