"""What `pip install .` installs: packages, data files, requirements, and how fast the package imports."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import adp3d

ROOT = Path(__file__).resolve().parents[1]
ENGINE = ROOT / "src" / "engine"
NOT_SHIPPED = {"__pycache__"}
STANDARD = sys.stdlib_module_names


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder with what setup.py builds: ``adp3d.egg-info`` and ``build/lib``."""
    folder = tmp_path_factory.mktemp("packaging")
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", folder]
    command += ["build", "--build-base", folder / "build"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not NOT_SHIPPED & set(path.parts)
    }


def _requirements(folder: Path) -> dict[str, dict[str, str]]:
    """Version ranges by name, for the package itself (key '') and each of its extras."""
    sections: dict[str, dict[str, str]] = {"": {}}
    name = ""
    for line in (folder / "adp3d.egg-info" / "requires.txt").read_text().splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            sections[name] = {}
        elif line:
            match = re.fullmatch(r"([A-Za-z0-9._-]+)(.*)", line)
            assert match, line
            sections[name][match[1].lower()] = match[2]
    return sections


def test_every_file_of_the_engine_is_installed(built):
    assert _files(built / "build" / "lib" / "adp3d") == _files(ENGINE)


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for path in ENGINE.rglob("*.py")}
    assert sorted(str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").is_file()) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "prior/builtin/weights/default.safetensors",
        "physics/data/*.json",
        "sidechain/weights/default.safetensors",
        "validation/data/*.npz",
        "pipeline/demo/*.map.gz",
        "pipeline/demo/*.cif.gz",
        "py.typed",
    ],
)
def test_data_files_are_installed(built, pattern):
    assert list((built / "build" / "lib" / "adp3d").glob(pattern))


def test_console_command_and_version(built):
    entries = (built / "adp3d.egg-info" / "entry_points.txt").read_text()
    assert "adp3d = adp3d.cli:main" in entries
    information = (built / "adp3d.egg-info" / "PKG-INFO").read_text(encoding="utf-8")
    assert f"\nVersion: {adp3d.__version__}\n" in information
    assert "\nRequires-Python: >=3.10\n" in information


def test_requirements(built):
    sections = _requirements(built)
    assert set(sections[""]["torch"].split(",")) == {">=2.6", "<2.14"}
    assert "mkdocs" in sections["docs"]
    assert {"pytest", "pytest-cov", "hypothesis", "ruff", "mypy", *sections["docs"]} <= set(sections["test"])


def test_requirements_are_what_the_engine_imports(built):
    imported: set[str] = set()
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.split(".")[0])
    needed = _requirements(built)
    extras = {"relax", "trajectories", "batch"}
    of_dask = {"cryptography"}  # encrypts what its workers say to each other
    listed = set(needed[""]).union(*(needed[extra] for extra in extras)) - of_dask
    assert imported - STANDARD == {name.replace("-", "_") for name in listed}
    assert set(needed["relax"]) == {"openmm"} and needed["test"]["openmm"] == needed["relax"]["openmm"]
    assert set(needed["trajectories"]) == {"mdtraj"}


def test_pyproject_leaves_room_for_the_bundle_builder():
    # ChimeraX's builder reads bundle_info.xml and fails where pyproject.toml describes a package, too.
    tables = re.findall(r"^\[+([^\]]+)\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert "project" not in {table.split(".")[0] for table in tables}
    assert not [table for table in tables if table.startswith("tool.setuptools")]


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_takes_a_moment():
    code = "import time; t = time.perf_counter(); import adp3d; print(time.perf_counter() - t)"
    # 0.1 s is the aim; twice that leaves room for a busy machine
    assert statistics.median(float(_run(code)) for _ in range(5)) < 0.2


@pytest.mark.parametrize("module", ["adp3d", "adp3d.contract.errors", "adp3d.contract.wire", "adp3d.cli"])
def test_light_modules_load_nothing_heavy(module):
    heavy = ("torch", "numpy", "scipy", "gemmi", "mrcfile", "matplotlib")
    assert _run(f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])") == "[]"
