"""Commands that list and steer jobs."""

from __future__ import annotations

import json

import pytest
from chimerax.adp3d.jobs.manager import job_manager
from chimerax.adp3d.jobs.selection import positions
from chimerax.adp3d.jobs.state import JobState
from chimerax.core.commands import run
from chimerax.core.errors import UserError

ENGINE = """
    import numpy as np
    running, n = "", 6
    while (message := receive()) is not None:
        if message.kind == "submit":
            running = message.job_id
            send(messages.Started(running, message.spec["output"]))
            columns = ["A"] * n, list(range(5, 5 + n)), [""] * n, ["GLY"] * n, [True] * n, [True] * n
            send(messages.Layout(running, *columns, np.zeros((1, n, 4, 3), np.float32)))
            send(messages.Progress(running, "sampling", 3, 10, 12.0))
        elif message.kind == "stop":
            send(messages.Stopped(running, "/a/folder"))
            running = ""
        elif message.kind != "hello":
            send(messages.Log(running, repr(message)))
"""


@pytest.fixture
def running(session, use_engine, tiny_job, wait_until):
    """A running job of an engine that tells back what it was asked."""
    use_engine(ENGINE)
    prepared = tiny_job()
    job = job_manager(session).submit(prepared)
    wait_until(lambda: job.total > 0)
    return job


def test_jobs_are_listed(session, running, messages):
    assert run(session, "adp3d jobs") == [running]
    (table,) = [text for _, text in messages if "Stage" in text]
    assert "complete job" in table
    assert "sampling 3/10" in table
    with pytest.raises(UserError, match="has not ended"):
        run(session, "adp3d jobs remove 1")
    run(session, "adp3d stop")
    assert run(session, "adp3d jobs remove 1") == []


@pytest.mark.parametrize("figures", [{}, {"seconds": 61.6}])
def test_time_of_a_job_that_finished_earlier(session, tiny_job, messages, figures):
    folder = tiny_job().folder
    folder.mkdir()
    spec = {name: value for name, value in tiny_job().spec.items() if value is not None}
    (folder / "job.json").write_text(json.dumps({"version": 1, **spec}), encoding="utf-8")
    (folder / "result.cif").write_text("data_result\n", encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps(figures), encoding="utf-8")
    event = {"event": "metric", "name": "temperature", "values": [0.5, 0.25], "step": 5, "first_replica": 0}
    best = {"event": "best", "replica": 1, "step": 5}
    (folder / "events.log").write_text(f"{json.dumps(event)}\n{json.dumps(best)}\n", encoding="utf-8")
    job = job_manager(session).reopen(folder)
    assert job.metrics == {"temperature": [(5, [0.5, 0.25])]} and job.best_replica == 1, "the plot has its curves"
    run(session, "adp3d jobs")
    (table,) = [text for _, text in messages if "Stage" in text]
    assert "0 s" not in table
    assert "62 s" in table if figures else " s" not in table.split("finished")[1].split(str(folder))[0]


def test_without_jobs_the_list_is_empty(session, messages):
    assert run(session, "adp3d jobs") == []
    assert ("note", "There are no ADP-3D jobs.") in [(level, text.strip()) for level, text in messages]


def test_status_is_plain_and_starts_nothing(session, running):
    status = json.loads(json.dumps(run(session, "adp3d status")))
    assert status["environment"]["problem"] == ""
    assert status["jobs"][0]["state"] == "running"
    assert status["engines"][0]["job"] == 1
    assert run(session, "adp3d status 1")["id"] == 1


def test_a_job_is_paused_resumed_and_stopped(session, running, wait_until):
    assert run(session, "adp3d pause") is running
    assert running.state is JobState.PAUSED
    with pytest.raises(UserError, match="it is paused"):
        run(session, "adp3d pause 1")
    assert run(session, "adp3d resume wait false").state is JobState.RUNNING
    with pytest.raises(UserError, match="need not be resumed"):
        run(session, "adp3d resume")
    wait_until(lambda: len(running.log) == 2)
    assert running.log[0].startswith("Pause(")
    assert running.log[1].startswith("Resume(")
    assert run(session, "adp3d stop wait true") is running
    assert running.state is JobState.STOPPED
    with pytest.raises(UserError, match="has ended already"):
        run(session, "adp3d stop 1")


def test_weights_are_set_for_jobs_with_a_map_only(session, running, wait_until):
    with pytest.raises(UserError, match="has no 'densityWeight'"):
        run(session, "adp3d set densityWeight 2")
    with pytest.raises(UserError, match="Say what to set"):
        run(session, "adp3d set 1")
    object.__setattr__(running.prepared, "kind", "refine")
    run(session, "adp3d set 1 densityWeight 2.5")
    wait_until(lambda: bool(running.log))
    assert "densityWeight" in running.log[0], "as the command calls it"
    assert "2.5" in running.log[0]


def test_a_stopped_job_is_taken_up_by_number_or_folder(session, running, tiny_job, tmp_path):
    from chimerax.adp3d.engine.contract import specification

    run(session, "adp3d stop wait true")
    folder = tmp_path / "my job"
    folder.mkdir()
    spec = specification.from_dict(running.prepared.spec)
    (folder / "job.json").write_text(specification.to_json(spec), encoding="utf-8")
    running.folder = folder
    again = run(session, "adp3d resume 1 wait false")
    assert again is running and (again.id, again.folder) == (1, folder)
    with pytest.raises(UserError, match="is ADP-3D job 1"):
        run(session, f'adp3d resume "{folder}"')
    again.stop()
    again.state = JobState.STOPPED
    assert run(session, f'adp3d resume "{folder}" wait false') is running
    assert run(session, "adp3d jobs") == [running], "one job, one row"
    with pytest.raises(UserError, match="not the folder"):
        run(session, f'adp3d resume "{tmp_path}"')


