"""What the user has chosen, as the text of a command. Knows nothing of Qt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

from ..commands.keywords import VALIDATE, VALIDATING, job_rows
from ..engine.contract.domains import Domain, Flag, Real, Requests, TwoMaps
from ..engine.contract.kinds import COMPLETE, KINDS
from ..engine.contract.settings import Row
from ..engine.contract.specification import specification_of
from .fields import file_rows, panel_fields

__all__ = ["Form", "can_check", "check_command", "job_command", "missing", "run_command", "validate_command"]


@dataclass(frozen=True)
class Form:
    """Everything chosen in the panel.

    Parameters
    ----------
    task : str
        Name of one of `tasks`.
    model, map : str
        Specifiers such as ``#2``; empty if none is chosen.
    part : str
        What of the model is worked on: chains (``A,B``), residues (``/A:39-48``), ``sel``; empty for all of it.
    sequence : str
        File, one-letter codes or specifier of an alignment's sequence; empty takes the model's own.
    files : mapping
        Paths of `file_rows` by keyword.
    options : mapping
        Values of `panel_fields` by keyword; what is not there has its default.
    """

    task: str
    model: str = ""
    map: str = ""
    part: str = ""
    sequence: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def missing(form: Form) -> str:
    """What is still to be chosen before the job can run, as a sentence; empty if nothing."""
    kind = KINDS[form.task]
    for keyword in _files(form.task):
        if not form.files.get(keyword):
            return f"Choose the file of {keyword}."
    if not kind.needs_model:
        return "" if form.model or form.sequence else "Choose a model or give a sequence to fold."
    if not form.model:
        return "Open a model, or choose one."
    return "Open a map, or choose one." if kind.needs_map and not form.map else ""


def run_command(form: Form) -> str:
    """Command that runs the job; options at their defaults are left out."""
    return " ".join([*_target(form, form.task), *_options(form, lambda row: True)])


def can_check(form: Form) -> bool:
    """Whether ``adp3d check`` can estimate the job: it works on models."""
    return KINDS[form.task].needs_model and not missing(form)


def check_command(form: Form) -> str:
    """Command that estimates the job and changes nothing."""
    return " ".join([*_target(form, "check"), *_options(form, lambda row: row.checked)])


def validate_command(form: Form) -> str:
    """Command that validates the model as it is, in the map of tasks that have one; '' without a model."""
    kind = KINDS[form.task]
    if not kind.needs_model or not form.model:
        return ""
    words = ["adp3d", "check", form.model, *(["inMap", form.map] if kind.needs_map and form.map else [])]
    words += [VALIDATE.keyword or VALIDATE.name, "true"]
    known = {row.name for row in job_rows(specification_of(form.task if form.map else COMPLETE.name))}
    return " ".join([*words, *_options(form, lambda row: row.name in VALIDATING and row.name in known)])


def job_command(name: str, job_id: int, *words: str) -> str:
    """Command that acts on a job, such as ``adp3d stop 3``."""
    return " ".join(("adp3d", name, str(job_id), *words))


def _files(task: str) -> tuple[str, ...]:
    """Keywords of the files that a task needs."""
    own = {row.keyword for row in job_rows(specification_of(task))}
    return tuple(keyword for keyword in file_rows() if keyword in own)


def _target(form: Form, command: str) -> list[str]:
    from chimerax.core.commands import quote_if_necessary, quote_path_if_necessary

    kind = KINDS[form.task]
    words = ["adp3d", command]
    sequence = quote_if_necessary(form.sequence) if form.sequence else ""
    words.append(quote_if_necessary(_specifier(form)) if kind.needs_model else sequence or form.model)
    for keyword in _files(form.task):
        words += [keyword, quote_path_if_necessary(form.files[keyword])]
    if kind.needs_map:
        words += ["inMap", form.map]
    return words + (["sequence", sequence] if sequence and kind.needs_model else [])


def _specifier(form: Form) -> str:
    """Model, and what of it is worked on."""
    part = form.part.strip()
    if re.fullmatch(r"[A-Za-z0-9]+([\s,]+[A-Za-z0-9]+)*", part) and part != "sel":
        part = "/" + ",".join(re.split(r"[\s,]+", part))
    if not part or part.startswith(("/", ":", "@")):
        return form.model + "".join(part.split())
    return f"{form.model} & {part}"


def _options(form: Form, taken: Callable[[Row], bool]) -> list[str]:
    """Options that differ from their defaults, of the task, that a command takes."""
    words: list[str] = []
    for one in panel_fields():
        value = form.options.get(one.keyword, one.default)
        offered = form.task in one.tasks and taken(one.row)
        if offered and value != one.default:
            words += _written(one.domain, one.keyword, value)
    return words


@singledispatch
def _written(domain: Domain, keyword: str, value: Any) -> list[str]:
    """Keyword and value as words of a command."""
    from chimerax.core.commands import quote_if_necessary

    return [keyword, quote_if_necessary(str(value).strip())]


@_written.register
def _(domain: Flag, keyword: str, value: Any) -> list[str]:
    return [keyword, "true" if value else "false"]


@_written.register
def _(domain: Real, keyword: str, value: Any) -> list[str]:
    return [keyword, f"{value:.10g}"]


@_written.register
def _(domain: TwoMaps, keyword: str, value: Any) -> list[str]:
    return [keyword, "".join(value.split())]  # a specifier is one word


@_written.register
def _(domain: Requests, keyword: str, value: Any) -> list[str]:
    from chimerax.core.commands import quote_if_necessary

    requests = (text.strip() for text in value.split(";"))
    return [word for text in requests if text for word in (keyword, quote_if_necessary(text))]
