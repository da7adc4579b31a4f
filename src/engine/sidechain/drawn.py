"""Side chains drawn from the diffusion as torsions, which follow the backbones that they are put on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..prior.builtin.density_grids import DensityGrids
from .build import build_from_unit_vectors, measure_deviation
from .geometry_table import geometry_table
from .measure import measure_chi
from .network import SideChainModel
from .sampling import Sampler
from .scene import Scene
from .templates import BACKBONE, CHIS, RESIDUE_NAMES, TEMPLATES

__all__ = ["DrawnSideChains", "SideChainSource"]

_FIRST = len(BACKBONE)
_NEXT_SAMPLE, _NEXT_DRAW = 1_000_003, 15_485_867
"""Added to the seed for each further sample, and for each further draw."""


@dataclass(frozen=True)
class DrawnSideChains:
    """S side chains of each of N residues for each of R replicas.

    Attributes
    ----------
    aatype : Tensor of int64, shape (N,)
        Rows of `adp3d.sidechain.templates.RESIDUE_NAMES`.
    turns : Tensor, shape (R, S, N, 4, 2)
        Cosine and sine of the torsions.
    deviation : Tensor, shape (R, S, N, 10, 3)
        As `adp3d.sidechain.build.build_side_chains` takes them.
    """

    aatype: Tensor
    turns: Tensor
    deviation: Tensor

    def on(self, x: Tensor) -> Tensor:
        """All heavy atoms, backbones first, on backbones x (R, N, 4, 3) in angstrom: (R, S, A, 3), differentiable."""
        backbone = x[:, None].expand(-1, self.turns.shape[1], -1, -1, -1)
        aatype = self.aatype.expand(backbone.shape[:3])
        atoms = build_from_unit_vectors(backbone, aatype, self.turns, self.deviation)
        exists = geometry_table(x.dtype, x.device).exists[self.aatype]
        return torch.cat([backbone.flatten(2, 3), atoms[:, :, :, _FIRST:][:, :, exists]], 2)

    @staticmethod
    def elements(aatype: Tensor) -> list[str]:
        """Elements of the A atoms that `on` gives, for residue types (N,)."""
        templates = [TEMPLATES[RESIDUE_NAMES[kind]] for kind in aatype.tolist()]
        backbone = [template.elements[slot] for template in templates for slot in range(_FIRST)]
        return backbone + [element for template in templates for element in template.elements[_FIRST:]]

    @staticmethod
    def residues(aatype: Tensor) -> Tensor:
        """Residue, int64, of each of the A atoms that `on` gives, for residue types (N,)."""
        sizes = [len(TEMPLATES[RESIDUE_NAMES[kind]].elements) - _FIRST for kind in aatype.tolist()]
        rows = torch.arange(len(sizes))
        return torch.cat([rows.repeat_interleave(_FIRST), rows.repeat_interleave(torch.tensor(sizes))])


@dataclass(frozen=True)
class SideChainSource:
    """What side chains of N residues are drawn from, p(chi | backbone, sequence, map).

    Attributes
    ----------
    model : SideChainModel
        On the CPU.
    aatype, chain_index, residue_index : Tensor of int64, shape (N,)
        As of `adp3d.sidechain.scene.Scene`.
    known : Tensor of bool, shape (N,)
        Residues whose side chains are those of ``atoms``, and follow their backbones.
    atoms : Tensor, shape (N, 14, 3)
        In angstrom, atom14 order; anything where nothing is known.
    grids : DensityGrids or None
        One map, for one example.
    seed : int
    samples : int
        S.
    steps : int
        Of each draw.
    """

    model: SideChainModel
    aatype: Tensor
    chain_index: Tensor
    residue_index: Tensor
    known: Tensor
    atoms: Tensor
    grids: DensityGrids | None = None
    seed: int = 0
    samples: int = 1
    steps: int = 4

    def draw(self, x: Tensor, number: int) -> DrawnSideChains:
        """Draw for backbones x (R, N, 4, 3) in angstrom.

        All replicas get the same random numbers, so that it makes no difference which are drawn for together, and the
        same ``number`` always the same ones, so that a run can go on where it was stopped.
        """
        own_turns, own_deviation = self._own()
        backbone = x.detach().cpu().float()
        sampler = Sampler(self.model, self._scene(backbone, own_turns, own_deviation), self.samples)
        seeds = [self.seed + _NEXT_DRAW * number + _NEXT_SAMPLE * k for k in range(self.samples)]
        generators = [torch.Generator().manual_seed(seed) for _ in range(len(x)) for seed in seeds]
        decoded = sampler.decoded(sampler.draw(sampler.all_hidden(), generators, self.steps).tokens)
        known = self.known[:, None, None]
        turns = torch.where(known, own_turns, decoded.turns[..., :CHIS, :])
        deviation = torch.where(known, own_deviation, decoded.deviation)
        shape = (len(x), self.samples)
        return DrawnSideChains(
            self.aatype.to(x.device), turns.unflatten(0, shape).to(x), deviation.unflatten(0, shape).to(x)
        )

    def _own(self) -> tuple[Tensor, Tensor]:
        """Torsions (N, 4, 2) as unit vectors, and deviations (N, 10, 3), of known side chains."""
        # those of a residue without any come from atoms on one spot: finite, and of no account
        chi, _ = measure_chi(self.atoms, self.aatype)
        return torch.stack([chi.cos(), chi.sin()], -1), measure_deviation(self.atoms, self.aatype, chi)

    def _scene(self, backbone: Tensor, turns: Tensor, deviation: Tensor) -> Scene:
        replicas = len(backbone)

        def all_of(values: Tensor) -> Tensor:
            return values.expand(replicas, *values.shape)

        atoms = build_from_unit_vectors(backbone, all_of(self.aatype), all_of(turns), all_of(deviation))
        grids = self.grids
        if grids is not None:
            grids = replace(grids, map_of=(0,) * replicas, origin=grids.origin[:1].expand(replicas, -1))
        everywhere = torch.ones(replicas, len(self.aatype), dtype=torch.bool)
        return Scene(
            atoms=atoms,
            has_backbone=everywhere,
            shown=all_of(geometry_table().exists[self.aatype] & self.known[:, None]),
            known=all_of(self.known),
            aatype=all_of(self.aatype),
            chain_index=all_of(self.chain_index),
            residue_index=all_of(self.residue_index),
            present=everywhere,
            density=grids,
        )
