"""Tables of options are those of the settings: row by row, and in one range everywhere."""

from __future__ import annotations

import importlib.util
import re
import sys

import pytest
from typer.main import get_command

from adp3d.cli.app import app
from adp3d.contract.settings import rows
from adp3d.contract.specification import specifications
from adp3d.contract.specs.score import ScoreSettings


@pytest.fixture(scope="module")
def tables(root):
    spec = importlib.util.spec_from_file_location("make_option_tables", root / "docs" / "make_option_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in [name for name in sys.modules if name.split(".")[0] == "adp3d_client"]:
        del sys.modules[name]


def test_the_guide_is_up_to_date(pages, tables):
    page = pages["docs/guide/options.md"]
    assert tables.guide_page(page) == page, "run python docs/make_option_tables.py"


def test_the_help_page_is_up_to_date(tables):
    page = tables.HELP.read_text(encoding="utf-8")
    assert tables.help_page(page) == page, "run python docs/make_option_tables.py"


def _cells(page, flag):
    (line,) = re.findall(rf"^\| `{flag}`[^\n]*\|$", page, re.MULTILINE)
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.mark.parametrize("specification", specifications(), ids=lambda each: each.kind)
def test_each_row_is_in_the_guide_with_flags_default_and_values(pages, specification):
    page = pages["docs/guide/options.md"]
    command = get_command(app).commands[specification.kind]
    taken = {flag for parameter in command.params for flag in parameter.opts}
    for row in rows(specification):
        if not row.flags:
            continue
        flags, default, values, commands, meaning = _cells(page, row.flags[0])
        assert set(re.findall(r"`([^`]+)`", flags)) == set(row.flags) <= taken
        assert values == row.setting.domain.values and meaning
        assert specification.kind in commands and ("check" in commands) == row.checked
        if isinstance(row.default, int | float) and not isinstance(row.default, bool):
            assert default.startswith(f"{row.default:,g}")
        elif isinstance(row.default, str):
            assert default.startswith(f"`{row.default}`")


def test_each_number_is_on_the_help_page_with_its_range(tables):
    page = tables.HELP.read_text(encoding="utf-8")
    before, rest = page.split('<a name="score"></a>')
    scoring, after = rest.split('<a name="', 1)  # which has ranges of its own
    numbers = {row.keyword: row for specification in specifications() for row in rows(specification) if _is_number(row)}
    assert {
        "replicas",
        "samples",
        "steps",
        "seed",
        "resolution",
        "densityWeight",
        "sequenceWeight",
        "trajectoryInterval",
    } == set(numbers)
    of_scores = {row.keyword: row for row in rows(ScoreSettings) if _is_number(row)}
    assert {"steps", "draws", "lowest", "settle", "sequenceWeight", "seed"} == set(of_scores)
    for text, found in ((before + after, numbers), (scoring, of_scores)):
        for keyword, row in found.items():
            heads = re.findall(rf"<li><b>{keyword}</b>&nbsp;&nbsp;<i>\w+</i> \(([^\n]*)\)$", text, re.MULTILINE)
            assert heads, keyword
            for head in heads:
                assert head.startswith(f"{row.setting.domain.values}, default"), keyword


def _is_number(row):
    return bool(row.keyword and re.match(r"[\d.]+ to ", row.setting.domain.values))
