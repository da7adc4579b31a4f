from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.restraints.read import read_restraints

CSV = "residue1,residue2,distance\n1,2,8.0\n"
TBL = "assign (resid 1 and name CA) (resid 5 and name CA) 6 1 1\n"


def test_endings_and_compression(tmp_path: Path) -> None:
    (tmp_path / "a.CSV").write_text("\ufeff" + CSV, encoding="utf-8")
    (tmp_path / "b.tbl.gz").write_bytes(gzip.compress(TBL.encode()))
    assert read_restraints(tmp_path / "a.CSV").restraints[0].target == 8.0
    found = read_restraints(str(tmp_path / "b.tbl.gz"))
    assert found.restraints[0].upper == 7.0 and found.source == "b.tbl.gz"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.xyz", b"1", "unknown kind"),
        ("a.csv", b"\xff\xfe\x00", "not a text file"),
        ("a.tbl", b"assign\0", "not a text file"),
        ("a.nef.gz", b"not gzip", "not a readable"),
        ("a.nef.gz", gzip.compress(b"data_x\n" * 1000, mtime=0)[:30], "cannot be decompressed"),
        ("a.str", b"", "a.str"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_restraints(tmp_path / name)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for name in ("none.csv", "."):
        with pytest.raises(InputError):
            read_restraints(tmp_path / name)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_restraints(tmp_path / "folder.csv")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), ending=st.sampled_from([".csv", ".nef", ".str", ".tbl", ".csv.gz"]))
def test_random_bytes_are_refused(tmp_path: Path, data: bytes, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(data)
    with pytest.raises(InputError):
        read_restraints(path)
