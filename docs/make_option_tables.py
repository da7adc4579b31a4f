"""Bring the option tables of the guide, and the option lists of ChimeraX's help page, up to date with the settings.

    python docs/make_option_tables.py

The tables of ``docs/guide/options.md`` are made as a whole. On the help page what stands before the dash (keyword,
values, range, default) is made; what is said behind it is kept, and begins as the help of the setting. A test checks
that neither is behind.
"""

from __future__ import annotations

import html
import importlib
import re
import sys
import types
from collections.abc import Iterable, Mapping
from functools import singledispatch
from pathlib import Path
from typing import Any

import click
from typer.main import get_command

from adp3d.cli.app import app
from adp3d.contract import domains
from adp3d.contract.domains import Domain, bare
from adp3d.contract.kinds import KINDS
from adp3d.contract.settings import GROUPS, INPUT, OUTPUT, SAMPLING, Row, rows
from adp3d.contract.specification import specifications

__all__ = ["guide_page", "help_page", "main"]

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "docs" / "guide" / "options.md"
HELP = ROOT / "src" / "docs" / "user" / "commands" / "adp3d.html"


def guide_page(text: str, commands: Mapping[str, click.Command] | None = None) -> str:
    """Page of options with its tables made anew.

    Parameters
    ----------
    text : str
        The page as it is; ``<!-- GROUP -->`` and ``<!-- end -->`` stand around each table.
    commands : mapping, optional
        Commands of the command line by name; by default the program's own.
    """
    shell = get_command(app).commands if commands is None else commands  # type: ignore[attr-defined]
    for group in GROUPS:
        marker, end = f"<!-- {group} -->\n", "<!-- end -->"
        start, rest = text.split(marker, 1)
        text = start + marker + _table(group, shell) + end + rest.split(end, 1)[1]
    return text


