"""What the user has chosen, as the text of a command. Knows nothing of Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .presets import PRESETS, STANDARD

__all__ = [
    "FIELDS",
    "TASKS",
    "Field",
    "Form",
    "can_check",
    "check_command",
    "defaults",
    "job_command",
    "missing",
    "run_command",
    "valid_options",
]

TASKS = ("refine", "complete", "distances")
"""Tasks of the panel, each the name of a command."""


@dataclass(frozen=True)
class Field:
    """One option of the commands that the panel offers.

    Parameters
    ----------
    keyword : str
        Keyword of the command.
    label, tip : str
        What the panel calls it, and says of it.
    kind : str
        How it is edited and written.
    default : int, float, str or bool
        Value at which the keyword is left out of the command.
    tasks : tuple of str
        Commands that have it.
    choices : tuple of str
        Values of a choice.
    low, high, step : float
        Range of a number, and how far one click goes.
    unset : str
        What a number says at its default if that means "find out".
    always : bool
        Shown at all times; others are among "More options".
    remembered : bool
        Kept for the next session; the others concern one model or map.
    checked : bool
        Also an option of ``adp3d check``.
    """

    keyword: str
    label: str
    tip: str
    kind: Literal["integer", "number", "choice", "text", "switch", "maps"]
    default: int | float | str | bool
    tasks: tuple[str, ...] = TASKS
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 1
    step: float = 1
    unset: str = ""
    always: bool = False
    remembered: bool = False
    checked: bool = True


_MODEL_TASKS = ("refine", "complete")

FIELDS = (
    Field(
        "replicas",
        "Replicas",
        "Independent samples computed side by side; their spread gives the confidence.",
        "integer",
        PRESETS[STANDARD]["replicas"],
        low=1,
        high=1024,
        always=True,
        remembered=True,
    ),
    Field(
        "steps",
        "Steps",
        "Denoising steps: more take longer and usually fit better.",
        "integer",
        PRESETS[STANDARD]["steps"],
        low=1,
        high=100_000,
        step=20,
        always=True,
        remembered=True,
    ),
    Field(
        "resolution",
        "Resolution",
        "Resolution of the map in angstrom; 'auto' estimates it from the map.",
        "number",
        0.0,
        tasks=("refine",),
        high=50.0,
        step=0.1,
        unset="auto",
    ),
    Field(
        "confidence",
        "B-factors are",
        "What the B-factor column of the model says: nothing of interest, ModelAngelo's confidence, "
        "predicted lDDT, or B-factors. Doubtful parts may move or are rebuilt.",
        "choice",
        "none",
        tasks=_MODEL_TASKS,
        choices=("none", "modelangelo", "plddt", "bfactor"),
        remembered=True,
    ),
    Field(
        "halfMaps",
        "Half maps",
        "The two half maps, such as #3,#4, for the noise of each resolution shell.",
        "maps",
        "",
        tasks=("refine",),
    ),
    Field(
        "densityWeight",
        "Map weight",
        "Factor on the weight of the map; it can also be changed while the job runs.",
        "number",
        1.0,
        tasks=("refine",),
        high=1e6,
        step=0.25,
    ),
    Field(
        "keep",
        "Keep",
        "Residues that stay exactly where they are, such as /A:12-40 or sel.",
        "text",
        "",
        tasks=_MODEL_TASKS,
    ),
    Field(
        "keepTypes",
        "Keep types",
        "Residues whose type differs from the sequence keep it; otherwise they get the sequence's, their side chains "
        "cut to CB.",
        "switch",
        False,
        tasks=_MODEL_TASKS,
    ),
    Field(
        "seed",
        "Seed",
        "Seed of the random numbers: the same seed repeats a run.",
        "integer",
        0,
        high=2_147_483_647,
    ),
    Field(
        "device",
        "Device",
        "Where to compute; 'auto' takes a graphics card if there is one.",
        "choice",
        "auto",
        choices=("auto", "cpu", "cuda", "mps"),
        remembered=True,
    ),
    Field(
        "live",
        "Live models",
        "Show the models while they are computed.",
        "switch",
        True,
        remembered=True,
        checked=False,
    ),
)
"""Options in the order of the panel; models, map, sequence and restraints are choosers of their own."""


@dataclass(frozen=True)
class Form:
    """Everything chosen in the panel.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    model, map : str
        Specifiers such as ``#2``; empty if none is chosen.
    part : str
        What of the model is worked on: chains (``A,B``), residues (``/A:39-48``), ``sel``; empty for all of it.
    sequence : str
        File, one-letter codes or specifier of an alignment's sequence; empty takes the model's own.
    restraints : str
        Restraint file of the task ``distances``.
    options : mapping
        Values of `FIELDS` by keyword; what is not there has its default.
    """

    task: str
    model: str = ""
    map: str = ""
    part: str = ""
    sequence: str = ""
    restraints: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


def defaults() -> dict[str, Any]:
    """Option values at which no keyword is written."""
    return {f.keyword: f.default for f in FIELDS}


def valid_options(stored: object) -> dict[str, Any]:
    """Defaults overlaid with those remembered values that still fit their fields.

    Settings may come from another version, or have been edited by hand.
    """
    options = defaults()
    if isinstance(stored, Mapping):
        kept = [f for f in FIELDS if f.remembered and _fits(f, stored.get(f.keyword))]
        options.update({f.keyword: stored[f.keyword] for f in kept})
    return options


def missing(form: Form) -> str:
    """What is still to be chosen before the job can run, as a sentence; empty if nothing."""
    if form.task == "distances":
        if not form.restraints:
            return "Choose the file of restraints."
        return "" if form.model or form.sequence else "Choose a model or give a sequence to fold."
    if not form.model:
        return "Open a model, or choose one."
    if form.task == "refine" and not form.map:
        return "Open a map, or choose one."
    return ""


def run_command(form: Form) -> str:
    """Command that runs the job; options at their defaults are left out."""
    return " ".join([*_target(form, form.task), *_options(form, {f.keyword for f in FIELDS})])


def can_check(form: Form) -> bool:
    """Whether ``adp3d check`` can estimate the job: it works on models."""
    return form.task in _MODEL_TASKS and not missing(form)


def check_command(form: Form) -> str:
    """Command that estimates the job and changes nothing."""
    return " ".join([*_target(form, "check"), *_options(form, {f.keyword for f in FIELDS if f.checked})])


def job_command(name: str, job_id: int, *words: str) -> str:
    """Command that acts on a job, such as ``adp3d stop 3``."""
    return " ".join(("adp3d", name, str(job_id), *words))


def _target(form: Form, command: str) -> list[str]:
    from chimerax.core.commands import quote_if_necessary, quote_path_if_necessary

    words = ["adp3d", command]
    sequence = quote_if_necessary(form.sequence) if form.sequence else ""
    if form.task == "distances":
        words += [sequence or form.model, "restraints", quote_path_if_necessary(form.restraints)]
        return words
    words.append(quote_if_necessary(_specifier(form)))
    if form.task == "refine":
        words += ["inMap", form.map]
    return words + (["sequence", sequence] if sequence else [])


def _specifier(form: Form) -> str:
    """Model, and what of it is worked on."""
    part = form.part.strip()
    if re.fullmatch(r"[A-Za-z0-9]+([\s,]+[A-Za-z0-9]+)*", part) and part != "sel":
        part = "/" + ",".join(re.split(r"[\s,]+", part))
    if not part or part.startswith(("/", ":", "@")):
        return form.model + "".join(part.split())
    return f"{form.model} & {part}"


def _options(form: Form, keywords: set[str]) -> list[str]:
    words: list[str] = []
    for f in FIELDS:
        value = form.options.get(f.keyword, f.default)
        if form.task in f.tasks and f.keyword in keywords and value != f.default:
            words += [f.keyword, _written(f, value)]
    return words


def _written(f: Field, value: Any) -> str:
    from chimerax.core.commands import quote_if_necessary

    if f.kind == "switch":
        return "true" if value else "false"
    if f.kind == "number":
        return f"{value:.10g}"
    if f.kind == "integer":
        return str(value)
    if f.kind == "maps":  # a specifier is one word
        return "".join(value.split())
    return quote_if_necessary(str(value).strip())


def _fits(f: Field, value: object) -> bool:
    if f.kind == "switch":
        return isinstance(value, bool)
    if f.kind in ("integer", "number"):
        number = (int,) if f.kind == "integer" else (int, float)
        return isinstance(value, number) and not isinstance(value, bool) and f.low <= value <= f.high
    return isinstance(value, str) and (not f.choices or value in f.choices)
