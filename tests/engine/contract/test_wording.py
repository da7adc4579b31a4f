"""Settings in sentences are called as the users of each front end call them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import adp3d
from adp3d.contract.settings import rows
from adp3d.contract.specification import specifications
from adp3d.contract.wording import in_flags, in_keywords


@pytest.mark.parametrize(
    ("text", "flags", "keywords"),
    [
        ("'half_maps' must be two files.", "--half-maps must be two files.", "'halfMaps' must be two files."),
        ("give 'resolution'", "give --resolution", "give 'resolution'"),
        ("use 'device cpu' or 'auto'", "use --device cpu or 'auto'", "use 'device cpu' or 'auto'"),
        ("'output' holds it", "--output holds it", "'folder' holds it"),
        ("'trajectory_interval' is 0", "--trajectory is 0", "'trajectoryInterval' is 0"),
        ("'map' is no option", "'map' is no option", "'inMap' is no option"),
        ("'model' has no keyword", "'model' has no keyword", "'model' has no keyword"),
        ("it's 'nothing' of 'half maps'", "it's 'nothing' of 'half maps'", "it's 'nothing' of 'half maps'"),
        ("'keep_types' keeps LYS", "--keep-types keeps LYS", "'keepTypes' keeps LYS"),
        ("'confidence none' or not", "--confidence none or not", "'confidence none' or not"),
        ("with 'overwrite'", "with --overwrite", "with 'overwrite'"),
    ],
)
def test_settings_are_called_by_each_front_end(text, flags, keywords):
    assert in_flags(text) == flags
    assert in_keywords(text) == keywords


def test_every_setting_can_be_named():
    for specification in specifications():
        for row in rows(specification):
            said = in_flags(f"'{row.name}' is wrong")
            assert said.startswith(row.flags[0] if row.flags else f"'{row.name}'")
            assert in_keywords(f"'{row.name}' is wrong").startswith(f"'{row.keyword or row.name}'")


def _sentences(path):
    """Texts in a file that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_only_the_command_line_speaks_of_its_options():
    engine = Path(adp3d.__file__).parent
    own = {"cli", "training"}
    spoken = [
        f"{path.relative_to(engine)}: {text}"
        for path in engine.rglob("*.py")
        if path.relative_to(engine).parts[0] not in own and path.name not in ("settings.py", "wording.py", "kinds.py")
        for text in _sentences(path)
        if re.search(r"(?<![\w-])--[a-z]", text) and not re.fullmatch(r"--[a-z-]+", text)
    ]
    assert spoken == [], "call a setting by its name in quotes"
