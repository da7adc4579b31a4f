"""Job specifications: what to compute from which files, validated and stored as JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from .errors import InputError
from .setting_checks import CHECKS, CONFIDENCES, PRIORS, UPDATES, check_text, shorten

__all__ = [
    "CONFIDENCES",
    "PRIORS",
    "SPEC_VERSION",
    "UPDATES",
    "CommonSpec",
    "CompleteSpec",
    "DistancesSpec",
    "RefineSpec",
    "Spec",
    "from_dict",
    "from_json",
    "input_files",
    "is_sequence_text",
    "to_dict",
    "to_json",
    "with_inputs",
]

SPEC_VERSION = 1
"""Version stamp of stored specifications; raised when a field changes its meaning."""

_MAX_JSON_CHARACTERS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class CommonSpec:
    """Settings that every kind of job has.

    Parameters
    ----------
    output : str
        Job folder.
    reference : str or None
        Deposited model, used only for the RMSD figures in the report.
    replicas : int
        Independent samples computed side by side, 1 to 1024.
    steps : int
        Denoising steps, 1 to 100,000.
    seed : int
        Seed of the random numbers, 0 to 2^63 - 1.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    prior : str
        One of `PRIORS`.
    update : str
        One of `UPDATES`.
    trajectory_interval : int
        Steps between stored trajectory frames; 0 stores none.

    Raises
    ------
    InputError
        If a value has the wrong type or lies outside its range.
    """

    kind: ClassVar[str]

    output: str
    reference: str | None = None
    replicas: int = 8
    steps: int = 200
    seed: int = 0
    device: str = "auto"
    prior: str = "builtin"
    update: str = "proximal"
    trajectory_interval: int = 5

    def __post_init__(self) -> None:
        for field in fields(self):
            checked = CHECKS[field.name](field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, checked)


@dataclass(frozen=True, kw_only=True)
class CompleteSpec(CommonSpec):
    """Complete a partial model without a map.

    Parameters
    ----------
    model : str
        Incomplete model (mmCIF or PDB).
    sequence : str or None
        Sequence file, or the one-letter codes themselves; ``None`` takes the model's own records.
    chains : tuple of str or None
        Chains to work on; ``None`` means every protein chain.
    confidence : str
        One of `CONFIDENCES`.
    keep : tuple of str or None
        Residues whose atoms stay exactly where they are: ``A:12``, ``A:12-40`` or a whole chain ``A``.
    rebuild : tuple of str or None
        Stretches to build anew, written alike; all else of their chains stays exactly where it is, and gaps
        elsewhere stay open. Without `chains`, these chains are the job's.
    """

    kind: ClassVar[str] = "complete"

    model: str
    sequence: str | None = None
    chains: tuple[str, ...] | None = None
    confidence: str = "none"
    keep: tuple[str, ...] | None = None
    rebuild: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class RefineSpec(CommonSpec):
    """Complete and refine a model in a cryo-EM map.

    Parameters
    ----------
    map : str
        Density map (MRC/CCP4).
    model : str
        Starting model, placed in the map.
    half_maps : pair of str or None
        The two half maps, for the noise of each resolution shell.
    sequence, chains, confidence, keep, rebuild
        As in `CompleteSpec`.
    resolution : float or None
        Resolution of the map in angstrom, 0.5 to 50; ``None`` estimates it.
    density_weight : float
        Factor on the density log-likelihood, 0 to 1e6.
    """

    kind: ClassVar[str] = "refine"

    map: str
    model: str
    half_maps: tuple[str, str] | None = None
    sequence: str | None = None
    chains: tuple[str, ...] | None = None
    confidence: str = "none"
    keep: tuple[str, ...] | None = None
    rebuild: tuple[str, ...] | None = None
    resolution: float | None = None
    density_weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class DistancesSpec(CommonSpec):
    """Fold a sequence from distances between residues.

    Parameters
    ----------
    restraints : str
        Restraint file (CSV, NMR-STAR, NEF or XPLOR table).
    sequence : str
        Sequence file, or the one-letter codes themselves.
    """

    kind: ClassVar[str] = "distances"

    restraints: str
    sequence: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_text("sequence", self.sequence)


Spec = CompleteSpec | RefineSpec | DistancesSpec

_KINDS: dict[str, type[CompleteSpec] | type[RefineSpec] | type[DistancesSpec]] = {
    spec.kind: spec for spec in (CompleteSpec, RefineSpec, DistancesSpec)
}


def to_dict(spec: Spec) -> dict[str, Any]:
    """Plain values of a specification, with its ``version`` and ``kind``."""
    settings = {field.name: getattr(spec, field.name) for field in fields(spec)}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
    return {"version": SPEC_VERSION, "kind": spec.kind, **plain}


def from_dict(data: object) -> Spec:
    """Specification from the plain values that `to_dict` gives.

    Raises
    ------
    InputError
        If the version or kind is unknown, a field is unknown or missing, or a value is not acceptable.
    """
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
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InputError(f"Unknown kind of job {shorten(kind)}; use one of {', '.join(_KINDS)}.")
    spec_type = _KINDS[kind]
    settings = {name: value for name, value in data.items() if name not in ("version", "kind")}
    known = [field.name for field in fields(spec_type)]
    for name in settings:
        if name not in known:
            raise InputError(f"A {kind} job has no setting {shorten(name)}{_suggestion(name, known)}.")
    required = ("output", *(name for name in ("map", "model", "restraints") if name in known))
    required += ("sequence",) if spec_type is DistancesSpec else ()
    missing = [name for name in required if name not in settings]
    if missing:
        raise InputError(f"A {kind} job needs the setting {', '.join(repr(name) for name in missing)}.")
    return spec_type(**settings)


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
    if len(text) > _MAX_JSON_CHARACTERS:
        raise InputError("The job specification is far too long to be one; check the file.")
    try:
        data = json.loads(text, object_pairs_hook=_unique_keys)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError("The job specification is not valid JSON; write the job again.") from error
    return from_dict(data)


def input_files(spec: Spec) -> dict[str, tuple[str, ...]]:
    """Input files of a job by setting name; a sequence given as letters is not a file."""
    files: dict[str, tuple[str, ...]] = {}
    for name in ("map", "model", "half_maps", "restraints", "reference", "sequence"):
        value = getattr(spec, name, None)
        if value is None or (name == "sequence" and is_sequence_text(value)):
            continue
        files[name] = value if isinstance(value, tuple) else (value,)
    return files


def with_inputs(spec: Spec, files: Mapping[str, tuple[str, ...]], output: str) -> Spec:
    """Replace the input files (named as by `input_files`) and the folder of a job."""
    changes = {name: paths if name == "half_maps" else paths[0] for name, paths in files.items()}
    return replace(spec, output=output, **changes)  # type: ignore[arg-type]


def is_sequence_text(value: str) -> bool:
    """Whether a sequence setting holds the sequence itself rather than the path of a file.

    FASTA text starts with ``>``; otherwise letters, ``*``, ``-`` and the separators ``:``, ``,`` and
    white space make a sequence, unless a file of that name exists.
    """
    text = value.strip()
    if text.startswith(">"):
        return True
    if not re.fullmatch(r"[A-Za-z*\-:,\s]+", text):
        return False
    return len(text) > 255 or "\n" in text or not os.path.exists(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise InputError("The job specification gives one setting twice; remove the repetition.")
    return data


def _suggestion(name: object, known: list[str]) -> str:
    import difflib  # only needed to word an error

    close = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean '{close[0]}'?" if close else f" (settings: {', '.join(known)})"
