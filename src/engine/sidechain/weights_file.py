"""Weights of the side-chain model: one safetensors file that carries its own network sizes."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from importlib import resources
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..contract.errors import InputError
from .network import SideChainConfig, SideChainModel

__all__ = ["default_side_chain_model", "load_side_chain_model", "save_side_chain_weights"]

_KIND = "sidechain"
_DEFAULT = "weights/default.safetensors"


def save_side_chain_weights(
    path: Path, config: SideChainConfig, state: dict[str, Tensor], description: dict[str, str]
) -> None:
    """Write weights and network sizes, replacing ``path`` only once the file is whole."""
    metadata = {"kind": _KIND, "config": json.dumps(config.to_dict()), **description}
    staged = path.with_name(path.name + ".new")
    save_file({k: v.detach().cpu().contiguous() for k, v in state.items()}, staged, metadata=metadata)
    os.replace(staged, path)


def load_side_chain_model(path: Path) -> SideChainModel:
    """Model with the weights of a file, on the CPU, in evaluation mode.

    Raises
    ------
    InputError
        If there is no such file, or it holds the weights of something else.
    """
    if not path.is_file():
        raise InputError(f"There is no weights file {path}: give the path of a .safetensors file.")
    with safe_open(path, "pt") as handle:
        metadata = handle.metadata() or {}
        if metadata.get("kind") != _KIND:
            raise InputError(f"{path} holds no side-chain model: give a file that the training of side chains made.")
        state = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118
    model = SideChainModel(SideChainConfig.from_dict(json.loads(metadata["config"])))
    model.load_state_dict(state)
    model.eval().requires_grad_(False)
    return model


@lru_cache(maxsize=1)
def default_side_chain_model() -> SideChainModel:
    """The model that comes with the package, on the CPU, in evaluation mode; the same object each time: do not move it.

    Raises
    ------
    InputError
        If the package was installed without its weights.
    """
    with resources.as_file(resources.files(__package__).joinpath(_DEFAULT)) as path:
        if not path.is_file():
            raise InputError("The weights of the side-chain model are not installed: install the package again.")
        return load_side_chain_model(path)
