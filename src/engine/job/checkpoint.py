"""States of an unfinished job: named tensors and plain values, the last two kept."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .storage import replace_atomically, storage_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["KEPT", "Checkpoint", "load_latest", "save"]

KEPT = 2
"""Checkpoints kept: should the newest be damaged, the one before serves."""

_NAME = re.compile(r"step_(\d{8})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """State of a job after ``step`` steps.

    Attributes
    ----------
    step : int
        Steps done.
    tensors : dict of Tensor
        On the CPU; move them where they are needed.
    state : dict
        Plain values (JSON types).
    """

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save(
    folder: Path,
    step: int,
    tensors: Mapping[str, Tensor | NDArray[np.generic]],
    state: Mapping[str, Any] | None = None,
) -> Path:
    """Write a checkpoint atomically and remove all but the last `KEPT`.

    Parameters
    ----------
    folder : Path
        Folder of checkpoints, made if missing.
    step : int
        Steps done, 0 to 99,999,999.
    tensors : mapping of str to Tensor or ndarray
        Any dtype, any device.
    state : mapping, optional
        Plain values (JSON types).

    Raises
    ------
    InputError
        If the disk is full or refuses.
    ValueError
        If ``step`` is out of range.
    """
    import torch
    from safetensors.torch import save as serialise

    if not 0 <= step < 10**8:
        raise ValueError("step must lie between 0 and 99,999,999")
    # Clones: safetensors refuses tensors that share memory.
    owned = {
        name: torch.as_tensor(value).detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    metadata = {"step": str(step), "state": json.dumps(dict(state or {}))}
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{step:08d}.safetensors"
    with replace_atomically(path) as temporary:
        temporary.write_bytes(serialise(owned, metadata))
    for old in _paths(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def load_latest(folder: Path) -> Checkpoint | None:
    """Newest checkpoint that can be read, or ``None``."""
    for path in reversed(_paths(folder)):
        checkpoint = _load(path)
        if checkpoint is not None:
            return checkpoint
    return None


def _paths(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _load(path: Path) -> Checkpoint | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
        return Checkpoint(int(metadata["step"]), tensors, json.loads(metadata["state"]))
    except (SafetensorError, OSError, KeyError, ValueError):
        return None  # damaged: the caller goes on with the one before
