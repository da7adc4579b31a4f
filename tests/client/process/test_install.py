"""Installations: made, repaired, cancelled, and failing in one sentence."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from chimerax.adp3d.process import installer
from chimerax.adp3d.process.environment import configured, interpreter_of
from chimerax.adp3d.process.install import MARKER, Installation, Plan, is_ours
from chimerax.adp3d.process.steps import explain, install_steps, requirements
from chimerax.adp3d.settings import adp3d_settings
from chimerax.core.commands import run
from chimerax.core.errors import UserError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pip is imitated by shell scripts")


def finish(installation, seconds=90):
    installation.join(seconds)
    assert not installation.running
    return installation


def plan(directory, device="cpu", python=None):
    return Plan(directory, device, python, Path(sys.executable))


def test_an_environment_is_made_verified_and_repaired(maker, tmp_path):
    directory = tmp_path / "env"
    done = finish(Installation(plan(directory), maker()))
    assert done.error == ""
    assert done.python == interpreter_of(directory)
    assert done.report["healthy"] is True
    assert done.report["device"] == "cpu"
    assert is_ours(directory)
    log = (directory / "install.log").read_text(encoding="utf-8")
    assert "requirements.txt" in log
    assert [note.text for note in done.take() if note.level == "info"][-1] == "Installing OpenMM"
    assert "requirements-relax.txt" in log

    again = finish(Installation(plan(directory), lambda chimerax_python: None))  # needs no maker
    assert again.error == ""
    assert any("Repairing" in note.text for note in again.take())


def test_without_openmm_an_installation_is_complete_and_says_what_it_lacks(maker, tmp_path):
    pip = 'case "$*" in *requirements-relax.txt*) echo "ERROR: No matching distribution found"; exit 1;; esac'
    done = finish(Installation(plan(tmp_path / "env"), maker(pip)))
    assert done.error == "" and done.report["healthy"] is True
    (warning,) = [note.text for note in done.take() if note.level == "warning"]
    assert warning == (
        "Installing OpenMM did not work: models cannot be relaxed until it is there, everything else works"
    )


@pytest.mark.parametrize(
    "target", [lambda folder: folder / "gone", lambda folder: os.environ["ADP3D_PYTHON"]], ids=["broken", "other torch"]
)
def test_a_broken_environment_or_one_for_another_device_is_made_again(maker, tmp_path, target):
    directory = tmp_path / "env"
    (directory / "bin").mkdir(parents=True)
    (directory / MARKER).write_text('{"torch": "another index"}', encoding="utf-8")
    (directory / "left over").touch()
    (directory / "bin" / "python").symlink_to(target(tmp_path))
    done = finish(Installation(plan(directory), maker("exit 1")))
    assert not (directory / "left over").exists()
    assert is_ours(directory)
    assert "failed" in done.error


def test_other_peoples_folders_are_left_alone(maker, tmp_path):
    (tmp_path / "thesis.txt").touch()
    done = finish(Installation(plan(tmp_path), maker()))
    assert "holds other files" in done.error
    assert (tmp_path / "thesis.txt").exists()
    assert not is_ours(tmp_path)


def test_without_network_one_sentence_says_so(maker, tmp_path):
    pip = (
        'echo "WARNING: Retrying after connection broken by NewConnectionError: Failed to establish a new connection: '
        '[Errno -3] Temporary failure in name resolution"; '
        'echo "ERROR: No matching distribution found for torch"; exit 1'
    )
    done = finish(Installation(plan(tmp_path / "env"), maker(pip)))
    assert "no connection to the internet" in done.error
    assert done.error.count(".") == 1
    assert done.python is None


def test_an_installation_is_cancelled(maker, tmp_path):
    running = Installation(plan(tmp_path / "env"), maker("sleep 60"))
    end = time.monotonic() + 20
    while not any("Installing" in note.text for note in running.take()):
        assert time.monotonic() < end
        time.sleep(0.02)
    started = time.monotonic()
    running.cancel()
    finish(running, 10)
    assert time.monotonic() - started < 5
    assert "cancelled" in running.error
    assert is_ours(tmp_path / "env")


@pytest.mark.parametrize(
    ("doctor", "error"),
    [
        ('printf \'{\\n"healthy": false, "problems": ["No map can be read."]\\n}\\n\'', "No map can be read."),
        ("printf '{\\n\"healthy\": false\\n}\\n'", "The self-test failed."),
        ("echo 'Illegal thing'; exit 3", "A step of the installation failed (Illegal thing)."),
        ('printf \'{\\n"healthy": true, "device": "cpu"\\n}\\n\'', ""),
    ],
)
def test_what_the_engine_says_of_itself_decides(tmp_path, doctor, error):
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/sh
case "$*" in
  *probe.py*) echo '{{"problems": []}}' ;;
  *doctor*) {doctor} ;;
esac
""",
        encoding="utf-8",
    )
    python.chmod(0o755)
    done = finish(Installation(plan(None, python=python)))
    assert done.error == error
    assert done.python == (None if error else python)


