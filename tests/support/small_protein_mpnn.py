"""ProteinMPNN in small, with random weights of the names and shapes that the published ones have."""

from __future__ import annotations

import math

import torch

__all__ = ["NEIGHBOURS", "WIDTH", "small_weights"]

WIDTH, NEIGHBOURS = 8, 5
SHAPES = {
    "features.embeddings.linear": (16, 66),
    "features.edge_embedding": (WIDTH, 416),
    "features.norm_edges": (WIDTH,),
    "W_e": (WIDTH, WIDTH),
    "W_s": (21, WIDTH),
    "W_out": (21, WIDTH),
}
for _layer in range(2):
    for _side, _wide, _names in (("en", 3, ("W1", "W11")), ("de", 4, ("W1",))):
        _root = f"{_side}coder_layers.{_layer}."
        for _name in _names:
            SHAPES[f"{_root}{_name}"] = (WIDTH, _wide * WIDTH)
            SHAPES |= {f"{_root}{_name[:-1]}{k}": (WIDTH, WIDTH) for k in (2, 3)}
        SHAPES |= {f"{_root}norm{k}": (WIDTH,) for k in (1, 2, 3)}
        SHAPES |= {f"{_root}dense.W_in": (4 * WIDTH, WIDTH), f"{_root}dense.W_out": (WIDTH, 4 * WIDTH)}


def small_weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights of a network of two layers, double precision."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in SHAPES.items():
        weights[f"{name}.weight"] = torch.randn(shape, generator=generator, dtype=torch.float64) / math.sqrt(shape[-1])
        weights[f"{name}.bias"] = 0.3 * torch.randn(shape[0], generator=generator, dtype=torch.float64)
    return weights
