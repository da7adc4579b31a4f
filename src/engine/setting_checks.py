"""Checks of single settings of a job: the value as it is stored, or one sentence that says what is wrong."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Callable
from typing import Any

from .errors import InputError

__all__ = ["CHECKS", "CONFIDENCES", "PRIORS", "UPDATES", "check_text", "shorten"]

CONFIDENCES = ("none", "modelangelo", "plddt", "bfactor")
"""How the B-factor column of the starting model is read."""

PRIORS = ("builtin", "builtin-nomap", "builtin-nosequence", "builtin-plain", "gaussian")
"""Names of the priors; `adp3d.prior.registry` has what they stand for, but is heavy to import."""

UPDATES = ("proximal", "gradient")
"""How the solver moves towards the measurements at each step."""

_NUMBER = r"-?\d{1,7}[A-Za-z]?"
_RANGE = re.compile(rf"[^\s:]+(:{_NUMBER}(-{_NUMBER})?)?")

Check = Callable[[str, Any], Any]


def shorten(value: object) -> str:
    """Return a value as it is quoted in a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _integer(low: int, high: int) -> Check:
    def check(name: str, value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            number = None
        if number is None or isinstance(value, bool):
            raise InputError(f"'{name}' must be a whole number, not {shorten(value)}.")
        if not low <= number <= high:
            raise InputError(f"'{name}' must lie between {low:,} and {high:,}, not {shorten(number)}.")
        return number

    return check


def _real(low: float, high: float, unit: str = "") -> Check:
    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"'{name}' must be a number, not {shorten(value)}.")
        if not low <= value <= high:  # also refuses NaN
            raise InputError(f"'{name}' must lie between {low:g} and {high:g}{unit}, not {shorten(value)}.")
        return float(value)

    return check


def _choice(options: tuple[str, ...]) -> Check:
    def check(name: str, value: Any) -> str:
        if value not in options or not isinstance(value, str):
            raise InputError(f"'{name}' must be one of {', '.join(options)}, not {shorten(value)}.")
        return value

    return check


def check_text(name: str, value: Any) -> str:
    """Accept a non-empty text or path."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise InputError(f"'{name}' must be a text, not {shorten(value)}.")
    if not value.strip() or "\0" in value:
        raise InputError(f"'{name}' must not be empty; give a value or leave it out.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(f"'{name}' holds characters that cannot be stored; rename the file.") from None
    return value


def _device(name: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?|mps", value):
        raise InputError(f"'{name}' must be auto, cpu, cuda, cuda:N or mps, not {shorten(value)}.")
    return value


def _texts(count: int | None, what: str) -> Check:
    def check(name: str, value: Any) -> tuple[str, ...]:
        is_list = isinstance(value, list | tuple)
        if not is_list or not value or (count is not None and len(value) != count):
            raise InputError(f"'{name}' must be {what}, not {shorten(value)}.")
        items = tuple(check_text(name, item) for item in value)
        if len(set(items)) != len(items):
            raise InputError(f"'{name}' names the same thing twice ({', '.join(items)}); each must differ.")
        return items

    return check


def _optional(check: Check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


def _residues(name: str, value: Any) -> tuple[str, ...]:
    items: tuple[str, ...] = _texts(None, "a list of residues such as 'A:12-40'")(name, value)
    for item in items:
        if not _RANGE.fullmatch(item):
            raise InputError(f"'{name}' must list residues such as 'A:12', 'A:12-40' or 'A', not {shorten(item)}.")
    return items


CHECKS: dict[str, Check] = {
    "output": check_text,
    "reference": _optional(check_text),
    "replicas": _integer(1, 1024),
    "steps": _integer(1, 100_000),
    "seed": _integer(0, 2**63 - 1),
    "device": _device,
    "prior": _choice(PRIORS),
    "update": _choice(UPDATES),
    "trajectory_interval": _integer(0, 100_000),
    "map": check_text,
    "model": check_text,
    "half_maps": _optional(_texts(2, "a pair of files")),
    "restraints": check_text,
    "sequence": _optional(check_text),
    "chains": _optional(_texts(None, "a list of chain names")),
    "keep": _optional(_residues),
    "rebuild": _optional(_residues),
    "confidence": _choice(CONFIDENCES),
    "resolution": _optional(_real(0.5, 50.0, " angstrom")),
    "density_weight": _real(0.0, 1e6),
}
"""Same name, same meaning: one check for each setting, whichever jobs have it."""
