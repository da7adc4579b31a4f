"""What a side-chain model is shown: backbones or CA traces, types, known side chains and maps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..prior.builtin.density_grids import DensityGrids
from ..prior.builtin.geometry import residue_axes
from .geometry_table import geometry_table

__all__ = ["Scene", "at_offset", "residue_frame"]


@dataclass(frozen=True)
class Scene:
    """B examples of N residues, in the order of their chains.

    Attributes
    ----------
    atoms : Tensor, shape (B, N, 14, 3)
        In angstrom, atom14 order; CA always counts, N, C and O where there is a backbone, side-chain atoms where shown.
    has_backbone : Tensor of bool, shape (B, N)
        N, C and O are given; without, only CA is.
    shown : Tensor of bool, shape (B, N, 10)
        Side-chain atoms that may be looked at.
    known : Tensor of bool, shape (B, N)
        Residues whose side chains are given and stay.
    aatype : Tensor of int64, shape (B, N)
        Rows of `adp3d.sidechain.templates.RESIDUE_NAMES`.
    chain_index, residue_index : Tensor of int64, shape (B, N)
        Chain, and position on its sequence; residues are bonded where the latter rises by one in a chain.
    present : Tensor of bool, shape (B, N)
        False for padding.
    density : DensityGrids or None
        Maps that some or all of the examples see.
    """

    atoms: Tensor
    has_backbone: Tensor
    shown: Tensor
    known: Tensor
    aatype: Tensor
    chain_index: Tensor
    residue_index: Tensor
    present: Tensor
    density: DensityGrids | None = None

    @property
    def bonded(self) -> Tensor:
        """Whether each residue is bonded to the next one, (B, N)."""
        return at_offset(self, self.atoms[..., 1, :], 1)[1]

    @property
    def free(self) -> Tensor:
        """Residues that leave something to decide: torsions of a side chain that is not known, or of a CA trace."""
        turns = geometry_table(device=self.aatype.device).chi_exists[self.aatype].any(-1) & ~self.known
        return self.present & (turns | ~self.has_backbone)


def at_offset(scene: Scene, values: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """Values (B, N, ...) of the residues ``step`` further along the chain, and whether there are any, (B, N)."""
    n = scene.aatype.shape[1]
    source = torch.arange(n, device=values.device) + step
    inside = (source >= 0) & (source < n)
    source = source.clamp(0, n - 1)
    same = (
        inside
        & scene.present
        & scene.present[:, source]
        & (scene.chain_index[:, source] == scene.chain_index)
        & (scene.residue_index[:, source] == scene.residue_index + step)
    )
    return values[:, source], same


def residue_frame(scene: Scene) -> tuple[Tensor, Tensor]:
    """Orthonormal frame of each residue: from N, CA and C, or from three CA of the trace where those lack.

    A residue of a trace without neighbours has no orientation: its frame is arbitrary.

    Returns
    -------
    rotation : Tensor, shape (B, N, 3, 3)
        Columns are the local axes.
    origin : Tensor, shape (B, N, 3)
        CA, in angstrom.
    """
    ca = scene.atoms[..., 1, :]
    near = {step: at_offset(scene, ca, step) for step in (-2, -1, 1, 2)}
    arbitrary = ca.new_tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    first, second = ca + arbitrary[0], ca + arbitrary[1]
    # the nearest ones last, as they replace what is further away
    for one, other in ((-1, -2), (1, 2), (-1, 1)):
        both = (near[one][1] & near[other][1])[..., None]
        first, second = torch.where(both, near[one][0], first), torch.where(both, near[other][0], second)
    traced = torch.stack([first, ca, second, second], -2)
    backbone = torch.where(scene.has_backbone[..., None, None], scene.atoms[..., :4, :], traced)
    return residue_axes(backbone)
