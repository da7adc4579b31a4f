"""Training of the side-chain model: first its codes, then the diffusion over them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..contract.errors import InputError
from ..sidechain.network import SideChainConfig, SideChainModel
from ..sidechain.weights_file import load_side_chain_model, save_side_chain_weights
from .checkpoint import Progress, load_checkpoint
from .dataset import load_chains
from .descent import Trained, TrainingSpec, descend
from .side_chain_batches import SideChainDraws
from .side_chain_crops import AtomCropSampler
from .side_chain_loss import autoencoder_loss, diffusion_loss
from .side_chain_validation import validate_side_chains, validation_cases
from .stream import DrawnAhead

__all__ = ["CODES_FIRST", "train_side_chains"]

CODES_FIRST = 0.25
"""Part of the time for encoder, codebook and decoder; they stay as they are while the diffusion over their codes is
trained, which would otherwise chase codes that change."""


def train_side_chains(
    data: Path,
    folder: Path,
    *,
    spec: TrainingSpec,
    config: SideChainConfig,
    device: torch.device,
    residues: int = 128,
    examples: int = 6,
    validation_batches: int = 4,
    initial: Path | None = None,
) -> Path:
    """Train on the ``train`` split, watch the ``val`` split, never touch ``test``; continues from ``folder``.

    Parameters
    ----------
    data : Path
        Folder with the ``chains_*.npz`` shards.
    folder : Path
        Receives checkpoints, ``training.csv``, ``validation.csv`` and ``weights.safetensors``.
    spec : TrainingSpec
    config : SideChainConfig
    device : torch.device
    residues, examples : int
        Residues of an example, examples of a batch.
    validation_batches : int
    initial : Path, optional
        Weights to start a new run from, of the same sizes.

    Returns
    -------
    Path
        The weights file.
    """
    sampler = AtomCropSampler(load_chains(data, "train", side_chains=True), residues=residues, examples=examples)
    watch = AtomCropSampler(load_chains(data, "val", side_chains=True), residues=residues, examples=examples)
    with_maps = config.density_width > 0
    cases = validation_cases(watch, validation_batches, with_maps, device)
    torch.manual_seed(spec.seed)
    model = SideChainModel(config)
    if initial is not None:
        given = load_side_chain_model(initial)
        if given.config != config:
            raise InputError(f"The weights in {initial} belong to a network of other sizes: start without them.")
        model.load_state_dict(given.state_dict())
    trained = Trained.of(model.to(device), spec)
    progress = load_checkpoint(folder, model, trained.average, trained.optimizer) or Progress()
    folder.mkdir(parents=True, exist_ok=True)
    codes = [model.encoder, model.to_code, model.from_code, model.decoder, model.turns, model.deviation]

    def loss_of_codes(_: Progress) -> Tensor:
        return autoencoder_loss(model, stream.next())

    def loss_of_diffusion(reached: Progress) -> Tensor:
        generator = torch.Generator().manual_seed(spec.seed * 1_000_003 + reached.step)
        return diffusion_loss(model, stream.next(), generator)

    def validate(reached: Progress) -> None:
        validate_side_chains(model, trained.average, cases, reached, folder)

    def export(reached: Progress) -> None:
        description = {"steps": str(reached.step), "minutes": f"{reached.seconds / 60:.1f}"}
        save_side_chain_weights(folder / "weights.safetensors", config, trained.average, description)

    draws = SideChainDraws(sampler, with_maps, spec.seed, device)
    with DrawnAhead(draws.draw, progress.step, spec.workers) as stream:
        until = CODES_FIRST * spec.minutes
        if progress.seconds < 60 * until:
            progress = descend(spec, trained, progress, loss_of_codes, validate, export, folder, (0.0, until))
        for part in codes:
            part.requires_grad_(False)
        stage = (until, spec.minutes)
        descend(spec, trained, progress, loss_of_diffusion, validate, export, folder, stage)
    return folder / "weights.safetensors"
