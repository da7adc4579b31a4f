"""Tests of the client, with the stand-in for ChimeraX or inside a real one (see in_chimerax.py)."""

from __future__ import annotations

import importlib.util
import os
import sys
import textwrap
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src"


def _inside_chimerax() -> bool:
    # found anywhere but in the stand-in, which an earlier import of this file may have put on the path
    found = importlib.util.find_spec("chimerax")
    places = [] if found is None else list(found.submodule_search_locations or ())
    return any(not Path(place).is_relative_to(HERE) for place in places)


REAL = _inside_chimerax()

# What the bundle's wheel holds is tested by building it with setuptools, outside of ChimeraX.
collect_ignore = ["test_bundle.py"] if REAL else []

if not REAL:
    if str(HERE / "stand_in") not in sys.path:
        sys.path.insert(0, str(HERE / "stand_in"))
    if "chimerax.adp3d" not in sys.modules:
        from load_bundle import load_bundle

        load_bundle(SOURCE)


@pytest.fixture
def session(request, tmp_path, monkeypatch):
    """Session to work in; afterwards it is empty again and no engine runs."""
    import chimerax

    # The settings of whoever runs the tests must not count, nor be changed.
    if not os.environ.get("ADP3D_PYTHON") and not REAL:
        monkeypatch.setenv("ADP3D_PYTHON", sys.executable)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if REAL:
        present = request.getfixturevalue("chimerax_session")
        if "window" not in request.fixturenames:  # commands wait for their jobs, and live models move at once
            monkeypatch.setattr(present.ui, "is_gui", False)
    else:
        for dirs in (chimerax.app_dirs, chimerax.app_dirs_unversioned):
            for name in ("user_data_dir", "user_config_dir", "user_cache_dir"):
                folder = tmp_path / "user" / name
                folder.mkdir(parents=True, exist_ok=True)
                monkeypatch.setattr(dirs, name, str(folder))
        from chimerax.core.session import Session

        present = Session()
    from chimerax.adp3d.settings import adp3d_settings

    monkeypatch.setattr("chimerax.adp3d.jobs.engines.Engines.connect", _connect)
    _register_commands(present)
    settings = adp3d_settings(present)
    saved = {name: getattr(settings, name) for name in settings.AUTO_SAVE}
    yield present
    _clean(present)
    for name, value in saved.items():
        setattr(settings, name, value)


@pytest.fixture
def window():
    """For tests that are about ChimeraX's window: where it has one, they find it."""


@pytest.fixture
def messages(session):
    """What was written to the log, as a list of (level, text) that grows."""
    if not REAL:
        yield session.logger.messages
        return
    from chimerax.core.logger import PlainTextLog

    class Keep(PlainTextLog):
        def __init__(self):
            self.kept = []

        def log(self, level, msg):
            self.kept.append((self.LEVEL_DESCRIPTS[level], msg))
            return False

    log = Keep()
    session.logger.add_log(log)
    yield log.kept
    session.logger.remove_log(log)


@pytest.fixture
def wait_until(session):
    """Function that lets the session work until something is true; fails after some seconds."""

    def wait(condition, seconds=60.0):
        from chimerax.adp3d.jobs.manager import job_manager

        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            job_manager(session).pump()
            session.update_loop.draw_new_frame()
            time.sleep(0.02)

    return wait


@pytest.fixture
def helix():
    """A helix of N residues as PDB text, chain A from number 1 on; residues can be left out."""
    return helix_pdb


def helix_pdb(n_residues: int = 20, leave_out: tuple[int, ...] = (), chain: str = "A") -> str:
    """Ideal alpha helix of alanines with a few other residues, N, CA, C, O and CB."""
    import math

    # radius, angle (degrees) and height of each atom with respect to its CA, along the helix axis
    atoms = {
        "N": (1.55, -27.0, -0.90),
        "CA": (2.29, 0.0, 0.0),
        "C": (1.68, 27.5, 1.12),
        "O": (2.02, 24.0, 2.30),
        "CB": (3.30, -17.0, 0.85),
    }
    names = ("MET", "ALA", "LEU", "GLU", "LYS")
    lines, serial = [], 0
    for i in range(n_residues):
        if i + 1 in leave_out:
            continue
        for name, (radius, angle, height) in atoms.items():
            serial += 1
            phi = math.radians(100.0 * i + angle)
            x, y, z = radius * math.cos(phi), radius * math.sin(phi), 1.5 * i + height
            lines.append(
                f"ATOM  {serial:5d}  {name:<3s} {names[i % 5]} {chain}{i + 1:4d}    "
                f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00 20.00           {name[0]}"
            )
    return "\n".join([*lines, "TER", "END", ""])


HELIX_SEQUENCE = "MALEK" * 4


@pytest.fixture
def tiny_job(tmp_path):
    """Function that prepares a small `complete` job: 20 residues of which 5 are missing."""

    def make(name="job", **settings):
        from chimerax.adp3d.engine.contract import specification
        from chimerax.adp3d.jobs.state import PreparedJob

        model = tmp_path / f"{name}.pdb"
        model.write_text(helix_pdb(leave_out=(8, 9, 10, 11, 12)), encoding="ascii")
        folder = tmp_path / name
        given = {"replicas": 2, "steps": 5, "device": "cpu", **settings}
        spec = specification.CompleteSpec(model=str(model), sequence=HELIX_SEQUENCE, output=str(folder), **given)
        return PreparedJob(
            kind="complete",
            spec=specification.to_dict(spec),
            folder=folder,
            title=f"complete {name}",
            command=f"adp3d complete #1 replicas {spec.replicas}",
        )

    return make


