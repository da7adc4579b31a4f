"""The loop of every training: resumable, bounded by time, with averaged weights and a learning rate that anneals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..job.runtime import release_memory
from .checkpoint import Progress, save_checkpoint
from .record import append_row

__all__ = ["TrainingSpec", "Trained", "descend"]


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


@dataclass(frozen=True)
class Trained:
    """What is trained.

    Attributes
    ----------
    net : nn.Module
    average : dict of Tensor
        Averaged weights, which are what a run is for.
    optimizer : torch.optim.Optimizer
    """

    net: nn.Module
    average: dict[str, Tensor]
    optimizer: torch.optim.Optimizer

    @staticmethod
    def of(net: nn.Module, spec: TrainingSpec) -> Trained:
        """A network at the beginning of its training."""
        average = {k: v.detach().clone() for k, v in net.state_dict().items()}
        return Trained(
            net,
            average,
            torch.optim.AdamW(
                net.parameters(), lr=spec.learning_rate, weight_decay=spec.weight_decay, betas=(0.9, 0.98)
            ),
        )


def descend(
    spec: TrainingSpec,
    trained: Trained,
    progress: Progress,
    loss_of_next: Callable[[Progress], Tensor],
    validate: Callable[[Progress], None],
    export: Callable[[Progress], None],
    folder: Path,
    stage: tuple[float, float] | None = None,
) -> Progress:
    """Update a network until the time is up.

    The learning rate warms up, then follows a cosine over the wall-clock time, so that a run of any
    length, and each of its stages, ends annealed. Updates whose gradient norm explodes are skipped.

    Parameters
    ----------
    spec : TrainingSpec
    trained : Trained
        Changed in place.
    progress : Progress
        Where the run stands.
    loss_of_next : callable
        Draws the next batch and gives its loss.
    validate : callable
        Records how good the averaged weights are.
    export : callable
        Writes the averaged weights.
    folder : Path
        Receives the checkpoint and ``training.csv``.
    stage : tuple of float, optional
        Minutes at which a stage of the run begins and ends; the whole run by default. Gradients of a stage are
        compared with its own only.

    Returns
    -------
    Progress
        Where the run stands then.
    """
    net, average, optimizer = trained.net, trained.average, trained.optimizer
    norms: list[float] = []
    losses: list[float] = []
    clock = time.process_time if spec.cpu_time else time.monotonic
    last_save = last_validation = tick = clock()
    begin, end = (60 * minutes for minutes in stage or (0.0, spec.minutes))
    while progress.seconds < end:
        for group in optimizer.param_groups:
            done = min(1.0, (progress.seconds - begin) / (end - begin))
            group["lr"] = spec.learning_rate * _rate(progress.step, done, spec.warmup_steps)
        loss = loss_of_next(progress)
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
            validate(progress)
            last_validation = tick = clock()
        if now - last_save > spec.checkpoint_minutes * 60:
            save_checkpoint(folder, net, average, optimizer, progress)
            export(progress)
            # batches of many shapes leave holes in the heap, which the allocator's settings would keep for ever
            release_memory()
            last_save = tick = clock()
    validate(progress)
    save_checkpoint(folder, net, average, optimizer, progress)
    export(progress)
    return progress


def _rate(step: int, done: float, warmup_steps: int) -> float:
    """Fraction of the learning rate after so many updates, when this fraction of the time is over."""
    warm = min(1.0, (step + 1) / warmup_steps)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def _update_average(average: dict[str, Tensor], net: nn.Module, decay: float) -> None:
    state = net.state_dict()
    floating = [k for k, v in average.items() if v.is_floating_point()]
    torch._foreach_lerp_([average[k] for k in floating], [state[k] for k in floating], 1 - decay)
