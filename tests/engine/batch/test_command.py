"""``adp3d batch`` as it is typed: what it refuses, and that it begins nothing where all is finished."""

from __future__ import annotations

import pytest

from adp3d.batch.table import read_table
from adp3d.cli.app import run
from adp3d.job.folder import JobFolder


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.csv"], "There is no table or folder 'none.csv'"),
        (["jobs.csv", "--scheduler", "pbs"], "--scheduler must be local, slurm"),
        (["jobs.csv", "--kind", "fold"], "--kind must be one of"),
        ([".", "-o", "x"], "leave out --output"),
        (["."], "No folder in"),
    ],
)
def test_what_is_refused(table, tmp_path, monkeypatch, capsys, arguments, words):
    table({})
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run(["batch", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert sorted(tmp_path.iterdir()) == before


def test_a_finished_batch_is_told_again(table, tmp_path, monkeypatch, capsys):
    path = table({"name": "a"}, {"name": "b", "seed": "1"})
    for row in read_table(path, tmp_path / "jobs_batch"):
        JobFolder.create(row.spec).write_metrics({"seconds": 1.5, "completeness_after": 99.0})
    monkeypatch.chdir(tmp_path)
    assert run(["batch", "jobs.csv"]) == 0
    captured = capsys.readouterr()
    assert "2 jobs, 2 finished before." in captured.err
    assert "2 jobs: 2 finished." in captured.out
    assert (tmp_path / "jobs_batch" / "summary.csv").is_file() and (tmp_path / "jobs_batch" / "summary.png").is_file()
