"""The training loop of the default prior: resumable, on CPU or GPU, bounded by wall-clock time."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..job.runtime import release_memory
from ..prior.builtin.network import Denoiser, DenoiserConfig
from ..prior.builtin.weights_file import save_weights, start_from
from .checkpoint import Progress, load_checkpoint, save_checkpoint
from .crops import CropSampler
from .loss import denoising_loss
from .map_source import MapSource
from .record import append_row
from .stream import BatchStream
from .validation import ValidationSet, validate

__all__ = ["TrainingSpec", "train"]


@dataclass(frozen=True)
class TrainingSpec:
    """Everything that decides a training run besides the data."""

    minutes: float
    learning_rate: float = 6e-4
    warmup_steps: int = 300
    weight_decay: float = 1e-2
    average_decay: float = 0.9995
    gradient_limit: float = 1.0
    seed: int = 0
    checkpoint_minutes: float = 5.0
    validation_minutes: float = 30.0
    bfloat16: bool = False
    cpu_time: bool = False
    """Count the processor's time instead of the clock's: comparable on a machine that does other work."""
    show_known: bool = True
    """Train for use with known atoms; without, the network is a plain prior only."""
    looks: tuple[float, ...] = (0.3, 0.3, 0.2, 0.2)
    """Fraction of the updates in which the last stage looks once, twice, three times and so on."""
    workers: int = 1
    """Threads that draw batches while the network trains; the batches are the same for any number."""


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

    The learning rate warms up, then follows a cosine over the wall-clock time, so that a run of any
    length ends annealed. Updates whose gradient norm explodes are skipped.

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
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay, betas=(0.9, 0.98)
    )
    progress = load_checkpoint(folder, net, average, optimizer) or Progress()
    folder.mkdir(parents=True, exist_ok=True)
    maps = MapSource(sampler) if config.sees_density else None
    # a resumed run goes on with the batches that follow
    stream = BatchStream(sampler, maps, spec.seed, progress.step, device, spec.workers, spec.show_known, spec.looks)
    norms: list[float] = []
    losses: list[float] = []
    clock = time.process_time if spec.cpu_time else time.monotonic
    last_save = last_validation = tick = clock()
    with stream:
        while progress.seconds < spec.minutes * 60:
            drawn = stream.next()
            for group in optimizer.param_groups:
                group["lr"] = spec.learning_rate * _rate(progress, spec)
            with torch.autocast(device.type, torch.bfloat16, enabled=spec.bfloat16):
                estimates = net(drawn.batch, drawn.looks)
            loss, _ = denoising_loss(estimates, drawn.clean, drawn.batch, drawn.correlation)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = float(torch.nn.utils.clip_grad_norm_(net.parameters(), spec.gradient_limit))
            usual = float(np.median(norms[-200:])) if len(norms) > 50 else math.inf
            exploded = not math.isfinite(norm) or norm > 10 * usual
            if not exploded:
                optimizer.step()
                norms.append(norm)
                losses.append(float(loss.detach()))
                _update_average(average, net, min(spec.average_decay, (1 + progress.step) / (10 + progress.step)))
            now = clock()
            progress = Progress(progress.step + 1, progress.seconds + now - tick, progress.skipped + exploded)
            tick = now
            if progress.step % 100 == 0 and losses:
                append_row(
                    folder / "training.csv",
                    {
                        "step": progress.step,
                        "minutes": round(progress.seconds / 60, 2),
                        "loss": round(float(np.mean(losses[-100:])), 5),
                        "gradient_norm": round(float(np.median(norms[-100:])), 4),
                        "skipped": progress.skipped,
                    },
                )
            if now - last_validation > spec.validation_minutes * 60:
                validate(net, average, validation, device, progress, folder)
                last_validation = tick = clock()
            if now - last_save > spec.checkpoint_minutes * 60:
                save_checkpoint(folder, net, average, optimizer, progress)
                save_weights(folder / "weights.safetensors", config, average, _description(progress))
                # batches of many shapes leave holes in the heap, which the allocator's settings would keep for ever
                release_memory()
                last_save = tick = clock()
    validate(net, average, validation, device, progress, folder)
    save_checkpoint(folder, net, average, optimizer, progress)
    save_weights(folder / "weights.safetensors", config, average, _description(progress))
    return folder / "weights.safetensors"


def _rate(progress: Progress, spec: TrainingSpec) -> float:
    warm = min(1.0, (progress.step + 1) / spec.warmup_steps)
    done = min(1.0, progress.seconds / (spec.minutes * 60))
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def _update_average(average: dict[str, Tensor], net: Denoiser, decay: float) -> None:
    state = net.state_dict()
    floating = [k for k, v in average.items() if v.is_floating_point()]
    torch._foreach_lerp_([average[k] for k in floating], [state[k] for k in floating], 1 - decay)


def _description(progress: Progress) -> dict[str, str]:
    return {"steps": str(progress.step), "minutes": f"{progress.seconds / 60:.1f}"}
