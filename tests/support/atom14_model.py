"""A model from a file as atom14 arrays, by the templates' names."""

from __future__ import annotations

from pathlib import Path

import gemmi
import torch
from torch import Tensor

from adp3d.sidechain.templates import N_SLOTS, RESIDUE_NAMES, TEMPLATES

DEMO = Path(__file__).resolve().parents[2] / "src/engine/pipeline/demo/emd_20026_deposited.cif.gz"
"""172 residues at 1.75 A, all 20 amino acids."""


def demo_residues() -> list[gemmi.Residue]:
    return list(gemmi.read_structure(str(DEMO))[0]["A"].get_polymer())


def demo_atom14(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates (N, 14, 3), types (N,) and presence (N, 14) of the demo's chain."""
    residues = demo_residues()
    xyz = torch.zeros(len(residues), N_SLOTS, 3, dtype=dtype)
    present = torch.zeros(len(residues), N_SLOTS, dtype=torch.bool)
    for row, residue in enumerate(residues):
        for slot, name in enumerate(TEMPLATES[residue.name].names):
            if name in residue:
                xyz[row, slot] = torch.tensor(residue[name][0].pos.tolist(), dtype=dtype)
                present[row, slot] = True
    return xyz, torch.tensor([RESIDUE_NAMES.index(residue.name) for residue in residues]), present
