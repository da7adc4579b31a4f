"""How long a lost connection is made again."""

from __future__ import annotations

import pytest
from chimerax.adp3d.jobs.patience import Patience
from chimerax.adp3d.process.connection import EngineEnded
from chimerax.adp3d.process.hosts import Host

LOST = EngineEnded(255, "")
BROKEN = "client_loop: send disconnect: Broken pipe"


@pytest.fixture
def made():
    now = [1000.0]
    return Patience(Host("gpu", "me@server"), lambda: now[0]), now


def test_the_first_connection_is_not_tried_again(made):
    patience, _ = made
    assert patience.over
    assert not patience.waits(LOST, "ssh: connect to host server port 22: Connection refused")


def test_a_lost_one_is_made_again_for_some_minutes(made):
    patience, now = made
    patience.begun()
    waited = 0.0
    while patience.waits(LOST, BROKEN):
        assert not patience.over
        assert "goes on there" in patience.sentence()
        before = now[0]
        while not patience.over:
            now[0] += 0.5
        waited += now[0] - before
    assert 300.0 < waited < 900.0


def test_a_steady_connection_begins_anew(made):
    patience, now = made
    patience.begun()
    for _ in range(5):
        assert patience.waits(LOST, BROKEN)
    now[0] += 100.0
    patience.begun()
    now[0] += 100.0
    assert patience.waits(LOST, BROKEN)
    assert "in 1 s" in patience.sentence()


def test_what_another_attempt_cannot_mend(made):
    patience, _ = made
    patience.begun()
    assert not patience.waits(LOST, "me@server: Permission denied (publickey).")
    patience.begun()
    assert not patience.waits(EngineEnded(1, ""), "Traceback ...")
