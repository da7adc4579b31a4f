"""The page of what users try first names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guide" / "first_actions.md"
ROWS = re.findall(r"^\| (\d+) \|.*`([\w/]+\.py)::(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_there_are_ten_and_more():
    assert len(ROWS) >= 10
    assert [number for number, _, _ in ROWS] == [str(number) for number in range(1, len(ROWS) + 1)]


@pytest.mark.parametrize(("number", "file", "name"), ROWS)
def test_each_names_a_test_that_exists(number, file, name):
    assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), number