@pytest.fixture
def structure(session):
    """Chain A with residues 1 to 8, chain B with residue 1."""
    import numpy as np
    from chimerax.atomic import AtomicStructure
    from chimerax.atomic.struct_edit import add_atom

    structure = AtomicStructure(session, name="test", auto_style=False)
    for chain, numbers in (("A", range(1, 9)), ("B", (1,))):
        for number in numbers:
            residue = structure.new_residue("GLY", chain, number)
            add_atom("CA", "C", residue, np.array([3.8 * number, 0.0, 0.0]))
    session.models.add([structure])
    return structure


def test_residues_are_fixed_and_released(session, running, structure, wait_until, messages):
    spec = structure.atomspec
    run(session, f"adp3d fix {spec}/A:4-6")
    run(session, f"adp3d release {spec}/A:6 job 1")
    wait_until(lambda: len(running.log) == 2)
    assert running.log[0] == "Fix(job_id='job-1', residues=[0, 1], fixed=True)"
    assert running.log[1] == "Fix(job_id='job-1', residues=[1], fixed=False)"
    said = [text.strip().split(": ")[1] for _, text in messages if "held" in text]
    assert said == ["2 residues held; 2 are held in all.", "1 residue released; 1 is still held."]
    with pytest.raises(UserError, match="None of these residues is held in ADP-3D job 1"):
        run(session, f"adp3d release {spec}/A:6")
    run(session, f"adp3d fix {spec}/A:4-8")
    run(session, f"adp3d release {spec}/A")
    said = [text.strip().split(": ")[1] for _, text in messages if "held" in text][2:]
    assert said == ["3 residues held; 4 are held in all.", "4 residues released; none is still held."]
    with pytest.raises(UserError, match="None of these residues"):
        run(session, f"adp3d fix {spec}/B")
    run(session, "adp3d stop")
    with pytest.raises(UserError, match="does not run"):
        run(session, f"adp3d fix {spec}/A:5")


def test_positions_follow_the_labels(running, structure):
    assert positions(running.layout, structure.residues) == [0, 1, 2, 3]
    assert positions(running.layout, structure.residues[:4]) == []


def test_kept_residues_count_as_held(session, running, structure, messages):
    """The job has residues 5 to 10 of chain A."""
    running.prepared.spec["keep"] = ("A:6-7", "A:10", "B")
    run(session, f"adp3d release {structure.atomspec}/A:7-8")
    assert any("1 residue released; 2 are still held." in text for _, text in messages)


@pytest.mark.parametrize(
    ("keep", "expected"),
    [(("A",), {0, 1, 2}), (("A:1",), {0, 1}), (("A:1B",), {1}), (("A:-3--2", "B:4-9"), {2, 3}), (("A:1-4",), {0, 1})],
)
def test_kept_residues_are_understood(keep, expected):
    import numpy as np
    from chimerax.adp3d.jobs.selection import kept_positions
    from chimerax.adp3d.jobs.state import Layout

    columns = (("A", "A", "A", "B"), (1, 1, -2, 4), ("", "B", "", ""), ("GLY",) * 4, (True,) * 4, (True,) * 4)
    assert kept_positions(Layout(*columns, np.zeros((4, 4, 3))), keep) == expected


def test_all_jobs_are_stopped(session, running, tiny_job, wait_until):
    waiting = [job_manager(session).submit(tiny_job(name)) for name in ("two", "three")]
    assert run(session, "adp3d stop all wait true") == [running, *waiting]
    assert {job.state for job in (running, *waiting)} == {JobState.STOPPED}
    with pytest.raises(UserError, match="job 2 has left nothing to go on with; give its command again: adp3d complete"):
        run(session, "adp3d resume 2")
    with pytest.raises(UserError, match="no ADP-3D job that could be stopped"):
        run(session, "adp3d stop all")


def test_status_says_why_a_job_failed(session, use_engine, tiny_job, messages):
    use_engine("""
        receive()
        send(messages.Error(receive().job_id, "The map is empty.", "Choose another."))
        while receive() is not None: pass
    """)
    job = job_manager(session).submit(tiny_job())
    assert job.wait(20)
    del messages[:]
    assert run(session, "adp3d status 1")["error"] == "The map is empty."
    told = [text.strip() for _, text in messages if "Executing" not in text]
    assert told == ["ADP-3D job 1 failed: The map is empty. Choose another."]


def test_the_end_is_told_with_figures(session, use_engine, tiny_job, messages):
    use_engine("""
        receive()
        job = receive().job_id
        send(messages.Started(job, "/a/folder"))
        metrics = {"seconds": 200, "residues": 172, "completeness_before": 64.53, "mean_confidence": 88.2,
                   "map_cc_before": 0.4581, "map_cc_after": 0.5549}
        send(messages.Result(job, {}, metrics))
        while receive() is not None: pass
    """)
    job = job_manager(session).submit(tiny_job())
    assert job.wait(20)
    figures = "61 of 172 residues built, map correlation 0.555 (before 0.458), mean confidence 88 of 100"
    told = " ".join(" ".join(text.split()) for _, text in messages)  # the log breaks lines
    assert f"ADP-3D job 1 (complete job) has finished after 3 min: {figures}." in told
    run(session, "adp3d status 1")
    assert figures in " ".join(messages[-1][1].split())
