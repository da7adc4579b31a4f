"""Installing the engine where there are jobs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from chimerax.adp3d.jobs import installation
from chimerax.adp3d.jobs.installation import install_engine
from chimerax.adp3d.jobs.manager import job_manager
from chimerax.adp3d.process.install import Plan
from chimerax.adp3d.process.installer import current_installer
from chimerax.core.errors import UserError


@pytest.fixture
def plan(session):
    return Plan(None, "cpu", Path(os.environ["ADP3D_PYTHON"]), Path(sys.executable))


def test_nothing_is_installed_under_a_job(session, use_engine, tiny_job, plan):
    use_engine("while receive() is not None: pass")
    job_manager(session).submit(tiny_job())
    with pytest.raises(UserError, match="ADP-3D job 1 uses the engine"):
        install_engine(session, plan)
    assert current_installer(session) is None
    assert len(job_manager(session).engines()) == 1


def test_the_next_job_gets_the_new_engine(session, use_engine, tiny_job, plan, monkeypatch):
    use_engine("""
        receive()
        job = receive().job_id
        send(messages.Started(job, "/a/folder"))
        send(messages.Result(job, {}, {}))
        while receive() is not None: pass
    """)
    manager, begun = job_manager(session), []
    assert manager.submit(tiny_job()).wait(30)
    assert [engine["job"] for engine in manager.engines()] == [None]
    monkeypatch.setattr(installation, "start_installer", lambda *what: begun.append(what))
    install_engine(session, plan)
    assert begun == [(session, plan, None)]
    assert manager.engines() == [], "the idle one is ended"
