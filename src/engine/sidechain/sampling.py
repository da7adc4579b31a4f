"""Codes drawn from the diffusion, and the atoms that they stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .assemble import assemble
from .network import SideChainModel
from .scene import Scene

__all__ = ["Sampled", "sample", "tokens_of"]


@dataclass(frozen=True)
class Sampled:
    """All-atom structures.

    Attributes
    ----------
    atoms : Tensor, shape (B, N, 14, 3)
        In angstrom, atom14 order.
    code : Tensor of int64, shape (B, N)
        Tokens; those of known residues are their own, see `tokens_of`.
    log_probability : Tensor, shape (B, N)
        Of each code that was drawn, given those drawn before it; 0 where nothing was.
    """

    atoms: Tensor
    code: Tensor
    log_probability: Tensor


def tokens_of(model: SideChainModel, scene: Scene, code: Tensor) -> Tensor:
    """Tokens (B, N) of a scene with all codes in view: ``nothing`` where a residue has no torsion to decide."""
    decided = scene.free | (scene.known & scene.present)
    return torch.where(decided, code, torch.full_like(code, model.nothing))


@torch.no_grad()
def sample(
    model: SideChainModel, scene: Scene, generator: torch.Generator, *, steps: int = 12, temperature: float = 1.0
) -> Sampled:
    """Draw side chains, and backbones where only CA is given.

    All codes are hidden at first; in each step those of which the model is surest are drawn and kept, more and more
    of them, so that each is drawn in view of its neighbours'.

    Parameters
    ----------
    model : SideChainModel
    scene : Scene
        Shows the side chains of known residues only.
    generator : torch.Generator
        On the CPU, whatever the model's device: samples are the same on all devices, up to rounding.
    steps : int
    temperature : float
        1 draws from the model, 0 takes what is likeliest.

    Returns
    -------
    Sampled
    """
    seen = model.look(scene)
    code = model.encode(scene, seen).code
    free = scene.free
    tokens = torch.where(free, torch.full_like(code, model.hidden), tokens_of(model, scene, code))
    count = free.sum(1)
    logged = torch.zeros(free.shape, device=free.device)
    for step in range(1, steps + 1):
        hidden = tokens == model.hidden
        if not bool(hidden.any()):
            break
        fraction = hidden.sum(1) / count.clamp(min=1)
        logp = model.predict(scene, seen, tokens, fraction).float().log_softmax(-1)
        noise = torch.rand(logp.shape, generator=generator).clamp(1e-9, 1 - 1e-7).to(logp.device)
        drawn = (logp - temperature * torch.log(-torch.log(noise))).argmax(-1)
        sure = logp.gather(-1, drawn[..., None])[..., 0]
        # a cosine: few at first, when neighbours are hidden still
        left = (count * math.cos(math.pi / 2 * step / steps)).floor().long()
        rank = sure.masked_fill(~hidden, -torch.inf).argsort(1, descending=True).argsort(1)
        reveal = hidden & (rank < (hidden.sum(1) - left)[:, None])
        tokens = torch.where(reveal, drawn, tokens)
        logged = torch.where(reveal, sure, logged)
    vector = model.codebook.vector(torch.where(tokens < model.hidden, tokens, torch.zeros_like(tokens)))
    return Sampled(assemble(scene, model.decode(scene, seen, vector)), tokens, logged)
