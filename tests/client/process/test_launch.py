"""Starting the bundle's engine in an interpreter that knows nothing of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chimerax.adp3d.process import environment
from chimerax.adp3d.process.advice import advice_for_text
from chimerax.adp3d.process.environment import ENGINE, clean_variables, engine_command
from chimerax.adp3d.process.launch import load_engine


@pytest.fixture
def elsewhere(session, tmp_path, monkeypatch):
    """A bundle of its own in another folder, as ChimeraX installs one, without byte code."""
    for name in ("engine", "process"):
        shutil.copytree(ENGINE.parent / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(environment, "ENGINE", tmp_path / "engine")
    monkeypatch.setattr(environment, "_HERE", tmp_path / "process")
    return tmp_path


def _run(*arguments):
    command = engine_command(Path(os.environ["ADP3D_PYTHON"]), *arguments)
    return subprocess.run(command, capture_output=True, text=True, env=clean_variables(os.environ), check=False)


def _files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_nothing_is_written_into_the_bundle(elsewhere):
    before = _files(elsewhere)
    done = _run("--version")
    assert done.returncode == 0 and done.stdout.startswith("adp3d "), done.stderr
    assert _files(elsewhere) == before


def test_an_engine_that_is_gone_leads_to_the_bundle(elsewhere):
    (elsewhere / "engine" / "__init__.py").unlink()
    done = _run("--version")
    assert done.returncode != 0
    assert done.stderr.strip().endswith(f"ImportError: there is no engine in {elsewhere / 'engine'}")
    assert advice_for_text(done.stderr) == "The engine's files are missing: install the ADP-3D bundle again."


def test_the_engine_is_known_under_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "adp3d", None)  # to be put back
    (tmp_path / "__init__.py").write_text('__version__ = "0.0.7"\n', encoding="utf-8")
    (tmp_path / "part.py").write_text("from . import __version__ as number\n", encoding="utf-8")
    load_engine(str(tmp_path))
    monkeypatch.delitem(sys.modules, "adp3d.part", raising=False)
    import importlib

    assert importlib.import_module("adp3d.part").number == "0.0.7"
    del sys.modules["adp3d.part"]
    with pytest.raises(ImportError, match="there is no engine in"):
        load_engine(str(tmp_path / "nothing"))
