"""The help pages say what the commands take, and their links lead somewhere."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

BUNDLE = Path(import_module("chimerax.adp3d").__file__).parent
PAGES = BUNDLE / "docs" / "user"
COMMAND_PAGE = PAGES / "commands" / "adp3d.html"
COMMANDS = sorted(
    path.stem
    for path in (BUNDLE / "commands").glob("*.py")
    if f"def {path.stem}_desc" in path.read_text(encoding="utf-8")
)
GROUPS = ("model-options", "map-options", "sampling-options", "output-options")
WRITTEN = {
    "model": ["model-or-part"],
    "models": ["model-or-part", "reference-model-or-part"],
    "structures": ["models"],
    "residues": ["residue-spec"],
    "by": [],  # words to choose from
}
"""How the usage writes arguments that have no keyword, where not by their own names."""


def _text() -> str:
    return COMMAND_PAGE.read_text(encoding="utf-8")


def _sections() -> dict[str, str]:
    """Text behind each anchor of the page."""
    parts = re.split(r'<a name="([\w-]+)"></a>', _text())
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _usage(section: str) -> str:
    return re.search(r"Usage</b></a>:(.*?)</blockquote>", section, re.DOTALL).group(1)


def _listed(section: str) -> set[str]:
    """Keywords that a section explains."""
    return set(re.findall(r"<li><b>(\w+)</b>&nbsp;", section))


def _documented(name: str) -> set[str]:
    section = _sections()[name]
    used = [group for group in GROUPS if f'href="#{group}"' in _usage(section)]
    return _listed(section).union(*(_listed(_sections()[group]) for group in used))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _description(name: str):
    return getattr(import_module(f"chimerax.adp3d.commands.{name}"), f"{name}_desc")()


def test_there_are_commands():
    assert {"refine", "complete", "distances", "check", "accept", "install", "jobs"} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_explains_the_keywords_of_the_command(session, name):
    description = _description(name)
    keywords = {_camel(k) for k in description._keyword if k not in description._optional}
    assert _documented(name) == keywords


@pytest.mark.parametrize("name", COMMANDS)
def test_keywords_of_the_usage_are_those_explained(name):
    section = _sections()[name]
    usage = _usage(section)
    assert f"<b>adp3d {name}</b>" in usage
    named = set(re.findall(r"\[&nbsp;<b>(\w+)</b>|^<b>(\w+)</b>&nbsp;", usage, re.MULTILINE))
    listed = _listed(section)
    assert {a or b for a, b in named} - ({"inMap"} - listed) == listed  # most have it among the map options


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_without_keyword_are_in_the_usage(session, name):
    description = _description(name)
    usage = _usage(_sections()[name]).replace(f"<b>adp3d {name}</b>", "")
    before_keywords = re.split(r"\[?(?:&nbsp;)?<b>\w+</b>&nbsp;", usage)[0]
    positional = re.findall(r"(\[&nbsp;)?(?:<a [^>]*>)?<i>([\w-]+)</i>", before_keywords)
    required = [("", written) for k in description._required for written in WRITTEN.get(k, [k])]
    optional = [("[&nbsp;", k) for k in description._optional]
    assert [(mark, word) for mark, word in positional if word not in GROUPS] == required + optional


def test_every_command_is_found_by_help():
    # ChimeraX makes `help adp3d NAME` the anchor NAME of the page adp3d.html
    assert set(COMMANDS) <= set(_sections())
    for name in COMMANDS:
        assert f'<a href="#{name}"><b>adp3d {name}</b></a>' in _text()


@pytest.mark.parametrize("page", sorted(PAGES.rglob("*.html")), ids=lambda page: page.name)
def test_pages_are_in_the_style_of_chimerax(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith('<html lang="en">')
    assert '<meta charset="utf-8">' in text
    assert '<link rel="stylesheet" type="text/css" href="../userdocs.css">' in text
    assert "color-scheme: dark" in text
    for tag in ("ul", "blockquote", "h3", "table", "pre", "li"):
        opened = len(re.findall(rf"<{tag}[\s>]", text))
        assert opened == text.count(f"</{tag}>"), tag


@pytest.mark.parametrize("page", sorted(PAGES.rglob("*.html")), ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r'(?:href|src)="([^"]+)"', text):
        if link.startswith(("http", "cxcmd:", "help:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "adp3d" in target.name or path == "":
            assert target.is_file(), link
            assert not anchor or f'name="{anchor}"' in target.read_text(encoding="utf-8"), link
        elif target.suffix not in (".html", ".css", ".svg"):
            assert target.is_file(), link  # a picture of ours; other pages belong to ChimeraX


def test_pictures_of_the_pages_are_used_small_and_described():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES.rglob("*.html"))
    used = re.findall(r'<img src="(adp3d_\w+\.png)" width="\d+" alt="[^"]{20,}">', text)
    files = {path.name: path for path in PAGES.rglob("*.png")}
    assert set(used) == set(files) and len(used) >= 5
    assert all(path.stat().st_size < 80_000 for path in files.values()), "they are part of the bundle"


@pytest.mark.parametrize("page", sorted(PAGES.rglob("*.html")), ids=lambda page: page.name)
def test_commands_in_links_and_examples_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"adp3d ([a-z]+)(?=[\s<\"])", re.sub(r"<title>.*?</title>", "", text)):
        assert name in COMMANDS, name


def test_commands_to_click_have_existing_keywords(session):
    values = {"true", "false", "fit", "confidence", "sel"}
    commands = [
        c for page in PAGES.rglob("*.html") for c in re.findall(r'"cxcmd:adp3d ([^"]+)"', page.read_text("utf-8"))
    ]
    assert commands
    for command in commands:
        name, *words = command.split()
        keywords = {_camel(k) for k in _description(name)._keyword}
        for word in words:
            assert not word[0].isalpha() or word in keywords | values, command


def test_the_page_of_the_panel_lists_its_further_options():
    from chimerax.adp3d.panel.fields import panel_fields

    text = (PAGES / "tools" / "adp3d.html").read_text(encoding="utf-8")
    listed = re.findall(r"<li><b>([\w -]+)</b> &ndash;", text)
    further = [field.row.setting.label for field in panel_fields() if not field.row.setting.always]
    start = listed.index(further[0])
    assert listed[start : start + len(further)] == further
