"""What to compute from which files: specifications of all kinds of job, validated and stored as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .domains import known_elsewhere, shorten
from .errors import InputError
from .inputs import input_files, is_sequence_text, with_inputs
from .settings import rows
from .specs.backmap import BackmapSpec
from .specs.common import B_FACTORS, PRIOR_NAMES, PRIORS, UPDATES, CommonSpec, JobSpec
from .specs.complete import CompleteSpec
from .specs.distances import DistancesSpec
from .specs.model import CONFIDENCES, MEASUREMENT_NAMES, MEASUREMENTS, ModelSpec
from .specs.refine import RefineSpec

__all__ = [
    "B_FACTORS",
    "CONFIDENCES",
    "MEASUREMENTS",
    "MEASUREMENT_NAMES",
    "PRIORS",
    "PRIOR_NAMES",
    "SPEC_VERSION",
    "UPDATES",
    "BackmapSpec",
    "CommonSpec",
    "CompleteSpec",
    "DistancesSpec",
    "JobSpec",
    "ModelSpec",
    "RefineSpec",
    "Spec",
    "from_dict",
    "from_json",
    "input_files",
    "is_sequence_text",
    "plain_elsewhere",
    "read_json",
    "specification_of",
    "specifications",
    "to_dict",
    "to_json",
    "with_inputs",
]

SPEC_VERSION = 1
"""Version stamp of stored specifications; raised when a field changes its meaning."""

_MAX_JSON_CHARACTERS = 10_000_000

Spec = CompleteSpec | RefineSpec | DistancesSpec | BackmapSpec

_SPECIFICATIONS: dict[str, type[Spec]] = {
    specification.kind: specification for specification in (RefineSpec, CompleteSpec, DistancesSpec, BackmapSpec)
}


def specifications() -> tuple[type[Spec], ...]:
    """Specifications of all kinds of job, in the order in which they are offered."""
    return tuple(_SPECIFICATIONS.values())


def specification_of(kind: str) -> type[Spec]:
    """Specification of a kind of job.

    Raises
    ------
    KeyError
        If there is no such kind.
    """
    return _SPECIFICATIONS[kind]


def to_dict(spec: Spec) -> dict[str, Any]:
    """Plain values of a specification, with its ``version`` and ``kind``."""
    return _plain(type(spec), {field.name: getattr(spec, field.name) for field in fields(spec)})


def from_dict(data: object) -> Spec:
    """Specification from the plain values that `to_dict` gives.

    Raises
    ------
    InputError
        If the version or kind is unknown, a field is unknown or missing, or a value is not acceptable.
    """
    specification, settings = _settings(data)
    return specification(**settings)


def plain_elsewhere(data: object) -> dict[str, Any]:
    """Plain values of a job that another Python environment will compute: checked, and defaults filled in.

    Names of priors and measurements may be any word, since the plug-ins of that environment are not known here; it
    checks them itself.

    Raises
    ------
    InputError
        As `from_dict`.
    """
    specification, settings = _settings(data)
    checked = {
        row.name: known_elsewhere(row.setting.domain).check(row.name, settings.get(row.name, row.default))
        for row in rows(specification)
    }
    return _plain(specification, checked)


def _settings(data: object) -> tuple[type[Spec], dict[str, Any]]:
    """Kind of job and settings in plain values, the required ones among them."""
    if not isinstance(data, Mapping):
        raise InputError("A job specification must be a JSON object with named settings.")
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InputError("The job specification has no valid 'version'; write the job again.")
    if version > SPEC_VERSION:
        raise InputError(
            f"The job specification has version {version}, but this program reads versions up to "
            f"{SPEC_VERSION}; update ADP-3D."
        )
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in _SPECIFICATIONS:
        raise InputError(f"Unknown kind of job {shorten(kind)}; use one of {', '.join(_SPECIFICATIONS)}.")
    spec_type = _SPECIFICATIONS[kind]
    settings = {name: value for name, value in data.items() if name not in ("version", "kind")}
    known = [field.name for field in fields(spec_type)]
    for name in settings:
        if name not in known:
            raise InputError(f"A {kind} job has no setting {shorten(name)}{_suggestion(name, known)}.")
    missing = [row.name for row in rows(spec_type) if row.required and row.name not in settings]
    if missing:
        raise InputError(f"A {kind} job needs the setting {', '.join(repr(name) for name in missing)}.")
    return spec_type, settings


def to_json(spec: Spec) -> str:
    """Specification as indented JSON text."""
    return json.dumps(to_dict(spec), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> Spec:
    """Specification from JSON text.

    Raises
    ------
    InputError
        If the text is not JSON, repeats a setting, or `from_dict` refuses it.
    """
    return from_dict(read_json(text))


def read_json(text: str) -> Any:
    """Plain values in the JSON text of a specification.

    Raises
    ------
    InputError
        If the text is not JSON, or repeats a setting.
    """
    if len(text) > _MAX_JSON_CHARACTERS:
        raise InputError("The job specification is far too long to be one; check the file.")
    try:
        return json.loads(text, object_pairs_hook=_unique_keys)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError("The job specification is not valid JSON; write the job again.") from error


def _plain(specification: type[Spec], settings: Mapping[str, Any]) -> dict[str, Any]:
    values = ((field.name, settings[field.name]) for field in fields(specification))
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values}
    return {"version": SPEC_VERSION, "kind": specification.kind, **plain}


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise InputError("The job specification gives one setting twice; remove the repetition.")
    return data


def _suggestion(name: object, known: list[str]) -> str:
    import difflib  # only needed to word an error

    close = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f" (settings: {', '.join(known)})"
