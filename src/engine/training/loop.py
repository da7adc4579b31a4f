"""Training of the default prior: what its batches, its loss and its weights file are."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..prior.builtin.network import Denoiser, DenoiserConfig
from ..prior.builtin.weights_file import save_weights, start_from
from .checkpoint import Progress, load_checkpoint
from .crops import CropSampler
from .descent import Trained, TrainingSpec, descend
from .loss import denoising_loss
from .map_source import MapSource
from .stream import BatchStream
from .validation import ValidationSet, validate

__all__ = ["train"]


def train(
    spec: TrainingSpec,
    config: DenoiserConfig,
    sampler: CropSampler,
    validation: ValidationSet,
    folder: Path,
    device: torch.device,
    initial: Path | None = None,
) -> Path:
    """Train until the time is up and write the averaged weights; continues from ``folder``.

    Parameters
    ----------
    spec : TrainingSpec
    config : DenoiserConfig
    sampler : CropSampler
        Source of training batches.
    validation : ValidationSet
        Fixed held-out examples.
    folder : Path
        Receives checkpoints, ``training.csv``, ``validation.csv`` and ``weights.safetensors``.
    device : torch.device
    initial : Path, optional
        Weights file to start a new run from; layers that it lacks start fresh.

    Returns
    -------
    Path
        The weights file.

    Raises
    ------
    InputError
        If the initial weights belong to a network of other sizes.
    """
    torch.manual_seed(spec.seed)
    net = Denoiser(config).to(device)
    if initial is not None:
        start_from(net, initial)
    trained = Trained.of(net, spec)
    progress = load_checkpoint(folder, net, trained.average, trained.optimizer) or Progress()
    folder.mkdir(parents=True, exist_ok=True)
    maps = MapSource(sampler) if config.sees_density else None

    def loss_of_next(_: Progress) -> Tensor:
        drawn = stream.next()
        with torch.autocast(device.type, torch.bfloat16, enabled=spec.bfloat16):
            estimates = net(drawn.batch, drawn.looks)
        loss, _per_example = denoising_loss(estimates, drawn.clean, drawn.batch, drawn.correlation)
        return loss

    def watch(reached: Progress) -> None:
        validate(net, trained.average, validation, device, reached, folder)

    def export(reached: Progress) -> None:
        description = {"steps": str(reached.step), "minutes": f"{reached.seconds / 60:.1f}"}
        save_weights(folder / "weights.safetensors", config, trained.average, description)

    # a resumed run goes on with the batches that follow
    with BatchStream(
        sampler, maps, spec.seed, progress.step, device, spec.workers, spec.show_known, spec.looks
    ) as stream:
        descend(spec, trained, progress, loss_of_next, watch, export, folder)
    return folder / "weights.safetensors"
