"""Refinement in a map: what it is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..domains import Choice, File, MapFile, Optional, Real, TwoMaps
from ..errors import InputError
from ..kinds import REFINE
from ..settings import Setting, declare
from ..symmetry import SymmetryText, Vector, parse_symmetry
from .model import ModelSpec

__all__ = ["DENSITY_SIDE_CHAINS", "DOCKING", "REGION", "UNSEEN", "RefineSpec"]

DOCKING = ("auto", "never", "always")
"""When a model is docked before it is refined."""

DENSITY_SIDE_CHAINS = ("average", "sampled")
"""Side chains that the map is compared with while a model is built."""

REGION = ("auto", "windows", "all")
"""Which residues are sampled."""

UNSEEN = ("leave", "build")
"""What becomes of missing residues that the map does not show."""


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
            "The two half maps; they give the noise of each resolution shell, and the weight of the map.",
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
    dock: str = declare(
        Setting(
            Choice(DOCKING),
            "Whether the model is first placed in the map: 'auto' does so where it hardly lies in density, 'always' in "
            "any case. If it is not found, nothing is built.",
            metavar="WHEN",
            label="Dock",
            meaning="whether the model is [first placed in the map](input.md#where-the-model-lies)",
        ),
        "auto",
    )
    pae: str | None = declare(
        Setting(
            Optional(File()),
            "Predicted aligned errors of the model: JSON of AlphaFold DB, AlphaFold 3 or ColabFold, npz of Boltz. They "
            "tell its domains and, with confidence 'plddt', how exact distances are, also those between chains.",
            metavar="FILE",
            label="PAE file",
            meaning="predicted aligned errors of the model (JSON or npz): its [domains](input.md#where-the-model-lies) "
            "and, with confidence `plddt`, how exact its [distances](input.md#predictions) are, also between chains",
        ),
        None,
    )
    density_weight: float | None = declare(
        Setting(
            Optional(Real(0.0, 1e6), "automatic"),
            "Factor on the weight of the map; 1 trusts the estimated noise. Default: cross-validated.",
            label="Map weight",
            step=0.25,
            steerable=True,
            meaning="factor on the weight of the map; [cross-validated](refine.md#the-weight-of-the-map) if not given",
        ),
        None,
    )
    density_side_chains: str = declare(
        Setting(
            Choice(DENSITY_SIDE_CHAINS),
            "Side chains that the map is compared with while backbones are built: 'average' ones, or in late steps "
            "'sampled' ones, drawn anew for each step by the side-chain model.",
            metavar="WHICH",
            meaning="side chains that the map is [compared with](refine.md#side-chains-in-the-likelihood) while "
            "backbones are built",
        ),
        "average",
    )
    region: str = declare(
        Setting(
            Choice(REGION),
            "Residues that are sampled: 'windows' takes those to be built and what is around them where the model fits "
            "its map, so that the others stay exactly where they are; 'auto' does so in large jobs; 'all' takes all.",
            metavar="WHICH",
            label="Region",
            meaning="residues that are sampled: all, or, where the model fits, [windows](refine.md#large-models) "
            "around those to be built; `auto` takes windows in large jobs",
        ),
        "auto",
    )
    unseen: str = declare(
        Setting(
            Choice(UNSEEN),
            "What becomes of missing residues that the map does not show: 'build' gives them a place all the same, "
            "'leave' leaves them out of the result, as gaps.",
            metavar="WHAT",
            label="Unseen",
            meaning="missing residues that [the map does not show](refine.md#what-the-map-does-not-show) get a place "
            "all the same, or are left out",
        ),
        "leave",
    )
    symmetry: str | None = declare(
        Setting(
            Optional(SymmetryText()),
            "Symmetry: copies are computed as one and written all. A group as in ChimeraX's sym command (C3, D2, T, O, "
            "I or I,n25, H,rise,angle,copies), 'model' for the group that the model's own copies form, or "
            "'assembly[:ID]' for that of its mmCIF file.",
            metavar="GROUP",
            label="Symmetry",
            meaning="[symmetry](refine.md#symmetry): copies are computed as one and written all",
        ),
        None,
    )
    symmetry_axis: tuple[float, float, float] | None = declare(
        Setting(
            Optional(Vector(directed=True), "0,0,1"),
            "Direction of the main axis of a symmetry given by its symbol. Default: z.",
            metavar="X,Y,Z",
            meaning="direction of the main axis of a symmetry given by its symbol",
        ),
        None,
    )
    symmetry_centre: tuple[float, float, float] | None = declare(
        Setting(
            Optional(Vector("angstrom"), "the map's centre"),
            "Centre of a symmetry given by its symbol, in angstrom. Default: the centre of the map.",
            metavar="X,Y,Z",
            meaning="centre of a symmetry given by its symbol, in angstrom",
        ),
        None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.symmetry_axis is None and self.symmetry_centre is None:
            return
        if self.symmetry is None or not parse_symmetry(self.symmetry).placed:
            raise InputError(
                "An axis and a centre go with a symmetry that is given by its symbol, such as C3; leave them out."
            )
