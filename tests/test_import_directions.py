"""Rooms of engine and client import downwards only, and no module waits for itself (docs/developer say which)."""

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
    "relax": {"validation", "structure", "density"},
    "ensemble": {"prior"},
    "solver": {"ensemble", "likelihood", "physics", "prior", "structure"},
    "fitting": {"density", "ensemble", "placing", "structure"},
    "tracing": {"prior", "restraints"},
    "energy": {"likelihood", "physics", "prior", "structure", "density"},
    "sidechain": {"likelihood", "physics", "prior", "structure", "density"},
    "rotamers": {"sidechain", "validation", "physics", "prior", "structure", "density"},
    "job": {"solver", "prior"},
    "measurement": {"job", "solver", "likelihood", "physics", "prior", "structure", "density", "restraints"},
}
BELOW["training"] = set(BELOW) - {"solver", "ensemble", "energy", "measurement", "placing", "fitting", "relax"}
BELOW["pipeline"] = set(BELOW) - {"training"}
BELOW["far"] = {"job"}
BELOW["worker"] = {*BELOW["pipeline"], "pipeline", "far"}
BELOW["batch"] = {*BELOW["pipeline"], "pipeline"}
BELOW["cli"] = {*BELOW["worker"], "worker", "batch", "far", "training"}

NARROW = {
    # what a prior is, without any prior: the vocabulary of R and of the denoiser
    ("physics", "prior"): {"prior.protocol", "prior.evidence"},
    ("likelihood", "prior"): {"prior.protocol"},
    # a solver that knew a certain prior or network could not work with the next one
    ("ensemble", "prior"): {"prior.protocol", "prior.evidence", "prior.schedule"},
    ("solver", "prior"): {"prior.protocol", "prior.evidence", "prior.schedule"},
    # and, as a network of its own, the parts that the default prior's network is made of
    ("sidechain", "prior"): {
        "prior.protocol",
        "prior.evidence",
        "prior.schedule",
        "prior.builtin.geometry",
        "prior.builtin.message_block",
        "prior.builtin.density_grids",
        "prior.builtin.density_look",
    },
    # what the side-chain model sees of a map
    ("rotamers", "prior"): {"prior.builtin.density_grids"},
    # density in standard units, as priors are shown it
    ("tracing", "prior"): {"prior.evidence", "prior.standard_map"},
    # where distances say that residues are, whatever they were measured with
    ("tracing", "restraints"): {"restraints.shells"},
    # and the design network that comes with a prior's package
    ("measurement", "prior"): {
        "prior.protocol",
        "prior.evidence",
        "prior.schedule",
        "prior.standard_map",
        "prior.chroma.design",
    },
    ("energy", "prior"): {"prior.protocol", "prior.evidence", "prior.schedule"},
    # the machinery of jobs knows of priors what they cost, and of the solver what a run is
    ("job", "prior"): {"prior.protocol", "prior.evidence", "prior.cost"},
    # a measurement tells what it found in a file
    ("measurement", "job"): {"job.events"},
    # devices and threads; training is no job and knows nothing of job folders
    ("training", "job"): {"job.runtime"},
}
"""Where only certain modules of a room may be imported."""

CLIENT = ("settings", "process", "jobs", "handover", "live", "commands", "panel", "__init__")
"""Rooms of the client: each may import those before it, and the contract. The panel is last: it writes commands."""


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


Module = tuple[str, ...]


def modules(source: Path) -> dict[Module, Path]:
    """Modules of a package by their names below it; packages by theirs."""
    found = {}
    for path in source.rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        found[parts[:-1] if parts[-1] == "__init__" else parts] = path
    return found


def needs(module: Module, known: dict[Module, Path]) -> set[Module]:
    """Modules of the package that a module imports when it runs, wherever in its text."""
    path = known[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    package = module if path.name == "__init__.py" else module[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and id(node) not in typing_only:
            base = (*package[: len(package) - (node.level - 1)], *(node.module.split(".") if node.module else ()))
            found |= {(*base, alias.name) if (*base, alias.name) in known else base for alias in node.names}
    return found & set(known) - {module}


def circles(source: Path) -> list[list[str]]:
    """Groups of modules of which each needs the others."""
    known = modules(source)
    graph = {module: needs(module, known) for module in known}
    reached: dict[Module, set[Module]] = {}
    for start in graph:
        seen: set[Module] = set()
        waiting = list(graph[start])
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                waiting += graph[module]
        reached[start] = seen
    groups = {frozenset(b for b in reached[a] if a in reached[b]) for a in graph if a in reached[a]}
    return sorted(sorted(".".join(module) for module in group) for group in groups)


def _client_violations(source: Path) -> list[str]:
    known = modules(source)
    wrong = []
    for module in known:
        room = module[0] if module else "__init__"
        if room == "engine":
            continue
        allowed = CLIENT[: CLIENT.index(room) + 1]
        for other in needs(module, known):
            contract = other[:2] == ("engine", "contract")
            if not contract and (other[0] if other else "__init__") not in allowed:
                wrong.append(f"{'.'.join(module)} imports {'.'.join(other)}")
    return sorted(wrong)


def test_rooms_of_the_client_import_downwards():
    assert _client_violations(SOURCE) == []


def test_every_room_of_the_client_has_its_place():
    rooms = {module[0] for module in modules(SOURCE) if module} - {"engine", "docs"}
    assert rooms == set(CLIENT) - {"__init__"}


def test_no_circle_of_modules():
    assert circles(SOURCE) == []


def test_circles_are_found_in_functions_and_not_in_types(tmp_path):
    (tmp_path / "room").mkdir()
    files = {
        "__init__.py": "",
        "room/__init__.py": "",
        "a.py": "from .room import b",
        "room/b.py": "def late():\n    from ..c import thing",
        "c.py": "from . import a",
        "d.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .e import thing",
        "e.py": "from .d import thing",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert circles(tmp_path) == [["a", "c", "room.b"]]


def test_a_room_of_the_client_that_looks_up_is_found(tmp_path):
    for name in ("jobs", "live", "engine", "engine/solver", "engine/contract"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "jobs" / "x.py").write_text("def late():\n    from ..live import y")
    (tmp_path / "live" / "y.py").write_text(
        "from ..jobs import x\nfrom ..engine.contract import c\nfrom ..engine import solver"
    )
    (tmp_path / "engine" / "contract" / "c.py").write_text("")
    assert _client_violations(tmp_path) == ["jobs.x imports live.y", "live.y imports engine.solver"]


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
