from __future__ import annotations

import pytest
from chimerax.adp3d.panel.guard import guard


def _fail(error):
    def function():
        raise error

    return function


@pytest.fixture
def reported():
    return []


def test_user_errors_are_shown_and_logged(session, reported):
    from chimerax.core.errors import UserError

    callback = guard(session, reported.append, _fail(UserError("Open a map first.")))
    assert callback(True, "whatever the signal carries") is None
    assert reported == ["Open a map first."]


def test_cancelling_is_no_error(session, reported):
    from chimerax.core.errors import CancelOperation

    guard(session, reported.append, _fail(CancelOperation("no")))()
    assert reported == ["Cancelled."]


def test_other_errors_point_to_the_log(session, reported):
    guard(session, reported.append, _fail(ZeroDivisionError("by zero")))()
    assert len(reported) == 1
    assert "by zero" in reported[0] and "Log" in reported[0]


def test_nothing_goes_wrong(session, reported):
    done = []
    assert guard(session, reported.append, lambda: done.append(1))() is None
    assert done == [1]
    assert reported == []
