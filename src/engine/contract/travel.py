"""Files that the specification of a job or a question names, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .domains import Domain, File, Requests, SequenceText, TwoFiles, bare
from .inputs import is_sequence_text
from .requests import parse_request
from .settings import rows
from .specification import specifications
from .specs.score import ScoreSettings

__all__ = ["files_in", "with_files"]

_MODELS = "models"
"""What docking and scoring call the list of their model files."""


def with_files(spec: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """Plain values of a specification with other paths in the places of files.

    Parameters
    ----------
    spec : mapping
        As in `adp3d.contract.messages.Submit`, `Check`, `Dock` and `Score`.
    change : callable
        Gives the new path for each file.
    """
    domains = _domains()
    return {
        name: value if value is None or name not in domains else _changed(domains[name], value, change)
        for name, value in spec.items()
    }


def files_in(spec: Mapping[str, Any]) -> list[str]:
    """Paths of all files, each once."""
    found: list[str] = []
    with_files(spec, lambda path: found.append(path) or path)  # type: ignore[func-returns-value]
    return list(dict.fromkeys(found))


def _domains() -> Mapping[str, Domain]:
    """Settings that name files, of all kinds of job and question; a name means the same in each."""
    every = [row for each in (*specifications(), ScoreSettings) for row in rows(each)]
    found = {row.name: bare(row.setting.domain) for row in every}
    wanted = (File, TwoFiles, SequenceText, Requests)
    return {name: domain for name, domain in found.items() if isinstance(domain, wanted)} | {_MODELS: TwoFiles()}


def _changed(domain: Domain, value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(domain, Requests):
        asked = [parse_request(text) for text in value]
        return [str(one if one.file is None else replace(one, file=change(one.file))) for one in asked]
    if isinstance(domain, SequenceText) and is_sequence_text(value):
        return value
    return [change(path) for path in value] if isinstance(value, list | tuple) else change(value)
