"""Settings that every kind of job has, and those of all that sample backbones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .. import plugins
from ..domains import Choice, Device, Folder, Integer, ModelFile, Optional, Plugin
from ..kinds import KINDS
from ..settings import OUTPUT, SAMPLING, Setting, declare, rows

__all__ = ["B_FACTORS", "PRIORS", "PRIOR_NAMES", "UPDATES", "CommonSpec", "JobSpec"]

PRIORS = ("builtin", "builtin-nomap", "builtin-nosequence", "builtin-plain", "chroma", "gaussian", "rfdiffusion")
"""Names of the priors; `adp3d.prior.registry` has what they stand for, but is heavy to import."""

PRIOR_NAMES = Plugin(PRIORS, plugins.PRIORS)
"""Names of all priors, those of other packages included."""

UPDATES = ("proximal", "gradient")
"""How the solver moves towards the measurements at each step."""

B_FACTORS = ("plausible", "confidence")
"""What the B-factor column of a result holds."""


_USUAL_STEPS = ", ".join(f"{kind.name} {kind.steps}" for kind in KINDS.values() if kind.samples_backbones)


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """Settings that every kind of job has; each field says what it means, and what it may be.

    Raises
    ------
    InputError
        If a value has the wrong type or lies outside its range.
    """

    kind: ClassVar[str]

    output: str = declare(
        Setting(
            Folder(),
            "Job folder. Default: named after the input.",
            OUTPUT,
            flags=("--output", "-o"),
            metavar="FOLDER",
            keyword="folder",
            meaning="job folder",
        )
    )
    seed: int = declare(
        Setting(
            Integer(0, 2**63 - 1),
            "Seed of the random numbers: the same seed repeats a run.",
            SAMPLING,
            label="Seed",
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
            meaning="where to compute; `auto` takes a graphics card if there is one",
        ),
        "auto",
    )

    def __post_init__(self) -> None:
        for row in rows(type(self)):
            object.__setattr__(self, row.name, row.setting.domain.check(row.name, getattr(self, row.name)))


@dataclass(frozen=True, kw_only=True)
class CommonSpec(JobSpec):
    """Settings that every kind of job has that samples backbones with a prior."""

    reference: str | None = declare(
        Setting(
            Optional(ModelFile()),
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
            Optional(Integer(1, 100_000), _USUAL_STEPS),
            f"Denoising steps. Default: {_USUAL_STEPS}.",
            SAMPLING,
            flags=("--steps", "-n"),
            label="Steps",
            step=20,
            always=True,
            remembered=True,
            meaning="denoising steps",
        ),
        None,
    )
    prior: str = declare(
        Setting(
            PRIOR_NAMES,
            "Prior: what the program knows about proteins.",
            SAMPLING,
            metavar="NAME",
            label="Prior",
            remembered=True,
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
            meaning="[how each step moves](../theory/method.md) towards the measurements",
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
            meaning="[B-factor column](results.md#b-factors-and-confidence) of the result",
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
            meaning="steps between stored frames; 0 stores none",
        ),
        5,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps is None:
            object.__setattr__(self, "steps", KINDS[self.kind].steps)