ENGINE_HEAD = """
import os, sys, time
sys.path.insert(0, {process!r})
from launch import load_engine
load_engine({engine!r})
from adp3d.contract import messages, specification, wire
stdin, stdout = sys.stdin.buffer, sys.stdout.buffer

def send(message):
    stdout.write(wire.encode(message))
    stdout.flush()

def receive():
    return wire.read_message(stdin.read)

"""


@pytest.fixture
def scripted_engine(tmp_path):
    """Function that gives the command line and environment of an engine with a given program."""
    from chimerax.adp3d.process.environment import ENGINE, clean_variables

    def make(program: str, name: str = "engine") -> tuple[list[str], dict[str, str]]:
        script = tmp_path / f"{name}.py"
        process = str(Path(ENGINE).parent / "process")
        head = ENGINE_HEAD.format(process=process, engine=str(ENGINE))
        script.write_text(head + textwrap.dedent(program), encoding="utf-8")
        python = os.environ.get("ADP3D_PYTHON") or sys.executable
        return [python, "-I", "-B", str(script)], clean_variables(os.environ)

    return make


@pytest.fixture
def use_engine(session, monkeypatch, scripted_engine):
    """Function that makes the session's jobs run in an engine with a given program."""
    from chimerax.adp3d.process import environment

    def use(program: str) -> None:
        command = scripted_engine(program)
        monkeypatch.setattr(environment, "worker_command", lambda session: command)

    return use


MAKER = """#!/bin/sh
mkdir -p "$1/bin"
cat > "$1/bin/python" <<'END'
#!/bin/sh
case "$*" in
  *"-m pip"*) {pip} ;;
  *) exec "{python}" "$@" ;;
esac
END
chmod +x "$1/bin/python"
"""


@pytest.fixture
def maker(session, tmp_path):
    """Function that gives a maker whose environments run this test's engine, and a given program for pip."""
    engine = os.environ["ADP3D_PYTHON"]

    def make(pip='echo "pip $*"', independent=True):
        from chimerax.adp3d.process.locate import Maker

        path = tmp_path / "maker"
        path.write_text(MAKER.format(pip=pip, python=engine), encoding="utf-8")
        path.chmod(0o755)
        return lambda chimerax_python: Maker((str(path),), "a script", independent)

    return make


def _register_commands(session) -> None:
    """Register the bundle's commands, which ChimeraX does itself for installed bundles."""
    if REAL:
        return
    from types import SimpleNamespace

    from chimerax.adp3d import bundle_api
    from chimerax.core.commands import registered_commands

    for path in sorted((SOURCE / "commands").glob("*.py")):
        name = f"adp3d {path.stem}"
        if f"def {path.stem}_desc(" in path.read_text(encoding="utf-8") and name not in registered_commands():
            info = SimpleNamespace(name=name, synopsis=None)
            bundle_api.register_command(None, info, session.logger)
    from xml.etree import ElementTree

    from chimerax.core.commands import list_selectors
    from chimerax.core.toolshed import SelectorInfo

    for element in ElementTree.parse(SOURCE.parent / "bundle_info.xml").iter("ChimeraXClassifier"):
        kind, name, *rest = (part.strip() for part in element.text.split("::"))
        if kind == "Selector" and name not in list_selectors():
            bundle_api.register_selector(None, SelectorInfo(name, rest[0]), session.logger)


_warm: list[tuple[list[str], object]] = []
"""Engines that did nothing wrong in earlier tests, with their command lines: starting one takes seconds."""


def _connect(engines):
    """In the place of `Engines.connect`: take a warm engine if there is one."""
    from chimerax.adp3d.process import environment
    from chimerax.adp3d.process.connection import Connection

    command, variables = environment.worker_command(engines.session)
    for item in list(_warm):
        if item[0] == command:
            _warm.remove(item)
            if item[1].alive:
                return item[1]
    connection = Connection(command, variables)
    connection.test_command = command
    return connection


def _keep_or_kill(queue) -> None:
    connection = queue.connection
    if connection.alive and not queue.busy and "launch.py" in " ".join(getattr(connection, "test_command", ())):
        connection.take()
        _warm.append((connection.test_command, connection))
    else:
        connection.kill("the test is over")
        connection.wait(10)
    queue.connection = None


@pytest.fixture(scope="session", autouse=True)
def _end_warm_engines():
    yield
    for _, connection in _warm:
        connection.kill("the tests are over")
        connection.wait(10)
    _warm.clear()


def _clean(session) -> None:
    manager = getattr(session, "_adp3d_job_manager", None)
    if manager is not None:
        for queue in manager._engines.queues.values():
            if queue.connection is not None:
                _keep_or_kill(queue)
        manager.shutdown(0.1)
        del session._adp3d_job_manager
    for name in [name for name in vars(session) if name.startswith("_adp3d_") and name != "_adp3d_settings"]:
        delattr(session, name)
    for task in [task for task in session.tasks.list() if str(task).startswith("ADP-3D")]:
        session.tasks.remove(task)
    session.models.close([m for m in session.models.list() if len(m.id) == 1])
    session.undo.clear()


@pytest.fixture
def preferences(session):
    """Preferences of jobs at their defaults; what whoever runs the tests had there comes back."""
    from chimerax.adp3d.settings import adp3d_settings

    found = adp3d_settings(session)
    usual = {"job_folder": "", "job_device": "", "job_threads": 0, "job_b_factors": ""}
    before = {name: getattr(found, name) for name in usual}
    for name, value in usual.items():
        setattr(found, name, value)
    yield found
    for name, value in before.items():
        setattr(found, name, value)
