"""``adp3d report``."""

from __future__ import annotations

import pytest

from adp3d.cli.app import run
from adp3d.contract.specification import CompleteSpec
from adp3d.job.folder import JobFolder


@pytest.fixture
def job(small, tmp_path):
    made = JobFolder.create(CompleteSpec(output=str(tmp_path / "job"), model=str(small.model)))
    made.write_metrics({"residues": 44})
    return made


def test_the_page_is_written_and_not_over_another(job, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["report", "job"]) == 0
    assert "Written to job.html" in capsys.readouterr().out
    first = (tmp_path / "job.html").read_text()
    assert first.startswith("<!DOCTYPE html>") and "Residues" in first
    assert run(["report", "job"]) == 2
    assert "exists" in capsys.readouterr().err
    assert run(["report", str(job.path), "-o", str(tmp_path / "other.html")]) == 0
    assert run(["report", "job", "--overwrite"]) == 0
    assert (tmp_path / "other.html").read_text() == first


@pytest.mark.parametrize("damage", ["no job", "not finished", "a folder", "broken figures", "a PDF"])
def test_what_cannot_be_is_one_sentence(job, tmp_path, damage, capsys):
    given = ["report", str(job.path), "-o", str(tmp_path / "page.html")]
    if damage == "no job":
        given[1] = str(tmp_path)
    elif damage == "not finished":
        (job.path / "metrics.json").unlink()
    elif damage == "broken figures":
        (job.path / "metrics.json").write_text('{"residues": 4')
    elif damage == "a PDF":
        given[3] = str(tmp_path / "page.pdf")
    else:
        given[3] = str(tmp_path)
    assert run(given) == 2
    assert capsys.readouterr().err.count(".\n") == 1 and not (tmp_path / "page.html").exists()
