"""What commands write to is looked at before they compute."""

import pytest

from adp3d.cli.output_paths import new_file, new_tables
from adp3d.contract.errors import InputError


def test_a_new_file(tmp_path):
    path = tmp_path / "a.html"
    assert new_file(path, False, (".html",)) == path and not list(tmp_path.iterdir())
    path.write_text("mine")
    assert new_file(path, True) == path and path.read_text() == "mine"
    for given, said in ((path, "exists"), (tmp_path, "is a folder"), (tmp_path / "none" / "a.html", "does not exist")):
        with pytest.raises(InputError, match=said):
            new_file(given, False)
    with pytest.raises(InputError, match="does not exist"):
        new_file(path / "b.html", True)
    with pytest.raises(InputError, match=r"'a\.pdf' ends with none of \.html, \.htm"):
        new_file(tmp_path / "a.pdf", False, (".html", ".htm"))


def test_new_tables(tmp_path):
    folder = new_tables(tmp_path / "deep" / "scores", ("a.csv", "b.csv"), False)
    assert folder.is_dir()
    (folder / "other.txt").write_text("of the user")
    assert new_tables(folder, ("a.csv", "b.csv"), False) == folder
    (folder / "b.csv").write_text("earlier")
    with pytest.raises(InputError, match=r"holds 'b\.csv' already"):
        new_tables(folder, ("a.csv", "b.csv"), False)
    assert new_tables(folder, ("a.csv", "b.csv"), True) == folder
    with pytest.raises(InputError, match="is a file; name a folder"):
        new_tables(folder / "b.csv", (), True)
    with pytest.raises(InputError, match="cannot be written"):
        new_tables(folder / "b.csv" / "x", (), True)
    assert sorted(path.name for path in folder.iterdir()) == ["b.csv", "other.txt"]
