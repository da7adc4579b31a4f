"""Where the engine's environment is, and whether it can be used."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from chimerax.adp3d.process import environment
from chimerax.adp3d.process.environment import (
    ENGINE,
    Environment,
    EnvironmentProblem,
    clean_variables,
    configured,
    describe,
    engine_command,
    interpreter_of,
    known_device,
    probe,
    require,
    verify,
)
from chimerax.adp3d.settings import adp3d_settings
from chimerax.core.errors import UserError


@pytest.fixture
def python(session):
    """Interpreter of a ready environment."""
    return Path(os.environ["ADP3D_PYTHON"])


def test_variables_that_chimerax_sets_are_removed():
    given = {
        "PATH": "/bin",
        "PYTHONPATH": "x",
        "PYTHONHOME": "y",
        "OPENBLAS_NUM_THREADS": "1",
        "SSL_CERT_FILE": "z",
        "XDG_CONFIG_DIRS": "w",
        "XDG_CACHE_HOME": "mine",
        "OMP_NUM_THREADS": "2",
    }
    assert clean_variables(given) == {"PATH": "/bin", "XDG_CACHE_HOME": "mine", "OMP_NUM_THREADS": "2"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ChimeraX does this on Linux only")
def test_the_superuser_gets_the_home_folder_back():
    assert Path(clean_variables({"HOME": "/do/not/run/as/root"})["HOME"]).is_dir()


def test_the_variable_comes_before_the_setting_and_the_default(session, monkeypatch, tmp_path):
    settings = adp3d_settings(session)
    monkeypatch.setattr(environment, "default_directory", lambda: tmp_path / "env")
    monkeypatch.setenv(environment.VARIABLE, "/from/variable")
    settings.engine_python = "/from/setting"
    assert configured(session) == Environment(Path("/from/variable"), "variable")
    monkeypatch.delenv(environment.VARIABLE)
    assert configured(session) == Environment(Path("/from/setting"), "setting")
    settings.engine_python = ""
    assert configured(session) is None
    default = interpreter_of(tmp_path / "env")
    default.parent.mkdir(parents=True)
    default.touch()
    assert configured(session) == Environment(default, "default")


def test_without_an_environment_the_command_to_run_is_named(session, monkeypatch, tmp_path):
    monkeypatch.delenv(environment.VARIABLE)
    adp3d_settings(session).engine_python = ""
    monkeypatch.setattr(environment, "default_directory", lambda: tmp_path)
    with pytest.raises(UserError, match="adp3d install"):
        require(session)
    with pytest.raises(EnvironmentProblem, match="adp3d install"):
        environment.worker_command(session)
    assert "adp3d install" in describe(session)["problem"]


def test_a_damaged_environment_is_described(session, tmp_path, monkeypatch):
    monkeypatch.setenv(environment.VARIABLE, str(tmp_path / "gone"))
    described = describe(session)
    assert described["source"] == "variable" and described["python"] == str(tmp_path / "gone")
    assert str(tmp_path / "gone") in described["problem"]
    assert described["problem"].endswith(f"let the variable {environment.VARIABLE} point to a ready one.")
    with pytest.raises(UserError) as error:
        require(session)
    assert str(error.value) == described["problem"]


def test_a_ready_environment_is_accepted(session, python):
    assert require(session).python == python
    assert describe(session)["problem"] == ""
    assert probe(python) == ""


def test_beside_a_window_a_core_is_left_for_drawing(session, python, monkeypatch):
    assert "ADP3D_SPARE_CORES" not in environment.worker_command(session)[1]
    monkeypatch.setattr(session.ui, "is_gui", True)
    assert environment.worker_command(session)[1]["ADP3D_SPARE_CORES"] == "1"
    monkeypatch.setenv("ADP3D_SPARE_CORES", "0")
    assert environment.worker_command(session)[1]["ADP3D_SPARE_CORES"] == "0"


def test_an_interpreter_without_the_packages_is_refused(session, tmp_path, python):
    subprocess.run([str(python), "-I", "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    bare = interpreter_of(tmp_path / "bare")
    with pytest.raises(
        EnvironmentProblem, match=r"lacks the packages torch, numpy, [0-9]+ others; run .*adp3d install"
    ):
        verify(Environment(bare, "setting"))


def test_an_environment_whose_base_is_gone_is_refused(tmp_path):
    python = interpreter_of(tmp_path / "env")
    python.parent.mkdir(parents=True)
    python.touch()
    (tmp_path / "env" / "pyvenv.cfg").write_text(f"home = {tmp_path / 'gone'}\nversion = 3.11.1\n", encoding="utf-8")
    with pytest.raises(EnvironmentProblem, match="is gone"):
        verify(Environment(python, "setting"))


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("#!/bin/sh\necho hello\n", "exit status 0"),
        ("#!/bin/sh\necho broken >&2; exit 4\n", "broken"),
        ("", "cannot be"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")
def test_programs_that_are_no_python_are_refused(tmp_path, program, problem):
    path = tmp_path / "python"
    path.write_text(program, encoding="utf-8")
    if program:
        path.chmod(0o755)
    assert problem in probe(path)


@pytest.mark.skipif(sys.platform == "win32", reason="has no ls")
def test_another_program_is_named_as_no_python(session, messages):
    from chimerax.core.commands import run

    assert probe(Path("/bin/ls")).startswith("it is not a Python interpreter")
    with suppress(UserError):
        run(session, "adp3d install python /bin/ls wait true")
    assert any("'/bin/ls'" in text and "not a Python interpreter" in text for _, text in messages)


def test_the_bundles_own_engine_is_run(python, session):
    command = engine_command(python, "--version")
    done = subprocess.run(command, capture_output=True, text=True, env=clean_variables(os.environ), check=True)
    version = next(
        line.split('"')[1]
        for line in (ENGINE / "__init__.py").read_text(encoding="utf-8").splitlines()
        if line.startswith("__version__")
    )
    assert done.stdout.strip() == f"adp3d {version}"


def test_another_engine_in_the_environment_does_not_count(python, session, tmp_path):
    """The engine that is loaded is the bundle's, also where the environment holds another one."""
    (tmp_path / "adp3d").mkdir()
    (tmp_path / "adp3d" / "__init__.py").write_text('__version__ = "0.0.0"\n', encoding="utf-8")
    process = Path(environment.__file__).parent
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(process)!r}]; import launch; "
        f"launch.load_engine({str(ENGINE)!r}); import adp3d; "
        f"from adp3d.contract.messages import PROTOCOL_VERSION as version; print(adp3d.__file__, version)"
    )
    done = subprocess.run([str(python), "-I", "-B", "-c", code], capture_output=True, text=True, check=True)
    from chimerax.adp3d.engine.contract.messages import PROTOCOL_VERSION

    assert done.stdout.split() == [str(ENGINE / "__init__.py"), str(PROTOCOL_VERSION)]


def test_the_device_is_known_once_an_environment_was_verified(session, monkeypatch):
    settings = adp3d_settings(session)
    assert known_device(session, "cuda") == "cuda:0"
    assert known_device(session, "auto") == "auto"  # the variable's environment has not been asked
    monkeypatch.delenv(environment.VARIABLE)
    settings.engine_python, settings.engine_found_device = "/from/setting", "cpu"
    assert known_device(session, "auto") == "cpu"
    assert known_device(session, "cuda:1") == "cuda:1"
