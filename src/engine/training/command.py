"""``adp3d train``: train the default prior or the side-chain model from the packed archive of chains."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated

import torch
import typer

from ..contract.errors import InputError
from ..job.runtime import choose_device, set_threads
from ..prior.builtin.network import DenoiserConfig
from ..sidechain.network import SideChainConfig
from .crops import CropSampler
from .dataset import load_chains
from .descent import TrainingSpec
from .loop import train
from .side_chain_loop import train_side_chains
from .validation import validation_set

__all__ = ["app", "train_prior"]

_VALIDATION_BATCHES = 6
_COMPLEXES = 0.0
"""Fraction of the batches that are two chains in contact. With 0.2 of them, to the end of an hour of one core, energies
of interfaces of validation chains became worse (mean Spearman 0.59 to 0.24), errors of denoising stayed the same."""
_SMOKE_MINUTES = 0.2
_EXAMPLE = 128
"""Residues of an example of the side-chain model."""
_DENSITY_WIDTH = 128


class Model(str, Enum):
    """What can be trained."""

    prior = "prior"
    sidechain = "sidechain"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def train_prior(
    data: Path,
    output: Path,
    *,
    spec: TrainingSpec,
    config: DenoiserConfig,
    device: torch.device,
    residues_per_batch: int = 1536,
    initial: Path | None = None,
    complexes: float = _COMPLEXES,
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
    initial : Path, optional
        Weights to start from.
    complexes : float
        Fraction of the batches that are two chains in contact.

    Returns
    -------
    Path
        The weights file.
    """
    chains = load_chains(data, "train")
    sampler = CropSampler(chains, residues_per_batch=residues_per_batch, complex_fraction=complexes)
    held_out = [c for c in load_chains(data, "val") if not c.ca_only]
    watch = CropSampler(held_out, residues_per_batch=residues_per_batch, sequence_dropout=0.0)
    validation = validation_set(watch, _VALIDATION_BATCHES, config.sees_density)
    return train(spec, config, sampler, validation, output, device, initial)


@app.command(name="train")
def command(
    data: Annotated[Path, typer.Argument(help="Folder with the chains_*.npz files.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run; an existing one goes on.")] = Path(
        "prior_training"
    ),
    model: Annotated[Model, typer.Option(help="What to train: the prior, or side chains.")] = Model.prior,
    minutes: Annotated[float, typer.Option(help="Training time; the learning rate falls over it.", min=0.0)] = 120.0,
    cpu_time: Annotated[
        bool, typer.Option("--cpu-time", help="Count the time that the processor gave, not the clock's.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of weights, crops and noise.", min=0)] = 0,
    batch: Annotated[int, typer.Option(help="Residues in a batch.", min=64)] = 1536,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 6e-4,
    initial: Annotated[Path | None, typer.Option(help="Weights file that a new run starts from.")] = None,
    workers: Annotated[int, typer.Option(help="Threads that draw batches while the network trains.", min=0)] = 1,
    complexes: Annotated[
        float, typer.Option(help="Fraction of the prior's batches that are two chains in contact.", min=0.0, max=0.75)
    ] = _COMPLEXES,
    no_maps: Annotated[bool, typer.Option("--no-maps", help="A network without eyes for maps.")] = False,
    bfloat16: Annotated[bool, typer.Option(help="The prior's layers in bfloat16, coordinates in float32.")] = False,
    smoke: Annotated[bool, typer.Option(help="A small network for a few seconds, to see that all runs.")] = False,
) -> None:
    """Train the weights of the built-in prior or of the side-chain model, or go on with a run."""
    if model is Model.sidechain and (complexes or bfloat16):
        raise InputError("--complexes and --bfloat16 concern the prior; leave them out with --model sidechain.")
    where = choose_device(device)
    set_threads()
    if smoke:
        minutes, batch = _SMOKE_MINUTES, min(batch, 256)
    spec = TrainingSpec(minutes, learning_rate=learning_rate, seed=seed, workers=workers, cpu_time=cpu_time)
    if model is Model.sidechain:
        sizes = SideChainConfig()
        if smoke:
            sizes = replace(
                sizes, width=32, pair_width=16, neighbours=8, encoder_blocks=1, decoder_blocks=1, denoiser_blocks=1,
                levels=(4, 4, 2), density_width=8,
            )  # fmt: skip
        weights = train_side_chains(
            data, output, spec=spec, config=replace(sizes, density_width=0) if no_maps else sizes, device=where,
            residues=min(_EXAMPLE, batch), examples=max(1, batch // _EXAMPLE), initial=initial,
            validation_batches=1 if smoke else 4,
        )  # fmt: skip
        typer.echo(f"Weights: {weights}")
        return
    config = DenoiserConfig(density_width=0 if no_maps else _DENSITY_WIDTH)
    if smoke:
        config = replace(
            config, width=32, heads=4, pair_width=8, stages=(1, 1), neighbours=30, point_width=8,
            density_width=min(config.density_width, 8),
        )  # fmt: skip
    spec = replace(spec, bfloat16=bfloat16)
    weights = train_prior(
        data, output, spec=spec, config=config, device=where, residues_per_batch=batch, initial=initial,
        complexes=complexes,
    )  # fmt: skip
    typer.echo(f"Weights: {weights}")
