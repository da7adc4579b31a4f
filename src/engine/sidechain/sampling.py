"""Codes drawn from the diffusion, and the atoms that they stand for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from .assemble import assemble
from .network import Decoded, SideChainModel
from .scene import Scene
from .surroundings import Surroundings

__all__ = ["Drawn", "Sampled", "Sampler", "sample", "tokens_of"]


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
    model: SideChainModel,
    scene: Scene,
    generator: torch.Generator | Sequence[torch.Generator],
    *,
    steps: int = 12,
    temperature: float = 1.0,
) -> Sampled:
    """Draw side chains, and backbones where only CA is given.

    All codes are hidden at first; in each step those of which the model is surest are drawn and kept, more and more
    of them, so that each is drawn in view of its neighbours'.

    Parameters
    ----------
    model : SideChainModel
    scene : Scene
        Shows the side chains of known residues only.
    generator : torch.Generator or sequence of torch.Generator
        On the CPU, whatever the model's device: samples are the same on all devices, up to rounding. One for each
        example makes each sample independent of the others of its batch.
    steps : int
    temperature : float
        1 draws from the model, 0 takes what is likeliest.

    Returns
    -------
    Sampled
    """
    sampler = Sampler(model, scene)
    drawn = sampler.draw(sampler.all_hidden(), generator, steps, temperature)
    return Sampled(sampler.atoms(drawn.tokens), drawn.tokens, drawn.log_probability)


@dataclass(frozen=True)
class Drawn:
    """Tokens (B, N) of a scene, none of them hidden, and the log probability (B, N) of those that were drawn."""

    tokens: Tensor
    log_probability: Tensor


class Sampler:
    """Draws codes for one scene, as often as is wanted: what the scene looks like is computed once.

    Parameters
    ----------
    model : SideChainModel
    scene : Scene
        B examples; shows the side chains of known residues only.
    copies : int
        Samples of each example; those of the first example come first.
    """

    @torch.no_grad()
    def __init__(self, model: SideChainModel, scene: Scene, copies: int = 1) -> None:
        self.model = model
        self.scene = _copied(scene, copies)
        seen = model.look(scene)
        given = model.encode(scene, seen).code
        self._given = tokens_of(model, scene, given).repeat_interleave(copies, 0)
        # one example is the same for all its copies without being copied
        times = 1 if len(given) == 1 else copies
        self._denoiser_pairs, self._decoder_pairs = (
            (pair[:, :, :0], tuple(block.repeat_interleave(times, 0) for block in blocks))
            for pair, blocks in model.pairs_of(scene, seen)
        )
        self._seen = _copied_look(seen, copies)

    @property
    def free(self) -> Tensor:
        """Residues that leave something to decide, (B, N)."""
        return self.scene.free

    def all_hidden(self) -> Tensor:
        """Tokens (B, N) before anything was drawn."""
        return torch.where(self.free, torch.full_like(self._given, self.model.hidden), self._given)

    @torch.no_grad()
    def draw(
        self,
        tokens: Tensor,
        generator: torch.Generator | Sequence[torch.Generator],
        steps: int,
        temperature: float = 1.0,
    ) -> Drawn:
        """Draw the tokens that are hidden, given all others.

        Parameters
        ----------
        tokens : Tensor of int64, shape (B, N)
        generator, steps, temperature
            As `sample` takes them.
        """
        model, free = self.model, self.free
        open_at_first = tokens == model.hidden
        count = open_at_first.sum(1)
        logged = torch.zeros(free.shape, device=free.device)
        for step in range(1, steps + 1):
            hidden = tokens == model.hidden
            if not bool(hidden.any()):
                break
            logp = self.log_probability(tokens)
            drawn = _draw_codes(logp, generator, temperature)
            sure = logp.gather(-1, drawn[..., None])[..., 0]
            # a cosine: few at first, when neighbours are hidden still
            left = (count * math.cos(math.pi / 2 * step / steps)).floor().long()
            rank = sure.masked_fill(~hidden, -torch.inf).argsort(dim=1, descending=True, stable=True).argsort(1)
            reveal = hidden & (rank < (hidden.sum(1) - left)[:, None])
            tokens = torch.where(reveal, drawn, tokens)
            logged = torch.where(reveal, sure, logged)
        return Drawn(tokens, logged)

    @torch.no_grad()
    def log_probability(self, tokens: Tensor) -> Tensor:
        """Log probabilities (B, N, codes) of what tokens (B, N) hide, given all others."""
        fraction = (tokens == self.model.hidden).sum(1) / self.free.sum(1).clamp(min=1)
        logits = self.model.predict(self.scene, self._seen, tokens, fraction, self._denoiser_pairs)
        return logits.float().log_softmax(-1)

    @torch.no_grad()
    def atoms(self, tokens: Tensor) -> Tensor:
        """Atoms (B, N, 14, 3) that tokens (B, N) stand for, in angstrom; known ones exactly as given."""
        return assemble(self.scene, self.decoded(tokens))

    @torch.no_grad()
    def decoded(self, tokens: Tensor) -> Decoded:
        """Internal coordinates that tokens (B, N) stand for."""
        vector = self.model.codebook.vector(torch.where(tokens < self.model.hidden, tokens, torch.zeros_like(tokens)))
        return self.model.decode(self.scene, self._seen, vector, self._decoder_pairs)


def _draw_codes(logp: Tensor, generator: torch.Generator | Sequence[torch.Generator], temperature: float) -> Tensor:
    """Codes (B, N) from log probabilities (B, N, codes), by one number from 0 to 1 for each."""
    if temperature == 0:
        return logp.argmax(-1)
    b, n, codes = logp.shape
    if isinstance(generator, torch.Generator):
        number = torch.rand(b, n, generator=generator)
    else:
        number = torch.stack([torch.rand(n, generator=own) for own in generator])
    weight = (logp / temperature).softmax(-1).cumsum(-1)
    # the last sum is not exactly 1
    below = number.to(logp.device)[..., None] * weight[..., -1:]
    return torch.searchsorted(weight, below, right=True)[..., 0].clamp(max=codes - 1)


def _copied(scene: Scene, copies: int) -> Scene:
    """Scene with ``copies`` of each example."""
    if copies == 1:
        return scene

    def many(values: Tensor) -> Tensor:
        return values.repeat_interleave(copies, 0)

    density = scene.density
    if density is not None:
        shown = tuple(number for number in density.map_of for _ in range(copies))
        density = replace(density, map_of=shown, origin=many(density.origin))
    return Scene(
        many(scene.atoms), many(scene.has_backbone), many(scene.shown), many(scene.known), many(scene.aatype),
        many(scene.chain_index), many(scene.residue_index), many(scene.present), density,
    )  # fmt: skip


def _copied_look(seen: Surroundings, copies: int) -> Surroundings:
    """What the residues of copies of a scene see."""
    if copies == 1:
        return seen
    return Surroundings(*(getattr(seen, field.name).repeat_interleave(copies, 0) for field in fields(seen)))
