"""Weights of the default prior: one safetensors file that carries its own network sizes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ...contract.errors import InputError
from .network import Denoiser, DenoiserConfig

__all__ = ["DEFAULT_WEIGHTS", "load_denoiser", "save_weights", "start_from"]

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "default.safetensors"


def save_weights(path: Path, config: DenoiserConfig, state: dict[str, Tensor], description: dict[str, str]) -> None:
    """Write weights and network sizes, replacing ``path`` only once the file is whole."""
    metadata = {"config": json.dumps(config.to_dict()), **description}
    staged = path.with_name(path.name + ".new")
    save_file({k: v.detach().cpu().contiguous() for k, v in state.items()}, staged, metadata=metadata)
    os.replace(staged, path)


def load_denoiser(path: Path = DEFAULT_WEIGHTS) -> Denoiser:
    """Network with the weights of a file, on the CPU, in evaluation mode.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    if not path.exists():
        raise FileNotFoundError(f"no weights file at {path}")
    with safe_open(path, "pt") as handle:
        sizes = json.loads(handle.metadata()["config"])
        state = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118
    net = Denoiser(DenoiserConfig(**{**sizes, "stages": tuple(sizes["stages"])}))
    net.load_state_dict(state)
    net.eval().requires_grad_(False)
    return net


def start_from(network: Denoiser, path: Path) -> None:
    """Copy the weights of a file into a network; layers that the file lacks stay as they are.

    Raises
    ------
    InputError
        If the file is missing or a layer has another shape.
    """
    if not path.is_file():
        raise InputError(f"There is no weights file {path}: give the path of a .safetensors file.")
    own = network.state_dict()
    with safe_open(path, "pt") as handle:
        given = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118
    unfit = [key for key, value in given.items() if key not in own or own[key].shape != value.shape]
    if unfit:
        raise InputError(f"The weights in {path} belong to another network (layer {unfit[0]}): start without them.")
    network.load_state_dict({**own, **given})
