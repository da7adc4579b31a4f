"""Weights of Chroma's backbone network: where they are, reading them safely, fetching them with a user's key."""

from __future__ import annotations

import os
import pickle
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...contract.errors import InputError
from .package import load_package

__all__ = ["CHROMA_WEIGHTS_VARIABLE", "default_weights", "fetch_weights", "keep_weights", "load_network", "no_weights"]

CHROMA_WEIGHTS_VARIABLE = "ADP3D_CHROMA_WEIGHTS"
"""Environment variable that names the file of weights."""

_FILE = "chroma_backbone_v1.0.pt"
_TRAINING = ("loss_diffusion.", "noise_perturb.")
"""Parts of the network that hold no weights, only constants for its losses and its noise."""
_TIMEOUT = 60.0
"""Seconds without a byte after which a download has failed."""


def default_weights() -> Path:
    """File of weights: the one that `CHROMA_WEIGHTS_VARIABLE` names, else the one that `keep_weights` keeps."""
    named = os.environ.get(CHROMA_WEIGHTS_VARIABLE)
    return Path(named).expanduser() if named else Path.home() / ".adp3d" / _FILE


def no_weights(path: Path) -> str:
    """That there are none, and what to do."""
    return (
        f"There are no weights of Chroma at '{path}': put {_FILE} there, let {CHROMA_WEIGHTS_VARIABLE} name the "
        "file, or fetch them with a key of your own ('adp3d install' with 'prior' chroma and your key)."
    )


def load_network(path: Path) -> Any:
    """Network with its weights, on the CPU, ready for inference.

    Tensors and plain values are read; what could run code is refused.

    Parameters
    ----------
    path : Path
        As the package's ``save_model`` writes it: ``init_kwargs`` and ``model_state_dict``.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another network.
    """
    package = load_package()
    if not path.is_file():
        raise InputError(no_weights(path))
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        settings, state = dict(stored["init_kwargs"]), stored["model_state_dict"]
        network = package.network(**settings)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError, OSError) as error:
        raise InputError(f"'{path}' holds no weights of Chroma's backbone network ({_brief(error)}).") from error
    _refuse_others(path, settings, network)
    _fill(path, network, state)
    return network.eval().requires_grad_(False)


def keep_weights(source: Path) -> Path:
    """Copy a file of weights to where it is looked for.

    Raises
    ------
    InputError
        If it holds none; nothing is copied then.
    """
    load_network(source)
    target = default_weights()
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.resolve() != target.resolve():
        _replace(source, target)
    return target


def fetch_weights(key: str) -> Path:
    """Fetch the weights from their publisher with a user's key, to where they are looked for.

    Raises
    ------
    InputError
        If the key is refused, the publisher cannot be reached, or what comes is no file of weights; a file that was
        there stays.
    """
    address = urllib.parse.urlsplit(load_package().addresses["GraphBackbone"])
    query = urllib.parse.urlencode({**dict(urllib.parse.parse_qsl(address.query)), "token": key})
    target = default_weights()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    try:
        with (
            urllib.request.urlopen(urllib.parse.urlunsplit(address._replace(query=query)), timeout=_TIMEOUT) as answer,
            partial.open("wb") as stream,
        ):
            shutil.copyfileobj(answer, stream)
        load_network(partial)
        os.replace(partial, target)
    except urllib.error.HTTPError as error:
        raise InputError(
            f"The publisher of Chroma's weights refused the key (status {error.code}): check it."
        ) from None
    except OSError as error:  # the address, which holds the key, is not told
        raise InputError(f"Chroma's weights could not be fetched ({_brief(error)}): try again later.") from None
    finally:
        partial.unlink(missing_ok=True)
    return target


def _replace(source: Path, target: Path) -> None:
    partial = target.with_name(target.name + ".part")
    try:
        shutil.copyfile(source, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _refuse_others(path: Path, settings: Mapping[str, Any], network: Any) -> None:
    """Networks whose noise this program does not know."""
    base = network.noise_perturb.base_gaussian
    if network.noise_schedule.kind != "log_snr" or getattr(base, "covariance_model", "") != "globular":
        raise InputError(
            f"'{path}' holds a network with another noise (schedule {settings.get('noise_schedule')}, covariance "
            f"{settings.get('noise_covariance_model')}) than Chroma's published one: use {_FILE}."
        )
    if base.complex_scaling:
        raise InputError(f"'{path}' holds a network whose noise joins chains, which is not supported: use {_FILE}.")


def _fill(path: Path, network: Any, state: Mapping[str, torch.Tensor]) -> None:
    """Give the network its weights; what it has for training alone may lack, and what it has not is left out."""
    own = network.state_dict()
    lacking = sorted(name for name in own if name not in state and not name.startswith(_TRAINING))
    wrong = sorted(name for name in own if name in state and state[name].shape != own[name].shape)
    if lacking or wrong:
        raise InputError(f"'{path}' does not fit Chroma's backbone network ({(lacking + wrong)[0]}): use {_FILE}.")
    network.load_state_dict({name: value for name, value in state.items() if name in own}, strict=False)


def _brief(error: Exception) -> str:
    text = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {text[:80]}" if text else type(error).__name__
