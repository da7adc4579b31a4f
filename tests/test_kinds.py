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
    ("engine/contract/specs/model.py", "distances"),
    # a function, and a state: an installation that has come to its end
    ("engine/solver/completion.py", "complete"),
    ("process/install.py", "complete"),
}
"""Where the word is no kind of job."""


def places(source: Path, kind: str) -> set[str]:
    """Files that have the name of a kind as a string."""
    found = set()
    for path in source.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.Constant) and node.value == kind for node in ast.walk(tree)):
            found.add(path.relative_to(source).as_posix())
    return found


def own(kind: str) -> set[str]:
    """Files of a kind: its row, its specification, its recipe and its command."""
    return {ROWS, f"engine/contract/specs/{kind}.py", f"engine/pipeline/{kind}.py", f"commands/{kind}.py"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_named_in_its_own_files_only(kind):
    others = {path for path, word in OTHER_MEANINGS if word == kind}
    assert places(SOURCE, kind) - others - own(kind) == set(), "use the rows of contract/kinds.py instead"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_files(kind):
    assert all((SOURCE / path).is_file() for path in own(kind))


def test_exceptions_are_still_needed():
    names = defaultdict(set)
    for path, word in OTHER_MEANINGS:
        names[word].add(path)
    for word, paths in names.items():
        assert paths <= places(SOURCE, word)


def test_the_check_itself(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "x.py").write_text('"""refine, complete"""\nTABLE = {"refine": 1}\nKIND = f"{TABLE}"\n')
    assert places(tmp_path, "refine") == {"room/x.py"}
    assert places(tmp_path, "complete") == set()
