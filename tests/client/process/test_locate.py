"""Finding a Python to make the environment with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from chimerax.adp3d.process import locate
from chimerax.adp3d.process.locate import VERSIONS, candidates, examine, find_maker, find_uv

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="interpreters are imitated by shell scripts")


def fake(folder, name, version, executable=None, chimerax="false", pip="true"):
    """A program that answers as a Python of a given version would."""
    path = folder / name
    answer = (
        f'{{"version": [{version[0]}, {version[1]}], "executable": "{executable or path}", "bits": 64, '
        f'"pip": {pip}, "chimerax": {chimerax}}}'
    )
    path.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """Only what a test puts on the path exists."""
    monkeypatch.setattr(locate, "_places", lambda environ: _on_path(environ))
    return {"PATH": str(tmp_path), "HOME": str(tmp_path / "home")}


def _on_path(environ):
    names = ["python{}.{}".format(*version) for version in VERSIONS] + ["python3"]
    return [Path(environ["PATH"]) / name for name in names]


def test_the_preferred_version_is_taken(bare, tmp_path):
    fake(tmp_path, "python3.10", (3, 10))
    fake(tmp_path, "python3.11", (3, 11))
    maker = find_maker(tmp_path / "none", bare)
    assert maker.command[:1] == (str(tmp_path / "python3.11"),)
    assert maker.independent
    fake(tmp_path, "python3.12", (3, 12))
    assert "3.12" in find_maker(tmp_path / "none", bare).description


def test_unusable_interpreters_are_passed_over(bare, tmp_path):
    fake(tmp_path, "python3.12", (3, 9))
    fake(tmp_path, "python3.11", (3, 11), chimerax="true")
    fake(tmp_path, "python3.13", (3, 13), pip="false")
    (tmp_path / "python3.10").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "python3.10").chmod(0o755)
    assert find_maker(tmp_path / "none", bare) is None


def test_uv_comes_before_chimerax_own_python(bare, tmp_path):
    own = fake(tmp_path, "chimerax-python", (3, 11), chimerax="true")
    maker = find_maker(own, bare)
    assert not maker.independent
    assert maker.command == (str(own), "-I", "-m", "venv")
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n", encoding="utf-8")
    uv.chmod(0o755)
    assert find_uv(bare) == uv
    maker = find_maker(own, bare)
    assert maker.independent
    assert maker.command[:2] == (str(uv), "venv")


def test_this_computers_interpreters_exist(session):
    found = list(candidates(os.environ))
    assert found
    assert len(set(found)) == len(found)
    assert all(path.is_file() for path in found)


def test_places_on_windows(monkeypatch, tmp_path):
    monkeypatch.setattr(locate.sys, "platform", "win32")
    programs = tmp_path / "Local" / "Programs" / "Python" / "Python311" / "python.exe"
    conda = tmp_path / "home" / "miniforge3" / "python.exe"
    on_path = tmp_path / "tools" / "python.exe"
    shop = tmp_path / "WindowsApps" / "python.exe"
    for place in (programs, conda, on_path, shop):
        place.parent.mkdir(parents=True)
        place.write_text("#!/bin/sh\n", encoding="utf-8")
        place.chmod(0o755)
    environ = {
        "LOCALAPPDATA": str(tmp_path / "Local"),
        "HOME": str(tmp_path / "home"),
        "PATH": os.pathsep.join([str(shop.parent), str(on_path.parent)]),
    }
    assert [path for path in candidates(environ) if path.is_relative_to(tmp_path)] == [programs, conda, on_path]
    uv = tmp_path / "home" / ".local" / "bin" / "uv.exe"
    uv.parent.mkdir(parents=True)
    uv.touch()
    assert find_uv(environ) == uv


def test_a_real_python_is_examined(session, tmp_path):
    known = examine(Path(os.environ["ADP3D_PYTHON"]))
    assert known is None or known.version in VERSIONS
    assert examine(tmp_path / "nothing") is None
