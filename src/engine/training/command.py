"""``adp3d train``: train the default prior from the packed archive of chains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ..prior.builtin.network import DenoiserConfig
from .crops import CropSampler
from .dataset import load_chains
from .loop import TrainingSpec, train

__all__ = ["train_prior"]

_VALIDATION_BATCHES = 8


def train_prior(
    data: Path,
    output: Path,
    *,
    spec: TrainingSpec,
    config: DenoiserConfig,
    device: torch.device,
    residues_per_batch: int = 1536,
) -> Path:
    """Train on the ``train`` split, watch the ``val`` split, never touch ``test``.

    Parameters
    ----------
    data : Path
        Folder with the ``chains_*.npz`` shards.
    output : Path
        Folder for checkpoints and curves; an existing run in it is continued.
    spec : TrainingSpec
    config : DenoiserConfig
    device : torch.device
    residues_per_batch : int

    Returns
    -------
    Path
        The weights file.
    """
    sampler = CropSampler(load_chains(data, "train"), residues_per_batch=residues_per_batch)
    held_out = [c for c in load_chains(data, "val") if not c.ca_only]
    watch = CropSampler(held_out, residues_per_batch=residues_per_batch, sequence_dropout=0.0)
    rng = np.random.default_rng(12345)
    validation = [watch.batch(rng) for _ in range(_VALIDATION_BATCHES)]
    return train(spec, config, sampler, validation, output, device)
