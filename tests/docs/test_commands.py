"""Every `adp3d` command in the documentation is one that the program understands."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from adp3d.cli.app import app
from adp3d.cli.session import Session

BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`(adp3d [^`\n]+)`(?!`)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
OF_OTHER_PROGRAMS = {"--index-url", "--no-deps", "--check", "--hardware"}
OF_OTHER_PROGRAMS |= {"--nthreads", "--memory-limit"}  # of dask's workers
OF_OTHER_PROGRAMS |= {"--resume", "--validation"}  # of the benchmarks
OF_OTHER_PROGRAMS |= {"--constraint", "--job-name", "--time", "--cpus-per-task", "--mem", "--gres"}  # of SLURM

COMMANDS = get_command(app).commands
BUNDLE_COMMANDS = {
    path.stem
    for path in (Path(__file__).resolve().parents[2] / "src" / "commands").glob("*.py")
    if f"def {path.stem}_desc" in path.read_text(encoding="utf-8")
}
"""Commands of the ChimeraX bundle: blocks of the language 'chimerax', and words in the text."""


def _commands(text: str, *, chimerax: bool = False) -> list[list[str]]:
    """Words of the adp3d commands in the code blocks of a page: of the shell, or of ChimeraX."""
    found = []
    for language, block in BLOCK.findall(text):
        if (language == "chimerax") != chimerax:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            line = line.strip().removeprefix("$ ")
            for part in re.split(r"\s(?:&&|\|\||;)\s", line):
                if part.startswith("adp3d ") and not part.startswith("adp3d-"):
                    found.append(shlex.split(part, comments=True))
    return found


def _parse(words: list[str]) -> None:
    """Let the program's own parser read a command; what it refuses raises."""
    name, *rest = words[1:]
    if name == "train":
        from adp3d.training.command import app as training

        command = get_command(training)
    else:
        command = COMMANDS.get(name)
        assert command is not None, f"there is no command {name}"
    with contextlib.suppress(typer.Exit):  # --help
        command.make_context(name, rest, obj=Session())


def test_commands_in_blocks(pages):
    wrong = []
    for page, text in pages.items():
        for words in _commands(text):
            try:
                _parse(words)
            except (Exception, SystemExit) as error:
                wrong.append(f"{page}: {' '.join(words)}: {error}")
    assert wrong == []
    assert sum(len(_commands(text)) for text in pages.values()) > 10


@pytest.mark.parametrize(
    "line",
    [
        "adp3d refine map.mrc",
        "adp3d refine a.mrc b.cif --bogus",
        "adp3d fold x",
        "adp3d demo --replicas many",
    ],
)
def test_the_check_refuses_wrong_commands(line):
    with pytest.raises((Exception, SystemExit)):
        _parse(shlex.split(line))


def test_commands_in_text_exist(pages):
    for page, text in pages.items():
        for inline in INLINE.findall(BLOCK.sub("", text)):
            name = inline.split()[1]
            if name.startswith("-") or name == "COMMAND":
                continue
            assert name in COMMANDS or name in BUNDLE_COMMANDS, f"{page}: {inline}"


def test_chimerax_commands_in_blocks_exist(pages):
    found = {words[1] for text in pages.values() for words in _commands(text, chimerax=True)}
    assert found and found <= BUNDLE_COMMANDS


def _options(command) -> set[str]:
    return {
        flag
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
        if flag.startswith("--")
    }


def test_options_in_text_exist(pages):
    from adp3d.training.command import app as training

    known = {"--help", "--version", *OF_OTHER_PROGRAMS, *_options(get_command(training))}
    for command in COMMANDS.values():
        known |= _options(command)
    for page, text in pages.items():
        spans = re.findall(r"`[^`\n]+`", BLOCK.sub("", text))
        for option in (o for span in spans for o in OPTION.findall(span)):
            assert option in known, f"{page}: {option}"


def test_every_option_is_described(pages):
    text = pages["docs/guide/options.md"]
    for name, command in COMMANDS.items():
        for option in _options(command) - {"--help"}:
            assert f"`{option}`" in text, f"{option} of {name}"
        assert f"`adp3d {name}" in text
