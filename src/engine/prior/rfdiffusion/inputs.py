"""What RFdiffusion's network is shown of frames: the inputs of its published sampler, without motif or sequence."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...structure.polymer import Polymer

__all__ = ["CHAIN_GAP", "network_inputs", "residue_numbers"]

CHAIN_GAP = 200
"""Added to the numbers of residues at each new chain, as the published code does."""
_TYPES, _MASK = 22, 21
"""Residue types of sequences, and the one that stands for "not known"; among the features of residues it is the
20th, the last of 21."""
_ATOMS, _TEMPLATE_PAIRS = 27, 44


def residue_numbers(polymer: Polymer) -> Tensor:
    """Numbers (N,) that tell the network which residues follow each other."""
    gaps = CHAIN_GAP * torch.as_tensor(polymer.chain_index)
    starts = torch.zeros(polymer.n_residues, dtype=torch.int64)
    positions = torch.as_tensor(polymer.residue_index)
    before = 0
    for chain in range(int(polymer.chain_index[-1]) + 1):
        rows = torch.as_tensor(polymer.chain_index == chain)
        if not bool(rows.any()):
            continue
        starts[rows] = before - positions[rows][0]
        before += int(positions[rows][-1] - positions[rows][0]) + 1
    return positions + starts + gaps


def network_inputs(
    main: Tensor,
    time: float,
    numbers: Tensor,
    torsions: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    residue_features: int,
) -> dict[str, Tensor | bool | None]:
    """Arguments of the network's forward, by name, but for the step.

    Parameters
    ----------
    main : Tensor, shape (N, 3, 3)
        Ideal N, CA and C of the noisy frames, in angstrom.
    time : float
        Step over the number of steps.
    numbers : Tensor of int64, shape (N,)
    torsions : callable
        Of the checkout.
    residue_features : int
        22, or 24 for models of complexes.
    """
    n, device = len(main), main.device
    sequence = torch.zeros(n, _TYPES, device=device)
    sequence[:, _MASK] = 1.0
    latent, full = torch.zeros(1, 1, n, 48, device=device), torch.zeros(1, 1, n, 25, device=device)
    latent[..., :_TYPES], latent[..., _TYPES : 2 * _TYPES], full[..., :_TYPES] = sequence, sequence, sequence
    latent[:, :, 0, 46], latent[:, :, -1, 47] = 1.0, 1.0
    full[:, :, 0, 23], full[:, :, -1, 24] = 1.0, 1.0
    each = torch.zeros(1, 1, n, residue_features, device=device)
    each[..., _MASK - 1], each[..., _MASK] = 1.0, 1.0 - time
    atoms = torch.full((1, n, _ATOMS, 3), torch.nan, device=device)
    atoms[:, :, :3] = main
    # its tables lie on the CPU
    angles, mask = torsions(atoms.cpu(), torch.full((1, n), _MASK - 1))
    shown = mask[..., None] & ~angles[..., :1].isnan()
    angles = torch.cat([angles.nan_to_num(0.0), shown.to(angles)], -1).reshape(1, 1, n, -1).to(device)
    nobody = torch.zeros(n, dtype=torch.bool, device=device)
    return {
        "msa_latent": latent,
        "msa_full": full,
        "seq": sequence[None],
        "xyz": atoms,
        "idx": numbers[None].to(device),
        "t1d": each,
        "t2d": torch.zeros(1, 1, n, n, _TEMPLATE_PAIRS, device=device),
        "xyz_t": torch.zeros(1, 1, n, _ATOMS, 3, device=device),
        "alpha_t": angles,
        "msa_prev": None,
        "pair_prev": None,
        "state_prev": None,
        "return_infer": True,
        "motif_mask": nobody,
        "cyclic_reses": nobody,
    }
