"""The name of a kind of job stands in its row, its recipe and its commands, and nowhere else."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from adp3d.contract.kinds import KINDS

SOURCE = Path(__file__).resolve().parents[1] / "src"

ROWS = "engine/contract/kinds.py"

OTHER_MEANINGS = {
    # a measurement, which happens to be called like the kind of job that has nothing else
    ("engine/measurement/distances.py", "distances"),
    ("engine/measurement/registry.py", "distances"),
    # a function, and a state: an installation that has come to its end
    ("engine/solver/completion.py", "complete"),
    ("process/install.py", "complete"),
}
"""Where the word is no kind of job."""

BEING_CONVERTED = {
    ("commands/accept.py", "distances"),
    ("commands/set.py", "refine"),
    ("panel/rows.py", "refine"),
    *((path, kind) for path in ("handover/prepare.py", "panel/form.py", "panel/settings_form.py") for kind in KINDS),
}
"""Where kinds are still named; nothing may be added, and what needs it no more is to be taken out."""


def places(source: Path, kind: str) -> set[str]:
    """Files that have the name of a kind as a string."""
    found = set()
    for path in source.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.Constant) and node.value == kind for node in ast.walk(tree)):
            found.add(path.relative_to(source).as_posix())
    return found


def own(kind: str) -> set[str]:
    """Files of a kind: its row, its recipe and its commands."""
    return {ROWS, f"engine/pipeline/{kind}.py", f"commands/{kind}.py"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_named_in_its_own_files_only(kind):
    others = {path for path, word in OTHER_MEANINGS | BEING_CONVERTED if word == kind}
    assert places(SOURCE, kind) - others - own(kind) == set(), "use the rows of contract/kinds.py instead"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_files(kind):
    assert all((SOURCE / path).is_file() for path in own(kind))


def test_exceptions_are_still_needed():
    names = defaultdict(set)
    for path, word in OTHER_MEANINGS | BEING_CONVERTED:
        names[word].add(path)
    for word, paths in names.items():
        assert paths <= places(SOURCE, word)


def test_the_check_itself(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "x.py").write_text('"""refine, complete"""\nTABLE = {"refine": 1}\nKIND = f"{TABLE}"\n')
    assert places(tmp_path, "refine") == {"room/x.py"}
    assert places(tmp_path, "complete") == set()
