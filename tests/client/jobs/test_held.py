"""Work that is submitted while the engine is being installed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from chimerax.adp3d.jobs.manager import job_manager
from chimerax.adp3d.jobs.state import JobState
from chimerax.adp3d.process import environment, installer
from chimerax.adp3d.process.install import Installation
from chimerax.adp3d.settings import adp3d_settings
from chimerax.core.commands import run
from chimerax.core.errors import UserError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pip is imitated by shell scripts")


@pytest.fixture
def installing(session, maker, tmp_path, monkeypatch):
    """Function that begins an installation, which ends when a file is written: with ``good`` or another word."""
    gate = tmp_path / "gate"
    found = maker(f'while [ ! -f "{gate}" ]; do sleep 0.05; done; grep -q good "{gate}" || exit 1')
    monkeypatch.delenv("ADP3D_PYTHON")
    # whoever runs the tests may have an engine
    monkeypatch.setattr(environment, "default_directory", lambda: tmp_path / "none")
    adp3d_settings(session).engine_python = ""
    monkeypatch.setattr(installer, "Installation", lambda plan: Installation(plan, found))

    def begin():
        return run(session, f'adp3d install "{tmp_path / "env"}" device cpu wait false')

    begin.end = lambda word: gate.write_text(word, encoding="utf-8")
    yield begin
    begin.end("over")


def test_a_job_waits_and_then_runs(session, installing, tiny_job, messages, wait_until):
    started = installing()
    manager = job_manager(session)
    first, second = manager.submit(tiny_job("one")), manager.submit(tiny_job("two"))
    assert first.state is second.state is JobState.WAITING
    assert first.status()["waiting_for"] == "the installation of the engine"
    assert manager.engines() == []
    status = run(session, "adp3d status")
    assert status["environment"]["installing"].startswith("The engine is being installed (")
    run(session, "adp3d jobs")
    said = " ".join(word for _, text in messages for word in text.split())
    assert "job 1 waiting for the installation of the engine; it starts by itself then" in said
    assert said.count("for the installation of the engine") >= 6, "told at once, by status and in the table"
    installing.end("good")
    assert first.wait(120) and second.wait(120)
    assert first.state is second.state is JobState.FINISHED, (first.error, second.error, started.error)
    assert first.status()["waiting_for"] == "" and first.started <= second.started


def test_a_failed_installation_ends_what_waits_for_it(session, installing, tiny_job, wait_until, messages):
    installing()
    prepared = tiny_job()
    prepared.folder.mkdir()  # reserved
    job = job_manager(session).submit(prepared)
    installing.end("bad")
    assert job.wait(60)
    assert job.state is JobState.FAILED and not prepared.folder.exists()
    assert job.error.startswith("The engine was not installed, so this was not started: a step of the installation")
    with pytest.raises(UserError, match="not installed; run the command 'adp3d install'"):
        job_manager(session).submit(tiny_job("two"))


def test_a_cancelled_installation_and_a_stopped_job(session, installing, tiny_job, wait_until):
    installing()
    manager = job_manager(session)
    first, second = manager.submit(tiny_job("one")), manager.submit(tiny_job("two"))
    run(session, f"adp3d stop {first.id}")
    assert first.state is JobState.STOPPED and second.state is JobState.WAITING
    run(session, "adp3d install cancel true")
    wait_until(lambda: second.ended, 20)
    assert second.state is JobState.FAILED
    assert second.error == "The engine was not installed, so this was not started: the installation was cancelled."


def test_commands_pasted_together(session, installing, tmp_path, helix, wait_until):
    """install, refine or complete, and check in one go, as in the documentation."""
    import numpy as np
    from chimerax.atomic import AtomicStructure
    from chimerax.atomic.struct_edit import add_atom

    structure = AtomicStructure(session, name="helix", auto_style=False)
    for line in helix().splitlines():
        if line.startswith("ATOM"):
            number, name = int(line[22:26]), line[12:16].strip()
            residue = structure.find_residue("A", number) or structure.new_residue(line[17:20], "A", number)
            add_atom(name, name[0], residue, np.array([float(line[30 + 8 * i : 38 + 8 * i]) for i in range(3)]))
    session.models.add([structure])
    installing()
    command = f"adp3d complete #{structure.id_string} replicas 1 steps 3 device cpu prior gaussian wait false"
    job = run(session, f'{command} folder "{tmp_path / "job"}"')
    assert job.state is JobState.WAITING
    installing.end("good")
    # a check holds the script up, as everything does without a window
    report = run(session, f"adp3d check #{structure.id_string} device cpu")
    assert report["residues"] == 20
    wait_until(lambda: job.ended)
    assert job.state is JobState.FINISHED, job.error


def test_in_the_window_a_check_is_answered_later(session, installing, tiny_job, messages, wait_until):
    installing()
    answers = []
    manager = job_manager(session)
    manager.begin_check(tiny_job().spec, lambda report, problem: answers.append((report, problem)))
    manager.begin_check({**tiny_job().spec, "model": "gone.cif"}, lambda *answer: answers.append(answer))
    for _ in range(5):
        manager.pump()
        time.sleep(0.02)
    assert not answers
    installing.end("good")
    wait_until(lambda: len(answers) == 2)
    reports = [report for report, _ in answers if report is not None]
    assert reports[0]["residues"] == 20
    assert Path("gone.cif").name in str(answers)
