"""Refinement in a map: what it is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..domains import MapFile, Optional, Real, TwoMaps
from ..kinds import REFINE
from ..settings import Setting, declare
from .model import ModelSpec

__all__ = ["RefineSpec"]


@dataclass(frozen=True, kw_only=True)
class RefineSpec(ModelSpec):
    """Complete and refine a model, placed in a cryo-EM map."""

    kind: ClassVar[str] = REFINE.name

    map: str = declare(
        Setting(
            MapFile(),
            "Density map: MRC or CCP4, may be compressed.",
            argument=1,
            metavar="MAP",
            keyword="inMap",
        )
    )
    half_maps: tuple[str, str] | None = declare(
        Setting(
            Optional(TwoMaps()),
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
            meaning="resolution of the map",
        ),
        None,
    )
    density_weight: float = declare(
        Setting(
            Real(0.0, 1e6),
            "Factor on the weight of the map; 1 trusts the estimated noise.",
            label="Map weight",
            step=0.25,
            steerable=True,
            meaning="factor on the weight of the map",
        ),
        1.0,
    )