def _table(group: str, commands: Mapping[str, click.Command]) -> str:
    lines = ["| option | default | values | commands | meaning |", "|---|---|---|---|---|"]
    found: dict[str, list[tuple[str, Row]]] = {}
    for specification in specifications():
        for row in rows(specification):
            if row.setting.group == group and row.flags:
                found.setdefault(row.name, []).append((specification.kind, row))
    for of_kinds in found.values():
        row = of_kinds[0][1]
        flags = ", ".join(f"`{flag}`" for flag in row.flags)
        having = {name: option for name, command in commands.items() if (option := _option(command, row.flags[0]))}
        meaning = row.setting.meaning or row.setting.help
        values = row.setting.domain.values.replace("|", "\\|")
        lines.append(f"| {flags} | {_default(of_kinds, having)} | {values} | {', '.join(having)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _option(command: click.Command, flag: str) -> click.Parameter | None:
    return next((parameter for parameter in command.params if flag in parameter.opts), None)


def _default(of_kinds: list[tuple[str, Row]], having: Mapping[str, click.Parameter]) -> str:
    first = of_kinds[0][1]
    others = [f"{kind}: {_said(row)}" for kind, row in of_kinds[1:] if _said(row) != _said(first)]
    kinds = {kind for kind, _ in of_kinds}
    own = [
        f"{name}: {option.default}"
        for name, option in having.items()
        if name not in kinds and option.default is not None and option.default != first.default
    ]
    return _said(first) + (f" ({', '.join([*others, *own])})" if others or own else "")


def _said(row: Row) -> str:
    if row.required:
        return "named after the input" if isinstance(row.setting.domain, domains.Folder) else "required"
    if row.default is None:
        return str(getattr(row.setting.domain, "unset", "none"))
    if isinstance(row.default, bool):
        return "on" if row.default else "off"
    return f"`{row.default}`" if isinstance(row.default, str) else f"{row.default:,g}"


def help_page(text: str, keywords: Any | None = None) -> str:
    """Help page with the heads of its option lists made anew.

    Parameters
    ----------
    text : str
        The page as it is.
    keywords : module, optional
        ``src/commands/keywords.py``; by default read from the checkout.
    """
    table = keywords or _keywords()
    listed = {specification.kind: table.job_rows(specification) for specification in specifications()}
    plain = next(listed[name] for name, kind in KINDS.items() if kind.needs_model and not kind.needs_map)
    in_map = next(listed[name] for name, kind in KINDS.items() if kind.needs_map)
    sampled = [of_kind for name, of_kind in listed.items() if KINDS[name].samples_backbones]
    every = {row.name: row for of_kind in sampled for row in of_kind}
    of_model = [row for row in plain if row.setting.group == INPUT]
    sections = {
        "model-options": of_model,
        "map-options": [row for row in in_map if row.setting.group == INPUT and row not in of_model],
        "sampling-options": [row for row in every.values() if row.setting.group == SAMPLING],
        "output-options": [row for row in every.values() if row.setting.group == OUTPUT],
    }
    for name, of_kind in listed.items():
        if not KINDS[name].samples_backbones:
            sections[name] = list(of_kind)
        elif not KINDS[name].needs_model:
            sections[name] = [row for row in of_kind if row.setting.group == INPUT]
    for anchor, own in sections.items():
        start, rest = text.split(f'<a name="{anchor}"></a>', 1)
        before, items = rest.split("<ul>\n", 1)
        old, after = items.split("</ul>", 1)
        text = f'{start}<a name="{anchor}"></a>{before}<ul>\n{_items(own, old)}</ul>{after}'
    return text


def _keywords() -> types.ModuleType:
    """Read the client's table of keywords, which needs nothing of ChimeraX."""
    package = types.ModuleType("adp3d_client")
    package.__path__ = [str(ROOT / "src")]
    sys.modules.setdefault("adp3d_client", package)
    # the contract that it imports is the one that is imported here
    for name in [name for name in sys.modules if name == "adp3d" or name.startswith("adp3d.contract")]:
        sys.modules.setdefault(name.replace("adp3d", "adp3d_client.engine", 1), sys.modules[name])
    return importlib.import_module("adp3d_client.commands.keywords")


def _items(own: Iterable[Row], old: str) -> str:
    said = dict(re.findall(r"<li><b>(\w+)</b>.*?\n&ndash; (.*?)\n(?=</li>)", old, re.DOTALL))
    heads = []
    for row in own:
        helped = row.setting.help[0].lower() + row.setting.help[1:-1]
        text = said.get(row.keyword or "", html.escape(helped, quote=False))
        values = _values(bare(row.setting.domain), row)
        heads.append(f"<li><b>{row.keyword}</b>&nbsp;&nbsp;{values}\n&ndash; {text}\n</li>")
    return "".join(heads)


def _limits(row: Row) -> str:
    """Range and default in parentheses."""
    values = row.setting.domain.values
    if isinstance(row.default, int | float):
        default = f"default <b>{row.default:,g}</b>"
    else:
        default = f"default: {getattr(row.setting.domain, 'unset', '')}" if row.default is None else ""
    inside = ", ".join(text for text in (values, default) if text)
    return f" ({inside})" if inside and not row.required else ""


def _either(options: Iterable[str], default: Any) -> str:
    return "&nbsp;|&nbsp;".join(f"<b>{option}</b>" if option == default else option for option in options)


@singledispatch
def _values(domain: Domain, row: Row) -> str:
    """How a value is typed, its range and its default."""
    default = f" (default <b>{html.escape(row.default)}</b>)" if isinstance(row.default, str) else ""
    return f"<i>text</i>{default}"


@_values.register
def _(domain: domains.Integer, row: Row) -> str:
    return f"<i>N</i>{_limits(row)}"


@_values.register
def _(domain: domains.Real, row: Row) -> str:
    return f"<i>x</i>{_limits(row)}"


@_values.register
def _(domain: domains.Flag, row: Row) -> str:
    default = {True: "true", False: "false"}.get(row.default)
    return _either(("true", "false"), default) + ("" if default else _limits(row))


@_values.register
def _(domain: domains.Choice, row: Row) -> str:
    return _either(domain.options, row.default)


@_values.register
def _(domain: domains.Plugin, row: Row) -> str:
    return _either((*domain.built_in, "<i>other</i>"), row.default)


@_values.register
def _(domain: domains.Device, row: Row) -> str:
    return _either((*domain.options, "cuda:<i>N</i>"), row.default)


@_values.register
def _(domain: domains.Requests, row: Row) -> str:
    return "<i>measurement</i> (repeatable)"


@_values.register
def _(domain: domains.ModelFile, row: Row) -> str:
    return '<a href="#part"><i>model-or-part</i></a>'


@_values.register
def _(domain: domains.MapFile, row: Row) -> str:
    return '<a href="atomspec.html#othermodels"><i>map-model</i></a>'


@_values.register
def _(domain: domains.TwoMaps, row: Row) -> str:
    return '<a href="atomspec.html#othermodels"><i>map-models</i></a>'


@_values.register
def _(domain: domains.Residues, row: Row) -> str:
    return '<a href="atomspec.html"><i>residue-spec</i></a>'


@_values.register
def _(domain: domains.Names, row: Row) -> str:
    return f"<i>chain-IDs</i>{_limits(row)}"


@_values.register
def _(domain: domains.SequenceText, row: Row) -> str:
    return f"<i>sequence</i>{_limits(row)}"


@_values.register
def _(domain: domains.Folder, row: Row) -> str:
    return "<i>folder</i>"


@_values.register
def _(domain: domains.File, row: Row) -> str:
    return "<i>file</i>"


@_values.register
def _(domain: domains.TwoFiles, row: Row) -> str:
    return "<i>file</i>,<i>file</i>"


def main() -> None:
    """Write both pages."""
    GUIDE.write_text(guide_page(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
    HELP.write_text(help_page(HELP.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
