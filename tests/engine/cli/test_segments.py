"""``adp3d segments``."""

from __future__ import annotations

import csv
import io
import json

import pytest

from adp3d.cli.app import run
from adp3d.contract.segments import COLUMNS, Segment, to_text
from adp3d.contract.specification import CompleteSpec
from adp3d.job.folder import JobFolder

FOUND = [
    Segment("A", ("39", "40"), "rebuilt", 2, 5.0, ("1 chain break",), 71.0, 0.6, rotamers=0, clashes=0, breaks=1),
    Segment("B", ("7",), "moved", confidence=99.0, displacement=1.3, rotamers=0, clashes=0),
]


@pytest.fixture
def job(small, tmp_path):
    made = JobFolder.create(CompleteSpec(output=str(tmp_path / "job"), model=str(small.model)))
    made.write_segments(to_text(FOUND))
    made.write_metrics({})
    return made


def test_text(job, capsys):
    assert run(["segments", str(job.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["#", "Chain", "Residues"] and "Q" not in lines[0].split()
    assert lines[1].split()[:5] == ["1", "A", "39-40", "2", "rebuilt"]
    assert lines[3] == "1: A 39-40: 1 chain break."
    assert lines[4] == "2 stretches: 1 rebuilt (2 residues), 1 moved (1 residues); 1 to be looked at."


def test_json_and_csv_have_everything(job, capsys):
    assert run(["segments", str(job.path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["residues"] == ["39", "40"] and found[0]["reasons"] == ["1 chain break"]
    assert run(["segments", str(job.path), "--csv"]) == 0
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(table[0]) == [column.name for column in COLUMNS]
    assert (table[1]["displacement"], table[1]["fit"]) == ("1.3", "")


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda job: (job.path / "metrics.json").unlink(), "has not finished"),
        (lambda job: (job.path / "segments.json").unlink(), "has no list of stretches"),
        (lambda job: (job.path / "segments.json").write_text("{}"), "cannot be read"),
    ],
)
def test_what_cannot_be_listed_is_one_sentence(job, damage, said, capsys):
    damage(job)
    assert run(["segments", str(job.path)]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert said in error and error.count(". ") == 0


def test_one_format_at_a_time(job, capsys):
    assert run(["segments", str(job.path), "--json", "--csv"]) == 2
    assert "not both" in capsys.readouterr().err
