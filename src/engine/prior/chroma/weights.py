"""Weights of Chroma's networks: where they are, reading them safely, fetching them with a user's key."""

from __future__ import annotations

import os
import pickle
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from ...contract.errors import InputError
from .package import ChromaPackage, load_package

__all__ = [
    "BACKBONE",
    "DESIGN",
    "NETWORKS",
    "NetworkFile",
    "fetch_weights",
    "keep_weights",
    "kept_network",
    "load_network",
]

_TRAINING = ("loss_diffusion.", "noise_perturb.")
"""Parts of the networks that hold no weights, only constants for their losses and their noise."""
_TIMEOUT = 60.0
"""Seconds without a byte after which a download has failed."""
_UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError, OSError)
"""What reading a file of something else may raise."""


@dataclass(frozen=True)
class NetworkFile:
    """One of Chroma's networks and the file of its weights.

    Attributes
    ----------
    name : str
        What it is called.
    file : str
        Name of the published file.
    variable : str
        Environment variable that names another one.
    address : str
        Key of `ChromaPackage.addresses`.
    make : callable
        Its class in the package.
    refusal : callable
        Says why networks with these settings cannot be used, or nothing.
    sign : str
        How names of its weights begin, and none of the other network's.
    """

    name: str
    file: str
    variable: str
    address: str
    make: Callable[[ChromaPackage], Any]
    refusal: Callable[[Mapping[str, Any], Any], str]
    sign: str

    @property
    def path(self) -> Path:
        """File of weights: the one that `variable` names, else the one that `keep_weights` keeps."""
        named = os.environ.get(self.variable)
        return Path(named).expanduser() if named else Path.home() / ".adp3d" / self.file

    @property
    def lacking(self) -> str:
        """That there are none, and what to do; empty if there are."""
        if self.path.is_file():
            return ""
        return self.absent(self.path)

    def absent(self, path: Path) -> str:
        """That a file of weights is not there, and what to do."""
        return (
            f"There are no weights of Chroma's {self.name} at '{path}': put {self.file} there, let {self.variable} "
            "name the file, or fetch them with a key of your own (in a terminal, 'adp3d install' with 'prior' chroma "
            "and the key)."
        )


def _other_noise(settings: Mapping[str, Any], network: Any) -> str:
    """Backbone networks whose noise this program does not know."""
    base = network.noise_perturb.base_gaussian
    if network.noise_schedule.kind != "log_snr" or getattr(base, "covariance_model", "") != "globular":
        return (
            f"a network with another noise (schedule {settings.get('noise_schedule')}, covariance "
            f"{settings.get('noise_covariance_model')}) than Chroma's published one"
        )
    return "a network whose noise joins chains, which is not supported" if base.complex_scaling else ""


def _other_design(settings: Mapping[str, Any], network: Any) -> str:
    """Design networks that do not decode types before side chains, or no side chains."""
    if not (network.sidechains and network.separate_packing):
        return "a network that decodes types and side chains in turns, or no side chains, which is not supported"
    return ""


BACKBONE = NetworkFile(
    "backbone network",
    "chroma_backbone_v1.0.pt",
    "ADP3D_CHROMA_WEIGHTS",
    "GraphBackbone",
    lambda package: package.backbone,
    _other_noise,
    "backbone_updates.",
)
DESIGN = NetworkFile(
    "design network",
    "chroma_design_v1.0.pt",
    "ADP3D_CHROMA_DESIGN_WEIGHTS",
    "GraphDesign",
    lambda package: package.design,
    _other_design,
    "decoder.",
)
NETWORKS = (BACKBONE, DESIGN)


def load_network(kind: NetworkFile, path: Path | None = None) -> Any:
    """Network with its weights, on the CPU, ready for inference.

    Tensors and plain values are read; what could run code is refused.

    Parameters
    ----------
    kind : NetworkFile
    path : Path, optional
        As the package's ``save_model`` writes it: ``init_kwargs`` and ``model_state_dict``. By default its own.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another network.
    """
    package = load_package()
    path = kind.path if path is None else path
    if not path.is_file():
        raise InputError(kind.absent(path))
    try:
        settings, state = _stored(path)
        # gradients are few, and the package's way of saving memory on them forbids asking for some only
        network = kind.make(package)(**settings | {"checkpoint_gradients": False})
    except _UNREADABLE as error:
        raise InputError(f"'{path}' holds no weights of Chroma's {kind.name} ({_brief(error)}).") from error
    if why := kind.refusal(settings, network):
        raise InputError(f"'{path}' holds {why}: use {kind.file}.")
    _fill(kind, path, network, state)
    return network.eval().requires_grad_(False)


