"""Whole objects moved to another device, whatever they hold."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import torch

__all__ = ["moved"]


def moved(thing: Any, device: str, memo: dict[int, Any] | None = None) -> Any:
    """A copy of an object whose tensors are on a device; what is one object in it stays one.

    Goes through modules, lists, tuples, dictionaries, and attributes of objects of this package.
    """
    memo = {} if memo is None else memo
    if id(thing) in memo:
        return memo[id(thing)][0]
    if isinstance(thing, torch.nn.Module):
        new: Any = copy.deepcopy(thing).to(device)
    elif isinstance(thing, torch.Tensor):
        new = thing.to(device)
    elif isinstance(thing, torch.device):
        new = torch.device(device)
    elif isinstance(thing, dict):
        new = {key: moved(value, device, memo) for key, value in thing.items()}
    elif isinstance(thing, (list, tuple)) and not hasattr(thing, "_fields"):
        new = type(thing)([moved(value, device, memo) for value in thing])
    elif type(thing).__module__.startswith("adp3d.") and (
        hasattr(thing, "__dict__") or dataclasses.is_dataclass(thing)
    ):
        new = copy.copy(thing)
        for name, value in vars(thing).items():
            object.__setattr__(new, name, moved(value, device, memo))
    else:
        return thing
    memo[id(thing)] = new, thing  # which keeps the id taken
    return new
