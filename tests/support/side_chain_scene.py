"""Scenes made of the demo's model, and small side-chain networks."""

from __future__ import annotations

import torch
from atom14_model import demo_atom14

from adp3d.sidechain.geometry_table import geometry_table
from adp3d.sidechain.network import SideChainConfig, SideChainModel
from adp3d.sidechain.scene import Scene

SMALL = SideChainConfig(
    width=24, pair_width=8, neighbours=8, encoder_blocks=1, decoder_blocks=1, denoiser_blocks=1, levels=(4, 4),
    density_width=0,
)  # fmt: skip


def demo_scene(count: int = 40, *, trace: bool = False, known: tuple[int, ...] = ()) -> Scene:
    """The first residues of the demo, with side chains in view where known."""
    xyz, aatype, present = (part[None, :count] for part in demo_atom14(torch.float32))
    xyz = xyz - xyz[:, :, 1].mean(1, keepdim=True)[:, :, None]
    given = torch.zeros(1, count, dtype=torch.bool)
    given[0, list(known)] = True
    number = torch.arange(count)[None]
    return Scene(
        atoms=xyz,
        has_backbone=torch.full((1, count), not trace),
        shown=present[..., 4:] & geometry_table().exists[aatype] & given[..., None],
        known=given,
        aatype=aatype,
        chain_index=torch.zeros_like(number),
        residue_index=number,
        present=torch.ones(1, count, dtype=torch.bool),
    )


def small_model(seed: int = 0) -> SideChainModel:
    torch.manual_seed(seed)
    return SideChainModel(SMALL).eval()
