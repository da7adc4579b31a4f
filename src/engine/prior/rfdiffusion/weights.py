"""Weights of RFdiffusion: where they are, and reading them with their configuration, safely."""

from __future__ import annotations

import importlib
import os
import pickle
import struct
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from ...contract.errors import InputError
from .checkout import Checkout
from .noise import NoiseSettings

__all__ = ["RFDIFFUSION_WEIGHTS_VARIABLE", "Loaded", "find_weights", "load_network", "no_weights"]

RFDIFFUSION_WEIGHTS_VARIABLE = "ADP3D_RFDIFFUSION_WEIGHTS"
"""Environment variable that names the file of weights."""

_FILE = Path("models") / "Base_ckpt.pt"
"""Where the checkout's script puts the weights of the plain model."""
_FORMATS = (
    ("omegaconf.dictconfig", "DictConfig"),
    ("omegaconf.listconfig", "ListConfig"),
    *(("omegaconf.nodes", name) for name in ("AnyNode", "IntegerNode", "FloatNode", "BooleanNode", "StringNode")),
    ("omegaconf.base", "ContainerMetadata"),
    ("omegaconf.base", "Metadata"),
    ("typing", "Any"),
)
"""Classes that hold plain values of a configuration, which a file may name; the package omegaconf may be missing."""
_TEMPLATE_PAIRS = 44
"""Features of pairs without the scaffold's secondary structure, which only some models take."""
_RESIDUE_FEATURES = (22, 24)
"""Features of residues: types and time; and, for models of complexes, two that are zero without hot spots."""


_UNREADABLE = (
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    struct.error,
)
"""What reading a damaged file may raise, beside `pickle.UnpicklingError`."""


@dataclass(frozen=True)
class Loaded:
    """A network and what it was trained with.

    Attributes
    ----------
    network : torch.nn.Module
        On the CPU, ready for inference.
    noise : NoiseSettings
    residue_features : int
        22 or 24.
    """

    network: Any
    noise: NoiseSettings
    residue_features: int


def find_weights(checkout: Path) -> Path:
    """File that `RFDIFFUSION_WEIGHTS_VARIABLE` names, else the checkout's own for the plain model."""
    named = os.environ.get(RFDIFFUSION_WEIGHTS_VARIABLE)
    return Path(named).expanduser() if named else checkout / _FILE


def load_network(path: Path, checkout: Checkout) -> Loaded:
    """Network with its weights.

    Tensors, plain values and the classes of `_FORMATS` are read; what could run code is refused.

    Parameters
    ----------
    path : Path
        A published file: ``model_state_dict``, and ``config_dict`` with ``model``, ``diffuser`` and ``preprocess``.
    checkout : Checkout

    Raises
    ------
    InputError
        If the file is missing, damaged, unsafe or of another network.
    """
    if not path.is_file():
        raise InputError(f"The prior 'rfdiffusion' cannot be used: {no_weights(path)}.")
    stored = _read(path)
    try:
        state, config = stored["model_state_dict"], _plain(stored["config_dict"])
        model, preprocess = dict(config["model"]), dict(config["preprocess"])
        noise = _noise(dict(config["diffuser"]))
        shape = int(preprocess["d_t1d"]), int(preprocess["d_t2d"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"'{path}' holds no weights of RFdiffusion with their configuration ({error}).") from error
    if shape[0] not in _RESIDUE_FEATURES or shape[1] != _TEMPLATE_PAIRS or model.get("use_motif_timestep"):
        raise InputError(
            f"'{path}' holds a network that takes more than frames (d_t1d {shape[0]}, d_t2d {shape[1]}), such as those "
            f"for scaffolds: use {_FILE.name}."
        )
    try:
        network = checkout.network(**model, d_t1d=shape[0], d_t2d=shape[1], T=noise.T)
        network.load_state_dict(state, strict=True)
    except (RuntimeError, TypeError, ValueError) as error:
        said = (str(error).splitlines() or [""])[0][:160]
        raise InputError(f"'{path}' does not fit the network of the checkout ({said}).") from error
    return Loaded(network.eval().requires_grad_(False), noise, shape[0])


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with torch.serialization.safe_globals(_harmless()):
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        said = next((line.strip() for line in str(error).splitlines() if "GLOBAL" in line), "")[:160]
        raise InputError(
            f"'{path}' holds more than tensors and plain values, or is damaged, and is not opened "
            f"({said or 'unreadable'}). If you trust it, save its 'model_state_dict' and its 'config_dict' as plain "
            "dictionaries into a new file with torch.save."
        ) from error
    except _UNREADABLE as error:
        raise InputError(f"'{path}' holds no weights ({type(error).__name__}).") from error
    if not isinstance(stored, Mapping):
        raise InputError(f"'{path}' holds no weights of RFdiffusion with their configuration.")
    return stored


def _harmless() -> list[Any]:
    found: list[Any] = [defaultdict, OrderedDict, dict, list, int, float, str, bool, tuple, set]
    for module, name in _FORMATS:
        try:
            found.append(getattr(importlib.import_module(module), name))
        except (ImportError, AttributeError):
            continue  # then a file that names it is refused
    return found


def _plain(config: Any) -> dict[str, Any]:
    """Dictionaries of a configuration, however it was stored."""
    if isinstance(config, dict):
        return {key: _plain(value) if _nested(value) else value for key, value in config.items()}
    if not _nested(config):
        raise TypeError(f"its configuration is a {type(config).__name__}")
    return dict(importlib.import_module("omegaconf").OmegaConf.to_container(config, resolve=False))


def _nested(value: Any) -> bool:
    return isinstance(value, dict) or type(value).__name__ == "DictConfig"


def _noise(diffuser: Mapping[str, Any]) -> NoiseSettings:
    for kind in ("schedule_type", "so3_schedule_type"):
        if diffuser.get(kind, "linear") != "linear":
            raise ValueError(f"{kind} {diffuser[kind]}")
    given = {field.name: float(diffuser[field.name]) for field in fields(NoiseSettings) if field.name in diffuser}
    settings = replace(NoiseSettings(**given), T=int(diffuser.get("T", NoiseSettings.T)))  # type: ignore[arg-type]
    if settings.T < 1 or not 0 < settings.b_0 <= settings.b_T < settings.T / 200 or settings.crd_scale <= 0:
        raise ValueError(f"a noise schedule that cannot be: {settings}")
    return settings


def no_weights(path: Path) -> str:
    """That there are none, and what to do, in half a sentence."""
    return (
        f"there are no weights of RFdiffusion at '{path}': run the checkout's scripts/download_models.sh, or let "
        f"{RFDIFFUSION_WEIGHTS_VARIABLE} name the file"
    )
