"""The ChimeraX bundle: what its builder reads, what it would pack, and what ChimeraX would import."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import time
import types
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

import adp3d

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"

# The same call as ChimeraX's builder makes for a bundle without compiled parts.
BUILD = """
import json, sys
from setuptools import find_packages, setup
wanted = json.loads(sys.argv.pop(1))
package = wanted["package"]
setup(
    name=wanted["name"], version=wanted["version"], python_requires=">=3.7",
    install_requires=wanted["requires"], package_data={package: wanted["data"]},
    package_dir={package: "src"}, packages=[package, *(f"{package}.{p}" for p in find_packages("src"))],
)
"""


@pytest.fixture(scope="module")
def info():
    return ElementTree.parse(ROOT / "bundle_info.xml").getroot()


def _data_files(info) -> list[str]:
    return [(element.text or "").strip() for element in info.iter("DataFile")]


def test_identity(info):
    assert info.tag == "BundleInfo"
    assert info.get("name") == "ChimeraX-ADP3D"
    assert info.get("package") == "chimerax.adp3d"
    assert info.get("version") == adp3d.__version__
    assert info.get("minSessionVersion") == info.get("maxSessionVersion") == "1"
    assert info.get("customInit") is None  # the same version would never be installed anew


def test_elements_that_the_builder_needs(info):
    for tag in ("Author", "Email", "URL", "Synopsis", "Description", "Categories", "Classifiers"):
        assert len(list(info.iter(tag))) == 1, tag
    known = {"Author", "Email", "URL", "Synopsis", "Description", "Categories", "Dependencies"}
    assert {child.tag for child in info} <= known | {"DataFiles", "Classifiers", "Providers"}
    assert [category.get("name") for category in info.iter("Category")]


def test_dependencies(info):
    needed = {d.get("name"): d.get("version") for d in info.iter("Dependency")}
    assert needed["ChimeraX-Core"] == ">=1.8"
    # The engine has an environment of its own: torch among a bundle's dependencies breaks ChimeraX.
    assert not {"torch", "gemmi", "mrcfile"} & set(needed)


def _classified(info, kind) -> dict[str, list[str]]:
    """Names registered with ChimeraX, and the rest of their records."""
    records = [[part.strip() for part in (c.text or "").split("::")] for c in info.iter("ChimeraXClassifier")]
    return {record[1]: record[2:] for record in records if record[0] == kind}


def test_every_command_is_registered_and_exists(info):
    commands = _classified(info, "Command")
    described = {
        path.stem
        for path in (SOURCE / "commands").glob("*.py")
        if f"def {path.stem}_desc(" in path.read_text(encoding="utf-8")
    }
    assert set(commands) == {f"adp3d {name}" for name in described}
    for name in described:
        text = (SOURCE / "commands" / f"{name}.py").read_text(encoding="utf-8")
        assert f"def adp3d_{name}(" in text
    assert all(len(record) == 2 and record[1] for record in commands.values()), "category and synopsis"


def test_every_command_has_a_page_or_a_place_on_the_common_one(info):
    pages = SOURCE / "docs" / "user" / "commands"
    common = (pages / "adp3d.html").read_text(encoding="utf-8")
    for command in _classified(info, "Command"):
        name = command.split()[1]
        assert (pages / f"adp3d_{name}.html").is_file() or f"adp3d {name}" in common, command


def test_tool_and_toolbar(info):
    tools = _classified(info, "Tool")
    tool, *_ = tools
    (provider,) = info.iter("Provider")
    (block,) = info.iter("Providers")
    assert tool == "ADP-3D" and block.get("manager") == "toolbar"
    assert (SOURCE / "icons" / provider.get("icon")).is_file()
    assert provider.get("tab") and provider.get("section") and provider.get("description")
    text = (SOURCE / "__init__.py").read_text(encoding="utf-8")
    assert f'tool show "{tool}"' in text
    for name in tools:  # and the module that has it
        module = re.search(rf'"{name}": \("\.([\w.]+)"', text)[1]
        assert (SOURCE / f"{module.replace('.', '/')}.py").is_file()


def test_requirements_of_the_engine_go_along(info):
    assert {"engine/requirements.txt", "engine/requirements-relax.txt"} <= set(_data_files(info))


def test_one_block_of_data_files_each_of_which_exists(info):
    assert len(list(info.iter("DataFiles"))) == 1
    for pattern in _data_files(info):
        assert list(SOURCE.glob(pattern)), f"{pattern} matches nothing, and the builder would not say so"


def test_the_wheel_holds_every_file(info, tmp_path):
    wanted = {
        "name": info.get("name"),
        "version": info.get("version"),
        "package": info.get("package"),
        "requires": [f"{d.get('name')} {d.get('version')}" for d in info.iter("Dependency")],
        "data": _data_files(info),
    }
    # Outputs go elsewhere: this test must not leave a build folder in the checkout.
    arguments = ["-q", "egg_info", "--egg-base", tmp_path, "build", "--build-base", tmp_path / "build"]
    arguments += ["bdist_wheel", "--dist-dir", tmp_path, "--bdist-dir", tmp_path / "bdist"]
    command = [sys.executable, "-c", BUILD, json.dumps(wanted), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("chimerax/")}
        license_files = [name for name in archive.namelist() if name.endswith("/LICENSE")]
    present = {
        "chimerax/adp3d/" + path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == present
    assert license_files


def test_chimerax_finds_the_bundle_api(monkeypatch):
    # A stand-in for the one class that the bundle takes from ChimeraX.
    toolshed = types.ModuleType("chimerax.core.toolshed")
    toolshed.BundleAPI = type("BundleAPI", (), {"api_version": 0})
    for name in ("chimerax", "chimerax.core"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "chimerax.core.toolshed", toolshed)
    spec = importlib.util.spec_from_file_location("adp3d_bundle", SOURCE / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    before = set(sys.modules)
    spec.loader.exec_module(module)
    assert isinstance(module.bundle_api, toolshed.BundleAPI)
    assert module.bundle_api.api_version == 1
    loaded = {name.split(".")[0] for name in set(sys.modules) - before}
    assert not loaded & {"torch", "gemmi", "mrcfile", "numpy", "msgpack", "Qt"}
    spent = []
    for _ in range(20):
        start = time.perf_counter()
        spec.loader.exec_module(module)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.005, "what the bundle costs at the start of ChimeraX"


def test_licence_is_apache():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert re.search(r"Apache License\s+Version 2\.0, January 2004", text)
    assert "END OF TERMS AND CONDITIONS" in text