def test_a_place_that_cannot_hold_a_folder(maker, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    done = finish(Installation(plan(tmp_path / "file" / "env"), maker()))
    assert done.error == "The folder cannot be written to; run 'adp3d install DIRECTORY' with another folder."
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_mistake_in_the_program_is_an_end_with_a_reason(tmp_path):
    def find(chimerax_python):
        raise KeyError("not thought of")

    done = finish(Installation(plan(tmp_path / "env"), find))
    assert done.error == "The installation failed (KeyError: 'not thought of')."
    assert done.python is None


def test_without_any_python_the_user_is_told_what_to_get(tmp_path):
    done = finish(Installation(plan(tmp_path / "env"), lambda chimerax_python: None))
    assert "python.org" in done.error
    assert not (tmp_path / "env").exists()


def test_dependence_on_chimerax_is_a_warning(maker, tmp_path):
    done = finish(Installation(plan(tmp_path / "env"), maker("exit 1", independent=False)))
    assert any(note.level == "warning" and "depends on this ChimeraX" in note.text for note in done.take())


def test_the_command_points_to_a_ready_environment(session, messages, monkeypatch):
    ready = os.environ["ADP3D_PYTHON"]
    monkeypatch.delenv("ADP3D_PYTHON")
    done = run(session, f'adp3d install python "{ready}" device cpu wait true')
    assert done.error == ""
    settings = adp3d_settings(session)
    assert settings.engine_python == ready
    assert settings.engine_found_device == "cpu"
    assert settings.engine_directory == ""
    assert configured(session).python == Path(ready)
    assert any("is ready" in text for _, text in messages)
    # the path is kept as it was given: a link into an environment means that environment
    assert run(session, "adp3d status")["environment"]["problem"] == ""


def test_the_command_shows_progress_and_can_be_cancelled(session, messages, maker, tmp_path, monkeypatch, wait_until):
    monkeypatch.setattr(installer, "Installation", lambda plan: Installation(plan, maker("sleep 60")))
    running = run(session, f'adp3d install "{tmp_path / "env"}" wait false')
    wait_until(lambda: any("Installing" in text for _, text in messages), 20)
    with pytest.raises(UserError, match="An installation is running"):
        run(session, "adp3d install wait false")
    run(session, "adp3d install cancel true")
    wait_until(lambda: not running.running, 10)
    assert any("cancelled" in text for _, text in messages)
    assert installer.current_installer(session) is None
    assert run(session, "adp3d install cancel true") is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("FOLDER python x", "not both"),
        ("python /no/such/python", "There is no Python"),
        ("FOLDER", "holds other files"),
        ("FOLDER/file", "is a file"),
    ],
)
def test_arguments_are_checked(session, tmp_path, arguments, message):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=message):
        run(session, "adp3d install " + arguments.replace("FOLDER", str(tmp_path)))


def test_steps():
    directory = Path("/env")
    cpu = install_steps(("maker",), directory, "cpu", "linux", nvidia=True)
    titles = ["Making the environment", "Installing torch", "Installing packages", "Installing OpenMM"]
    assert [step.title for step in cpu] == titles
    assert cpu[0].command == ("maker", str(directory))
    assert "https://download.pytorch.org/whl/cpu" in cpu[1].command
    assert not cpu[1].required
    assert cpu[2].command[-1].endswith("requirements.txt")
    assert cpu[3].command[-1].endswith("requirements-relax.txt") and not cpu[3].required and cpu[3].without
    assert len(install_steps(None, directory, "auto", "linux", nvidia=True)) == 2
    assert len(install_steps(None, directory, "auto", "darwin", nvidia=False)) == 2
    windows = install_steps(None, directory, "cuda", "win32", nvidia=True)
    assert any("whl/cu" in part for part in windows[0].command)


def test_requirements_are_those_of_the_package():
    names = [line.split(">")[0] for line in requirements()]
    assert {"torch", "gemmi", "msgpack"} <= set(names)
    assert all("#" not in line and line == line.strip() for line in requirements())


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("x: No space left on device", "disk is full"),
        ("Permission denied: '/opt'", "cannot be written to"),
        ("No matching distribution found for torch", "not offered"),
        ("one\nlast line\n", "(last line)"),
        ("", "without a message"),
    ],
)
def test_failures_are_explained(output, sentence):
    assert sentence in explain(output)
