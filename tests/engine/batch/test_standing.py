from __future__ import annotations

import pytest

from adp3d.batch.standing import Standing, jobs_of_folder, standing
from adp3d.batch.table import read_table
from adp3d.contract.errors import InputError
from adp3d.job.folder import JobFolder


def test_how_far_a_job_is(table, tmp_path):
    path = table({"name": "a"})
    (row,) = read_table(path, tmp_path / "out")
    assert standing(row) is Standing.NEW
    job = JobFolder.create(row.spec)
    assert standing(row) is Standing.UNFINISHED
    job.write_metrics({"seconds": 1.0})
    assert standing(row) is Standing.FINISHED
    assert standing(row, overwrite=True) is Standing.NEW


def test_another_job_in_the_folder_is_not_mistaken_for_it(table, tmp_path):
    (row,) = read_table(table({"name": "a"}), tmp_path / "out")
    JobFolder.create(row.spec)
    (tmp_path / "other.cif").write_bytes((tmp_path / "model.cif").read_bytes())
    for changed, name in (({"steps": "7"}, "steps"), ({"model": "other.cif"}, "model")):
        (again,) = read_table(table({"name": "a", **changed}), tmp_path / "out")
        with pytest.raises(InputError, match=f"holds a job with another '{name}' than line 2 of 'jobs.csv'"):
            standing(again)


def test_other_files_in_the_folder(table, tmp_path):
    (row,) = read_table(table({"name": "a"}), tmp_path / "out")
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        standing(row, overwrite=True)


def test_jobs_of_a_folder(table, tmp_path):
    with pytest.raises(InputError, match="No folder in"):
        jobs_of_folder(tmp_path)
    for row in read_table(table({"name": "b"}, {"name": "a"}), tmp_path / "out"):
        JobFolder.create(row.spec)
    found = jobs_of_folder(tmp_path / "out")
    assert [row.name for row in found] == ["a", "b"]
    assert all(standing(row) is Standing.UNFINISHED for row in found)
    with pytest.raises(InputError, match="adp3d resume"):
        jobs_of_folder(tmp_path / "out" / "a")
