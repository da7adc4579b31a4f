"""Settings of scoring, which is no job: it answers at once and keeps no folder."""

from __future__ import annotations

from dataclasses import dataclass

from ..domains import Choice, Integer, ModelFile, Optional, Real, Text
from ..errors import InputError
from ..settings import INPUT, SAMPLING, Setting, declare, rows
from .model import SEQUENCE_MODELS, ModelSpec, check_sequence_model

__all__ = ["INTEGRATORS", "METHODS", "ScoreSettings", "Sides", "sides_of"]

METHODS = ("denoising", "flow", "path", "sequence")
"""How energies are computed."""
INTEGRATORS = ("euler", "heun", "rk4")
"""How the probability flow is followed."""

_SHARED = {row.name: row.setting for row in rows(ModelSpec)}


@dataclass(frozen=True)
class Sides(Text):
    """Chains on either side of an interface, such as ``A:B`` or ``H,L:A``."""

    def check(self, name: str, value: object) -> str:
        """See `Domain.check`."""
        text = super().check(name, value)
        parts = [[chain.strip() for chain in side.split(",") if chain.strip()] for side in text.split(":")]
        named = [chain for side in parts for chain in side]
        if len(parts) != 2 or not all(parts) or len(set(named)) != len(named):
            raise InputError(f"'{name}' {text} does not name two sides: give chains such as A:B or H,L:A.")
        return ":".join(",".join(side) for side in parts)


def sides_of(interface: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Chains on either side of an interface, from a text that `Sides` has checked."""
    first, second = interface.split(":")
    return tuple(first.split(",")), tuple(second.split(","))


@dataclass(frozen=True, kw_only=True)
class ScoreSettings:
    """How models are scored; each field says what it means, and what it may be.

    Raises
    ------
    InputError
        If a value has the wrong type or lies outside its range.
    """

    interface: str | None = declare(
        Setting(
            Optional(Sides()),
            "Chains on either side of an interface, such as A:B, or H,L:A for two against one. The energy is that of "
            "either side beside the other, less that of the side alone.",
            INPUT,
            metavar="A:B",
        ),
        None,
    )
    reference: str | None = declare(
        Setting(
            Optional(ModelFile()),
            "Known answer, for CA RMSDs and a plot of energies against them.",
            INPUT,
            metavar="MODEL",
        ),
        None,
    )
    method: str = declare(
        Setting(
            Choice(METHODS),
            "How the energy is computed: errors of denoising, the probability flow (with gradients), or paths; "
            "'sequence' is -log p(sequence | structure) by a design network instead.",
            SAMPLING,
        ),
        "denoising",
    )
    steps: int = declare(Setting(Integer(2, 10_000), "Noise levels.", SAMPLING, flags=("--steps", "-n")), 40)
    draws: int = declare(
        Setting(Integer(1, 10_000), "Sets of noise, probes of the flow, paths, or orders of the sequence.", SAMPLING), 2
    )
    lowest: float = declare(Setting(Real(0.0, 0.9), "Diffusion time at which the integral ends.", SAMPLING), 0.05)
    integrator: str = declare(
        Setting(
            Choice(INTEGRATORS),
            "How the method 'flow' takes its steps: with one, two or four calls of the network each, of first, second "
            "and fourth order.",
            SAMPLING,
        ),
        "heun",
    )
    settle: float = declare(
        Setting(
            Real(0.0, 0.9),
            "Diffusion time that models are brought down from before they are judged, so that they are compared by "
            "their folds and not by how they were made, such as 0.4; 0 takes them as they are.",
            SAMPLING,
        ),
        0.0,
    )
    # the same rows as of jobs
    sequence_weight: float = declare(_SHARED["sequence_weight"], 0.0)
    sequence_model: str = declare(_SHARED["sequence_model"], SEQUENCE_MODELS[0])
    prior: str = declare(_SHARED["prior"], "builtin")
    seed: int = declare(_SHARED["seed"], 0)
    device: str = declare(_SHARED["device"], "auto")

    def __post_init__(self) -> None:
        for row in rows(type(self)):
            object.__setattr__(self, row.name, row.setting.domain.check(row.name, getattr(self, row.name)))
        if self.settle > 0 and (self.interface is not None or self.method == "sequence"):
            what = "interfaces, whose sides stay as they are" if self.interface is not None else "the sequence"
            raise InputError(f"'settle' is for energies of whole models, not for {what}: leave it out.")
        if self.sequence_weight > 0 and self.method == "sequence":
            raise InputError(
                "'sequence_weight' is of what is added to the energy of a prior, and the method 'sequence' asks none: "
                "leave it out."
            )
        counts = self.sequence_weight > 0 or self.method == "sequence"
        check_sequence_model(self.sequence_model, counts, "give 'sequence_weight', or the 'method' sequence")
