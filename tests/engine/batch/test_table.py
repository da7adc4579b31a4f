from __future__ import annotations

import pytest

from adp3d.batch.table import read_table, setting_from_text
from adp3d.contract.errors import InputError
from adp3d.contract.kinds import KINDS
from adp3d.contract.settings import rows
from adp3d.contract.specification import RefineSpec, specifications

REFINE = {row.name: row for row in rows(RefineSpec)}


def test_every_setting_can_be_a_column(tmp_path):
    names = sorted({row.name for each in specifications() for row in rows(each)} - {"output"})
    path = tmp_path / "jobs.csv"
    (tmp_path / "r.csv").write_text("1,2,3.0,0.1")
    values = {"kind": "distances", "restraints": "r.csv", "sequence": "MKTAYIAK"}
    columns = ["kind", *names]
    path.write_text(",".join(columns) + "\n" + ",".join(values.get(name, "") for name in columns) + "\n")
    (job,) = read_table(path, tmp_path / "out")
    assert (job.name, job.spec.kind, job.spec.sequence) == ("r_distances", "distances", "MKTAYIAK")


def test_rows_become_specifications(table, tmp_path):
    path = table({"seed": "3"}, {"name": "second", "keep": "A:1-3,A:7", "relax": "TRUE", "steps": ""})
    first, second = read_table(path, tmp_path / "out")
    assert first.name == "model_complete" and first.spec.seed == 3 and first.spec.relax is False
    assert first.spec.model == str(tmp_path / "model.cif")  # beside the table, wherever the command is given
    assert first.spec.output == str(tmp_path / "out" / "model_complete")
    assert second.spec.keep == ("A:1-3", "A:7") and second.spec.relax is True
    assert second.spec.steps == KINDS["complete"].steps  # an empty cell is the default


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_comments_and_a_mark_at_the_start(table, tmp_path, separator):
    lines = table({"seed": "1"}, {"seed": "2"}).read_text().replace('"', "").splitlines()
    text = "\ufeff# made by hand\n" + "\n".join(lines[:2]) + "\n\n# the second one\n" + lines[2] + "\n"
    path = tmp_path / "other.csv"
    path.write_text(text.replace(",", separator), encoding="utf-8")
    assert [job.name for job in read_table(path, tmp_path)] == ["model_complete", "model_complete_2"]


def test_pairs_and_measurements_are_separated_by_semicolons(tmp_path):
    half = setting_from_text(REFINE["half_maps"], "a.mrc; b.mrc", tmp_path)
    assert half == (str(tmp_path / "a.mrc"), str(tmp_path / "b.mrc"))
    measured = setting_from_text(REFINE["measure"], "distances@x.csv;plane 3 1", tmp_path)
    assert measured == (f"distances@{tmp_path / 'x.csv'}", "plane 3 1")
    assert setting_from_text(REFINE["density_weight"], "0.5", tmp_path) == 0.5


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"steps": "many"}, "line 2 of 'jobs.csv': 'steps' must be a whole number, not 'many'"),
        ({"steps": "0"}, "line 2 of 'jobs.csv': 'steps' must lie between 1"),
        ({"relax": "perhaps"}, "'relax' must be true or false"),
        ({"kind": ""}, "'kind' is not given"),
        ({"kind": "fold"}, "there is no kind of job 'fold'"),
        ({"map": "model.cif"}, "a complete job has no setting 'map'"),
        ({"model": ""}, "a complete job needs the setting 'model'"),
        ({"model": "none.cif"}, "none.cif' of 'model' does not exist"),
        ({"name": "../x"}, "cannot name a folder"),
        ({"stepz": "3"}, "did you mean 'steps'?"),
        ({"output": "x"}, "job folders are named by the column 'name'"),
    ],
)
def test_a_row_that_is_no_job_is_named(table, tmp_path, row, words):
    with pytest.raises(InputError) as caught:
        read_table(table(row), tmp_path / "out")
    assert words in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_two_jobs_of_one_name(table, tmp_path):
    with pytest.raises(InputError, match=r"line 3 .* the name 'A' is that of line 2"):
        read_table(table({"name": "a"}, {"name": "A"}), tmp_path)


@pytest.mark.parametrize("content", [b"", b"kind,model\n", b"\xff\xfe\x00", b'kind,model\ncomplete,"a\n'])
def test_what_is_no_table(tmp_path, content):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.csv"):
        read_table(path, tmp_path)
