"""What a courier takes from the other computer, and what it does not."""

from __future__ import annotations

import hashlib

import pytest
from chimerax.adp3d.engine.contract import messages
from chimerax.adp3d.process.courier import Courier
from chimerax.adp3d.process.engine_note import noted_engine


class Line:
    """Keeps what is sent and delivered."""

    open = True

    def __init__(self):
        self.sent, self.delivered = [], []

    def send(self, message):
        self.sent.append(message)

    def deliver(self, message):
        self.delivered.append(message)


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def job(tmp_path, line):
    """A courier with a job on its way, its folder here, and a function that lets a message arrive."""
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "elsewhere.json").write_text('{"version": 1, "engine": "gpu", "folder": "/far/jobs/job-1"}')
    courier = Courier("gpu")
    assert noted_engine(folder) == "gpu"
    (sent,) = courier.outgoing(messages.Reopen("job-1", str(folder)), line)
    assert sent == messages.Reopen("job-1", "/far/jobs/job-1")

    def arrive(message):
        return list(courier.incoming(message, line))

    return courier, folder, arrive


def piece(name, content, **changes):
    digest = hashlib.sha256(content).hexdigest()
    return messages.Piece("job-1", name, 0, len(content), content, changes.get("sha256", digest))


def said(content):
    return f"{len(content)} {hashlib.sha256(content).hexdigest()}"


RESULT = messages.Result("job-1", {"result": "/far/jobs/job-1/result.cif"}, {"seconds": 1.0})


def test_the_result_waits_for_its_files(job, line):
    _, folder, arrive = job
    assert arrive(RESULT) == []
    assert line.sent == [messages.List("job-1", "/far/jobs/job-1")]
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "old").write_bytes(b"1")
    listing = {"result.cif": said(b"data_"), "job.json": said(b"{}"), "checkpoints/new": said(b"2")}
    assert arrive(messages.Listing("job-1", listing)) == []
    assert set(line.sent[-1].names) == set(listing)
    assert not (folder / "checkpoints" / "old").exists()
    assert arrive(messages.Log("job-1", "See /far/jobs/job-1/events.log.")) == []  # it came later, and is told later
    for name, content in (("result.cif", b"data_"), ("job.json", b"{}"), ("checkpoints/new", b"2")):
        assert arrive(piece(name, content)) == []
    told = arrive(messages.Fetched("job-1"))
    assert told[0] == messages.Result("job-1", {"result": str(folder / "result.cif")}, {"seconds": 1.0})
    assert told[1].text == f"See {folder}/events.log."
    assert (folder / "result.cif").read_bytes() == b"data_"


def test_what_is_here_is_not_fetched_again(job, line):
    _, folder, arrive = job
    (folder / "result.cif").write_bytes(b"data_")
    arrive(RESULT)
    arrive(messages.Listing("job-1", {"result.cif": said(b"data_")}))
    assert line.sent[-1] == messages.Fetch("job-1", "/far/jobs/job-1", [])
    assert len(arrive(messages.Fetched("job-1"))) == 1


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside"])
def test_names_that_lead_out_of_the_job_folder_are_refused(job, tmp_path, name):
    _, _, arrive = job
    arrive(RESULT)
    (failed,) = arrive(messages.Listing("job-1", {name: said(b"x")}))
    assert isinstance(failed, messages.Error) and "is not taken" in failed.text and "'gpu'" in failed.advice
    assert not list(tmp_path.rglob("outside"))


def test_files_that_nobody_asked_for_are_refused(job):
    _, folder, arrive = job
    arrive(RESULT)
    arrive(messages.Listing("job-1", {"result.cif": said(b"data_")}))
    (failed,) = arrive(piece("elsewhere.json", b"{}"))
    assert "was not asked for" in failed.text
    assert noted_engine(folder) == "gpu"
    assert arrive(piece("result.cif", b"data_")) == []  # nothing is waited for any more
    assert not (folder / "result.cif").exists()


def test_a_wish_that_crosses_the_end_is_no_end(job):
    _, _, arrive = job
    crossed = messages.Error("job-1", "No job 'job-1' is running.")
    assert arrive(crossed) == [crossed]
    arrive(RESULT)
    assert arrive(crossed) == []
    arrive(messages.Listing("job-1", {}))
    assert [message.kind for message in arrive(messages.Fetched("job-1"))] == ["result", "error"]


def test_a_connection_that_breaks_while_files_come(job, line):
    courier, folder, arrive = job
    arrive(RESULT)
    arrive(messages.Listing("job-1", {"result.cif": said(b"0123456789")}))
    arrive(messages.Piece("job-1", "result.cif", 0, 10, b"01234"))
    courier.lost()
    assert not [path for path in folder.iterdir() if "arriving" in path.name]
    assert arrive(RESULT) == []  # once more, over the next one
    assert line.sent[-1] == messages.List("job-1", "/far/jobs/job-1")


def test_a_job_of_another_engine_is_not_taken_up(tmp_path, line):
    assert list(Courier("gpu").outgoing(messages.Reopen("job-1", str(tmp_path)), line)) == []
    assert "was not computed on the engine 'gpu'" in line.delivered[0].text


def test_a_file_that_cannot_be_read_is_said_before_anything_is_sent(tmp_path, line):
    spec = {"version": 1, "kind": "complete", "model": str(tmp_path / "none.cif"), "output": str(tmp_path / "job")}
    assert list(Courier("gpu").outgoing(messages.Submit("job-1", spec), line)) == []
    assert "none.cif' cannot be read" in line.delivered[0].text
