"""Job specifications: what to compute from which files, validated and stored as JSON.

Each kind of job has a class; each of its fields is one row of the table of settings (`adp3d.contract.settings`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from . import plugins
from .domains import (
    Choice,
    Device,
    File,
    Flag,
    Integer,
    Names,
    Optional,
    Plugin,
    Real,
    Requests,
    Residues,
    SequenceText,
    TwoFiles,
    bare,
    shorten,
)
from .errors import InputError
from .kinds import COMPLETE, DISTANCES, REFINE
from .requests import parse_request
from .settings import OUTPUT, SAMPLING, Setting, declare, rows

__all__ = [
    "B_FACTORS",
    "CONFIDENCES",
    "PRIORS",
    "SPEC_VERSION",
    "UPDATES",
    "CommonSpec",
    "CompleteSpec",
    "DistancesSpec",
    "ModelSpec",
    "RefineSpec",
    "Spec",
    "from_dict",
    "from_json",
    "input_files",
    "is_sequence_text",
    "specifications",
    "to_dict",
    "to_json",
    "with_inputs",
]

SPEC_VERSION = 1
"""Version stamp of stored specifications; raised when a field changes its meaning."""

CONFIDENCES = ("none", "modelangelo", "plddt", "bfactor")
"""How the B-factor column of the starting model is read."""

PRIORS = ("builtin", "builtin-nomap", "builtin-nosequence", "builtin-plain", "gaussian")
"""Names of the priors; `adp3d.prior.registry` has what they stand for, but is heavy to import."""

UPDATES = ("proximal", "gradient")
"""How the solver moves towards the measurements at each step."""

B_FACTORS = ("plausible", "confidence")
"""What the B-factor column of a result holds."""

_MAX_JSON_CHARACTERS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class CommonSpec:
    """Settings that every kind of job has; each field says what it means, and what it may be.

    Raises
    ------
    InputError
        If a value has the wrong type or lies outside its range.
    """

    kind: ClassVar[str]

    output: str = declare(
        Setting(
            File(),
            "Job folder. Default: named after the input.",
            OUTPUT,
            flags=("--output", "-o"),
            metavar="FOLDER",
            keyword="folder",
            checked=False,
            meaning="job folder",
        )
    )
    reference: str | None = declare(
        Setting(
            Optional(File()),
            "Deposited model, only to report the RMSD to it; it does not influence the result.",
            metavar="FILE",
            meaning="model to compare the result with",
        ),
        None,
    )
    replicas: int = declare(
        Setting(
            Integer(1, 1024),
            "Independent samples computed side by side; their spread gives the confidence.",
            SAMPLING,
            flags=("--replicas", "-r"),
            label="Replicas",
            always=True,
            remembered=True,
            meaning="independent attempts",
        ),
        8,
    )
    steps: int = declare(
        Setting(
            Integer(1, 100_000),
            "Denoising steps: more take longer and usually fit better.",
            SAMPLING,
            flags=("--steps", "-n"),
            label="Steps",
            step=20,
            always=True,
            remembered=True,
            meaning="denoising steps",
        ),
        200,
    )
    seed: int = declare(
        Setting(
            Integer(0, 2**63 - 1),
            "Seed of the random numbers: the same seed repeats a run.",
            SAMPLING,
            label="Seed",
            checked=False,
            meaning="seed of the random numbers",
        ),
        0,
    )
    device: str = declare(
        Setting(
            Device(),
            "Where to compute: auto, cpu, cuda, cuda:N or mps; 'auto' takes a graphics card if there is one.",
            SAMPLING,
            flags=("--device", "-d"),
            metavar="NAME",
            label="Device",
            remembered=True,
            meaning="`auto`, `cpu`, `cuda`, `cuda:N` or `mps`",
        ),
        "auto",
    )
    prior: str = declare(
        Setting(
            Plugin(PRIORS, plugins.PRIORS),
            "Prior: what the program knows about proteins.",
            SAMPLING,
            metavar="NAME",
            meaning="[name of the prior](../theory/priors.md)",
        ),
        "builtin",
    )
    update: str = declare(
        Setting(
            Choice(UPDATES),
            "How each step moves towards the measurements: 'proximal' solves for the best compromise, "
            "'gradient' takes gradient steps with momentum as in the ADP-3D paper.",
            SAMPLING,
            metavar="RULE",
            checked=False,
            meaning="`proximal` or `gradient`",
        ),
        "proximal",
    )
    b_factors: str = declare(
        Setting(
            Choice(B_FACTORS),
            "B-factor column of the result: 'plausible' B-factors suit refinement programs; the 'confidence', 0 to "
            "100, is in the file in either case.",
            OUTPUT,
            metavar="KIND",
            checked=False,
            meaning="[B-factor column](results.md#b-factors-and-confidence) of the result: `plausible` or `confidence`",
        ),
        "plausible",
    )
    trajectory_interval: int = declare(
        Setting(
            Integer(0, 100_000),
            "Steps between stored frames of the trajectory; 0 stores none.",
            OUTPUT,
            flags=("--trajectory",),
            metavar="STEPS",
            checked=False,
            meaning="steps between stored frames; 0 stores none",
        ),
        5,
    )

    def __post_init__(self) -> None:
        for row in rows(type(self)):
            object.__setattr__(self, row.name, row.setting.domain.check(row.name, getattr(self, row.name)))


@dataclass(frozen=True, kw_only=True)
class ModelSpec(CommonSpec):
    """Settings of jobs that start from a model."""

    model: str = declare(
        Setting(
            File(),
            "Incomplete model: mmCIF or PDB, may be compressed.",
            argument=2,
            metavar="MODEL",
            keyword=None,
        )
    )
    sequence: str | None = declare(
        Setting(
            Optional(SequenceText(), "the model's records"),
            "Full sequence: a FASTA file, or the one-letter codes. Default: the model's own records.",
            flags=("--sequence", "-s"),
            metavar="FILE|LETTERS",
            meaning="FASTA file, model file, or letters",
        ),
        None,
    )
    chains: tuple[str, ...] | None = declare(
        Setting(
            Optional(Names("a list of chain names"), "all protein chains"),
            "Chains to work on, such as A,B. Default: all protein chains.",
            flags=("--chains", "-c"),
            metavar="A,B,...",
            label="Chains",
            meaning="names separated by commas",
        ),
        None,
    )
    confidence: str = declare(
        Setting(
            Choice(CONFIDENCES),
            "What the model's B-factor column says: nothing of interest ('none'), ModelAngelo's confidence or pLDDT, "
            "which run from 0 to 100, or B-factors in A^2. Badly supported parts may move or are rebuilt.",
            metavar="KIND",
            label="B-factors are",
            remembered=True,
            meaning="`none`, `modelangelo`, `plddt` or `bfactor`",
        ),
        "none",
    )
    keep: tuple[str, ...] | None = declare(
        Setting(
            Optional(Residues()),
            "Residues whose atoms stay exactly where they are: numbers, ranges, or whole chains.",
            flags=("--keep", "-k"),
            metavar="A:12-40,...",
            label="Keep",
            meaning="residues whose atoms stay where they are: `A:12-40,B:7,C`",
        ),
        None,
    )
    measure: tuple[str, ...] | None = declare(
        Setting(
            Optional(Requests()),
            "A further measurement: its name, @ and its file if it has one, and what else it takes, such as "
            "distances@crosslinks.csv. May be repeated.",
            metavar="NAME[@FILE]",
            label="Measure",
            checked=False,
            meaning="[further measurement](input.md#further-measurements): `distances@crosslinks.csv`; may be repeated",
        ),
        None,
    )
    rebuild: tuple[str, ...] | None = declare(
        Setting(
            Optional(Residues()),
            "Residues to build anew; all else of their chains stays exactly where it is, and gaps elsewhere stay "
            "open. Without a choice of chains, other chains stay too.",
            metavar="A:39-48,...",
            keyword=None,
            meaning="stretches to build anew; all else of their chains stays: `A:39-48`",
        ),
        None,
    )
    keep_types: bool = declare(
        Setting(
            Flag(),
            "Keep residues whose type differs from the sequence, with all their atoms. By default they get the type "
            "of the sequence, their side chains cut to CB.",
            meaning="residues whose type differs from the sequence keep it, and their atoms",
        ),
        False,
    )


@dataclass(frozen=True, kw_only=True)
class CompleteSpec(ModelSpec):
    """Complete a partial model without a map."""

    kind: ClassVar[str] = COMPLETE.name


@dataclass(frozen=True, kw_only=True)
class RefineSpec(ModelSpec):
    """Complete and refine a model, placed in a cryo-EM map."""

    kind: ClassVar[str] = REFINE.name

    map: str = declare(
        Setting(
            File(),
            "Density map: MRC or CCP4, may be compressed.",
            argument=1,
            metavar="MAP",
            keyword="inMap",
        )
    )
    half_maps: tuple[str, str] | None = declare(
        Setting(
            Optional(TwoFiles()),
            "The two half maps; they give the noise of each resolution shell.",
            metavar="FILE FILE",
            label="Half maps",
            meaning="two files",
        ),
        None,
    )
    resolution: float | None = declare(
        Setting(
            Optional(Real(0.5, 50.0, "angstrom"), "estimated"),
            "Resolution of the map in angstrom. Default: estimated from the map.",
            metavar="ANGSTROM",
            label="Resolution",
            step=0.1,
            meaning="in angstrom, 0.5 to 50",
        ),
        None,
    )
    density_weight: float = declare(
        Setting(
            Real(0.0, 1e6),
            "Factor on the weight of the map; 1 trusts the estimated noise.",
            label="Map weight",
            step=0.25,
            checked=False,
            steerable=True,
            meaning="factor on the weight of the map",
        ),
        1.0,
    )


@dataclass(frozen=True, kw_only=True)
class DistancesSpec(CommonSpec):
    """Fold a sequence from distances between residues."""

    kind: ClassVar[str] = DISTANCES.name

    restraints: str = declare(
        Setting(
            File(),
            "Distances: CSV of residue pairs, NMR-STAR, NEF or XPLOR table.",
            argument=1,
            metavar="RESTRAINTS",
        )
    )
    sequence: str = declare(
        Setting(
            SequenceText(),
            "Sequence: a FASTA file, or the one-letter codes.",
            flags=("--sequence", "-s"),
            metavar="FILE|LETTERS",
            keyword=None,
            meaning="FASTA file, model file, or letters",
        )
    )


Spec = CompleteSpec | RefineSpec | DistancesSpec

_SPECIFICATIONS: dict[str, type[Spec]] = {
    specification.kind: specification for specification in (RefineSpec, CompleteSpec, DistancesSpec)
}


def specifications() -> tuple[type[Spec], ...]:
    """Specifications of all kinds of job, in the order in which they are offered."""
    return tuple(_SPECIFICATIONS.values())


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
    for row in rows(type(spec)):
        domain, value = bare(row.setting.domain), getattr(spec, row.name)
        if isinstance(domain, Requests) and value is not None:
            asked = [request.file for request in map(parse_request, value) if request.file is not None]
            if asked:
                files[row.name] = tuple(asked)
            continue
        if value is None or row.name == "output" or not isinstance(domain, File | TwoFiles | SequenceText):
            continue
        if isinstance(domain, SequenceText) and is_sequence_text(value):
            continue
        files[row.name] = value if isinstance(value, tuple) else (value,)
    return files


def with_inputs(spec: Spec, files: Mapping[str, tuple[str, ...]], output: str) -> Spec:
    """Replace the input files (named as by `input_files`) and the folder of a job."""
    domains = {row.name: bare(row.setting.domain) for row in rows(type(spec))}
    changes: dict[str, object] = {}
    for name, paths in files.items():
        if isinstance(domains[name], Requests):
            left = iter(paths)
            asked = (parse_request(text) for text in getattr(spec, name))
            changes[name] = tuple(
                str(request if request.file is None else replace(request, file=next(left))) for request in asked
            )
        else:
            changes[name] = paths if isinstance(domains[name], TwoFiles) else paths[0]
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
