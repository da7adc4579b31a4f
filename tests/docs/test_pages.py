"""Links, pictures and the build of the documentation."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _anchors(text: str) -> set[str]:
    """Anchors of the headings, made as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+\s+(.*)$", FENCE.sub("", text), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"[\s]+", "-", heading) for heading in plain}


def test_links_and_pictures_exist(root, pages):
    broken = []
    for page, text in pages.items():
        for target in LINK.findall(CODE.sub("", FENCE.sub("", text))):
            if re.match(r"[a-z]+:", target):
                assert target.startswith("https://"), f"{page}: {target}"
                continue
            path, _, anchor = target.partition("#")
            file = (root / page).parent / path if path else root / page
            if not file.exists():
                broken.append(f"{page}: {target}")
            elif anchor and anchor not in _anchors(file.read_text(encoding="utf-8")):
                broken.append(f"{page}: no heading for {target}")
    assert broken == []


def test_every_picture_is_shown(root, pages):
    shown = {target.rsplit("/", 1)[-1] for text in pages.values() for target in LINK.findall(text)}
    assert {path.name for path in (root / "docs" / "images").glob("*.*")} <= shown


def test_every_page_is_in_the_navigation(root, pages):
    config = (root / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"[\w/]+\.md", config))
    assert listed == {page.removeprefix("docs/") for page in pages if page.startswith("docs/")}


def test_no_paths_of_a_certain_machine(pages):
    for page, text in pages.items():
        assert not re.search(r"(?<![\w.])/(?:home|work|root|tmp|Users)/", text), page


@pytest.mark.skipif(importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed")
def test_documentation_builds_without_warnings(root, tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "theory" / "method" / "index.html").read_text(encoding="utf-8")
    assert 'class="arithmatex"' in page
    assert not list(tmp_path.rglob("*.py"))
