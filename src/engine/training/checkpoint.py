"""Training state on disk: safetensors for arrays, JSON for the rest; no pickle."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

__all__ = ["Progress", "load_checkpoint", "save_checkpoint"]


@dataclass(frozen=True)
class Progress:
    """How far training has come."""

    step: int = 0
    seconds: float = 0.0
    skipped: int = 0


def save_checkpoint(
    folder: Path,
    net: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write network, averaged weights, optimizer moments and progress, replacing what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {id(p): name for name, p in net.named_parameters()}
    tensors = {f"net.{k}": v.detach().contiguous() for k, v in net.state_dict().items()}
    tensors |= {f"average.{k}": v.contiguous() for k, v in average.items()}
    for parameter, state in optimizer.state.items():
        for key in ("exp_avg", "exp_avg_sq"):
            tensors[f"{key}.{names[id(parameter)]}"] = state[key].contiguous()
    staged = folder / "state.safetensors.new"
    save_file(tensors, staged, metadata={"progress": json.dumps(asdict(progress))})
    os.replace(staged, folder / "state.safetensors")


def load_checkpoint(
    folder: Path, net: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> Progress | None:
    """Restore a saved state into the given objects; None when there is none."""
    path = folder / "state.safetensors"
    if not path.exists():
        return None
    from safetensors import safe_open

    with safe_open(path, "pt") as handle:
        progress = Progress(**json.loads(handle.metadata()["progress"]))
    tensors = load_file(path)
    net.load_state_dict({k[4:]: v for k, v in tensors.items() if k.startswith("net.")})
    average.update({k[8:]: v for k, v in tensors.items() if k.startswith("average.")})
    for name, parameter in net.named_parameters():
        if f"exp_avg.{name}" in tensors:
            optimizer.state[parameter] = {
                "step": torch.tensor(float(progress.step - progress.skipped)),
                "exp_avg": tensors[f"exp_avg.{name}"].to(parameter.device),
                "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(parameter.device),
            }
    return progress