def kept_network(kind: NetworkFile, device: torch.device) -> Any:
    """Network with its own file's weights on a device, kept between the jobs of a process.

    Raises
    ------
    InputError
        Says which of package and weights are missing.
    """
    lacking = [kind.lacking] if kind.lacking else []
    try:
        load_package()
    except InputError as error:
        lacking.insert(0, str(error))
    if lacking:
        raise InputError(" ".join(lacking))
    return _kept(kind, kind.path, str(device), kind.path.stat().st_mtime_ns)


@lru_cache(maxsize=3)  # the prior, and the design network where the job computes and where side chains are packed
def _kept(kind: NetworkFile, path: Path, device: str, changed: int) -> Any:
    return load_network(kind, path).to(device)


def keep_weights(sources: Sequence[Path]) -> list[NetworkFile]:
    """Copy files of weights to where they are looked for; which networks they are of is seen from the files.

    Raises
    ------
    InputError
        If one holds none, or two those of the same network; nothing is copied then.
    """
    kinds = [_kind_of(source) for source in sources]
    if len(set(kinds)) < len(kinds):
        raise InputError("Two of the files hold weights of the same network of Chroma: give one of each.")
    for kind, source in zip(kinds, sources, strict=True):
        load_network(kind, source)
    for kind, source in zip(kinds, sources, strict=True):
        kind.path.parent.mkdir(parents=True, exist_ok=True)
        if source.resolve() != kind.path.resolve():
            _replace(source, kind.path)
    return kinds


def fetch_weights(kind: NetworkFile, key: str) -> Path:
    """Fetch the weights from their publisher with a user's key, to where they are looked for.

    Raises
    ------
    InputError
        If the key is refused, the publisher cannot be reached, or what comes is no file of weights; a file that was
        there stays.
    """
    address = urllib.parse.urlsplit(load_package().addresses[kind.address])
    query = urllib.parse.urlencode({**dict(urllib.parse.parse_qsl(address.query)), "token": key})
    target = kind.path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    try:
        with (
            urllib.request.urlopen(urllib.parse.urlunsplit(address._replace(query=query)), timeout=_TIMEOUT) as answer,
            partial.open("wb") as stream,
        ):
            shutil.copyfileobj(answer, stream)
        load_network(kind, partial)
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


def _stored(path: Path) -> tuple[dict[str, Any], Mapping[str, torch.Tensor]]:
    """Settings and weights of a file."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return dict(stored["init_kwargs"]), stored["model_state_dict"]


def _kind_of(path: Path) -> NetworkFile:
    """Which network a file holds the weights of."""
    if not path.is_file():
        raise InputError(f"There is no file '{path}'.")
    try:
        _, state = _stored(path)
        found = [kind for kind in NETWORKS if any(name.startswith(kind.sign) for name in state)]
    except _UNREADABLE as error:
        raise InputError(f"'{path}' holds no weights of Chroma's ({_brief(error)}).") from error
    if len(found) != 1:
        files = " or ".join(kind.file for kind in NETWORKS)
        raise InputError(f"'{path}' holds the weights of none of Chroma's networks that are used: give {files}.")
    return found[0]


def _replace(source: Path, target: Path) -> None:
    partial = target.with_name(target.name + ".part")
    try:
        shutil.copyfile(source, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _fill(kind: NetworkFile, path: Path, network: Any, state: Mapping[str, torch.Tensor]) -> None:
    """Give the network its weights; what it has for training alone may lack, and what it has not is left out."""
    own = network.state_dict()
    lacking = sorted(name for name in own if name not in state and not name.startswith(_TRAINING))
    wrong = sorted(name for name in own if name in state and state[name].shape != own[name].shape)
    if lacking or wrong:
        raise InputError(f"'{path}' does not fit Chroma's {kind.name} ({(lacking + wrong)[0]}): use {kind.file}.")
    network.load_state_dict({name: value for name, value in state.items() if name in own}, strict=False)


def _brief(error: Exception) -> str:
    text = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {text[:80]}" if text else type(error).__name__
