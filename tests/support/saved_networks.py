"""Files of weights as Chroma's package writes them."""

from __future__ import annotations

import torch

__all__ = ["saved"]


def saved(network, path):
    """Write a network's settings and weights, as the package's ``save_model`` does."""
    torch.save({"init_kwargs": network.kwargs, "model_state_dict": network.state_dict()}, path)
    return path
