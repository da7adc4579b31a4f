"""Rooms of the engine import downwards only (docs/developer/architecture.md says which)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
ENGINE = SOURCE / "engine"

SHARED = {"__init__", "compression", "contract"}
"""Modules without science, which every room may import."""

BELOW = {
    "structure": set(),
    "density": set(),
    "restraints": {"structure"},
    "placing": {"structure"},
    "predictions": {"structure"},
    "prior": {"structure"},
    "physics": {"structure", "density"},
    "likelihood": {"physics", "structure", "density", "restraints"},
    "validation": {"structure", "density"},
    "ensemble": {"prior"},
    "solver": {"ensemble", "likelihood", "physics", "prior", "structure"},
    "fitting": {"density", "ensemble", "placing", "structure"},
    "energy": {"likelihood", "physics", "prior", "structure", "density"},
    "sidechain": {"likelihood", "physics", "prior", "structure", "density"},
    "job": {"solver", "prior"},
    "measurement": {"job", "solver", "likelihood", "physics", "prior", "structure", "density", "restraints"},
}
BELOW["training"] = set(BELOW) - {"solver", "ensemble", "energy", "measurement", "placing", "fitting"}
BELOW["pipeline"] = set(BELOW) - {"training"}
BELOW["worker"] = {*BELOW["pipeline"], "pipeline"}
BELOW["cluster"] = {*BELOW["pipeline"], "pipeline"}
BELOW["cli"] = {*BELOW["worker"], "worker", "cluster", "training"}

NARROW = {
    # what a prior is, without any prior: the vocabulary of R and of the denoiser
    ("physics", "prior"): {"prior.protocol", "prior.evidence"},
    ("likelihood", "prior"): {"prior.protocol"},
    # a solver that knew a certain prior or network could not work with the next one
    ("ensemble", "prior"): {"prior.protocol", "prior.evidence", "prior.schedule"},
    ("solver", "prior"): {"prior.protocol", "prior.evidence", "prior.schedule"},
    ("sidechain", "prior"): {"prior.protocol", "prior.evidence", "prior.schedule"},
    ("measurement", "prior"): {"prior.protocol", "prior.evidence", "prior.schedule", "prior.standard_map"},
    ("energy", "prior"): {"prior.protocol", "prior.evidence", "prior.schedule"},
    # the machinery of jobs knows of priors what they cost, and of the solver what a run is
    ("job", "prior"): {"prior.protocol", "prior.evidence", "prior.cost"},
    # a measurement tells what it found in a file
    ("measurement", "job"): {"job.events"},
    # devices and threads; training is no job and knows nothing of job folders
    ("training", "job"): {"job.runtime"},
}
"""Where only certain modules of a room may be imported."""


def _module(path: Path, engine: Path = ENGINE) -> tuple[str, ...]:
    parts = path.relative_to(engine).with_suffix("").parts
    return parts if len(parts) == 1 else tuple(p for p in parts if p != "__init__")


def _imports(path: Path, package: tuple[str, ...]) -> set[str]:
    """Modules of the engine that a file imports, dotted, without the leading ``adp3d``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - (node.level - 1)]
            parts = [*base, *(node.module.split(".") if node.module else ())]
            found |= {".".join(parts)} if parts else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "adp3d":
            found.add(".".join(node.module.split(".")[1:]))
        elif isinstance(node, ast.Import):
            found |= {a.name.partition(".")[2] for a in node.names if a.name.split(".")[0] == "adp3d"}
    return found


def _violations(path: Path, engine: Path = ENGINE) -> list[str]:
    module = _module(path, engine)
    room = module[0]
    wrong = []
    for target in sorted(_imports(path, path.relative_to(engine).parts[:-1])):
        other = target.split(".")[0]
        if other == room or other in SHARED or other.startswith("__"):
            continue
        narrow = NARROW.get((room, other))
        if not (other in BELOW.get(room, ()) if narrow is None else target in narrow):
            wrong.append(f"{'.'.join(module)} imports {target}")
    return wrong


def test_rooms_import_downwards():
    assert [text for path in sorted(ENGINE.rglob("*.py")) for text in _violations(path)] == []


def test_every_room_has_its_place():
    rooms = {_module(path)[0] for path in ENGINE.rglob("*.py")}
    assert rooms - SHARED <= set(BELOW)


def test_the_order_has_no_cycle():
    order: list[str] = []
    while len(order) < len(BELOW):
        free = [room for room in BELOW if room not in order and BELOW[room] <= set(order)]
        assert free, f"rooms that wait for each other: {set(BELOW) - set(order)}"
        order += free


def test_engine_imports_itself_relatively_and_never_the_client():
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            roots = {name.split(".")[0] for name in names}
            assert not roots & {"adp3d", "chimerax", "Qt", "PyQt6"}, path


def test_client_knows_only_the_contract():
    for path in SOURCE.rglob("*.py"):
        if path.is_relative_to(ENGINE):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and "engine" in (node.module or "").split("."):
                parts = (node.module or "").split(".")
                inside = parts[parts.index("engine") + 1 :] or [alias.name for alias in node.names]
                assert inside[0] == "contract", path


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from ..prior.builtin.prior import BuiltinPrior", ["solver.x imports prior.builtin.prior"]),
        ("from ..pipeline import job", ["solver.x imports pipeline"]),
        (
            "from ..prior.protocol import Prior\nfrom ..contract.errors import InputError\nfrom .. import __version__",
            [],
        ),
    ],
)
def test_the_check_itself(tmp_path, code, expected):
    (tmp_path / "solver").mkdir()
    (tmp_path / "solver" / "x.py").write_text(code)
    assert _violations(tmp_path / "solver" / "x.py", tmp_path) == expected
