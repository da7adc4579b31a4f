"""The networks of latent diffusion backmapping: encoder, codebook, decoder, and the denoiser of codes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..prior.builtin.density_look import CubeLook
from ..prior.builtin.message_block import MessageBlock
from .codebook import Codebook, Quantised
from .scene import Scene
from .surroundings import MAX_OFFSET, NODE_FEATURES, PAIR_FEATURES, Surroundings, look_around
from .templates import CHIS, N_TYPES, SLOTS

__all__ = ["Decoded", "SideChainConfig", "SideChainModel"]

TURNS = CHIS + 1
"""Four chi, and the turn of the peptide group behind the residue (`adp3d.sidechain.peptides`)."""
Pairs = tuple[Tensor, tuple[Tensor, ...]]
"""Features of pairs (B, N, K, p), and what each block of a trunk makes of them."""
_MOST_DEVIATION = 3.0
"""Standard deviations by which the decoder may bend angles and branches."""
_LOOK_AHEAD = 2.0
"""Angstrom from CA, away from the backbone, where cubes of density are centred: amid the side chain."""
_TIMES = 16


@dataclass(frozen=True)
class SideChainConfig:
    """Sizes of the networks; stored beside their weights."""

    width: int = 128
    pair_width: int = 64
    neighbours: int = 24
    feed_forward: int = 2
    encoder_blocks: int = 2
    decoder_blocks: int = 2
    denoiser_blocks: int = 5
    levels: tuple[int, ...] = (8, 5, 5, 5)
    """Of the numbers that make a code; their product is the number of codes."""
    density_width: int = 64
    """Hidden width of the look at a map; 0 for networks without eyes for maps."""

    @property
    def codes(self) -> int:
        """How many codes there are."""
        return math.prod(self.levels)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for storage."""
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> SideChainConfig:
        """From what was stored."""
        return SideChainConfig(**{**values, "levels": tuple(values["levels"])})


@dataclass(frozen=True)
class Decoded:
    """Internal coordinates of residues.

    Attributes
    ----------
    turns : Tensor, shape (B, N, 5, 2)
        Cosine and sine of chi 1 to 4 and of the peptide's turn; unit vectors.
    deviation : Tensor, shape (B, N, 10, 3)
        Of bond lengths (none), angles and branches, in standard deviations, see `build_side_chains`.
    """

    turns: Tensor
    deviation: Tensor


class _Trunk(nn.Module):
    """Message passing among residues that see each other from their frames."""

    def __init__(self, config: SideChainConfig, depth: int, sees_density: bool) -> None:
        super().__init__()
        w, p = config.width, config.pair_width
        self.types = nn.Embedding(N_TYPES, w)
        self.node = nn.Sequential(nn.Linear(NODE_FEATURES, w), nn.GELU(), nn.Linear(w, w))
        self.norm = nn.LayerNorm(w)
        self.offset = nn.Embedding(2 * MAX_OFFSET + 2, p)
        self.neighbour = nn.Embedding(N_TYPES, p)
        self.pair_in = nn.Linear(PAIR_FEATURES, p)
        self.pair = nn.Sequential(nn.LayerNorm(p), nn.GELU(), nn.Linear(p, p), nn.LayerNorm(p))
        self.blocks = nn.ModuleList(MessageBlock(w, p, config.feed_forward) for _ in range(depth))
        self.out = nn.LayerNorm(w)
        self.cubes = CubeLook(w, config.density_width) if sees_density and config.density_width else None

    def pairs(self, scene: Scene, seen: Surroundings) -> Pairs:
        """Features of pairs (B, N, K, p), and what each block makes of them: the same at all steps of a diffusion."""
        near = self.neighbour(scene.aatype).flatten(0, 1)[_flat(seen.index)].view(*seen.index.shape, -1)
        pair = self.pair(self.pair_in(seen.pair) + self.offset(seen.offset) + near)
        blocks = cast("Sequence[MessageBlock]", self.blocks)
        projected = nn.functional.linear(pair, torch.cat([block.pair_layer.weight for block in blocks]))
        return pair, projected.chunk(len(blocks), -1)

    def forward(
        self,
        scene: Scene,
        seen: Surroundings,
        extra: Tensor | None,
        time: Tensor,
        pairs: Pairs | None = None,
    ) -> Tensor:
        """Features (B, N, w); ``extra`` (B, N, w) is added to the residues, ``time`` (B, w) tunes the blocks."""
        h = self.types(scene.aatype) + self.node(seen.node)
        if extra is not None:
            h = h + extra
        h = self.norm(h)
        if self.cubes is not None and scene.density is not None:
            h = h + self.cubes(_centres(seen), scene.density, h.new_ones(len(h)))
        pair, projected = self.pairs(scene, seen) if pairs is None else pairs
        for block, own in zip(cast("Sequence[MessageBlock]", self.blocks), projected, strict=True):
            h = block(h, pair, own, time, seen.index, seen.valid)
        features: Tensor = self.out(h)
        return features


class SideChainModel(nn.Module):
    """Latent diffusion backmapping.

    An encoder sees all atoms of a residue and its neighbours and gives it one code of a codebook; a decoder makes of
    code, type and what is given of the structure the torsions of the residue; a denoiser says which codes are likely
    where some of them are hidden. Everything is seen from the residues' own frames: the codes do not depend on how
    the structure lies, and the atoms move with it.

    References
    ----------
    Latent Diffusion Backmapping, arXiv 2410.13264: vector-quantised autoencoder, diffusion over its codes. Codes are
    noised by hiding them, as discrete codes allow (Austin et al., Structured denoising diffusion models, 2021).
    """

    def __init__(self, config: SideChainConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        self.encoder = _Trunk(config, config.encoder_blocks, False)
        self.to_code = nn.Linear(w, len(config.levels))
        self.codebook = Codebook(config.levels)
        self.from_code = nn.Linear(len(config.levels), w)
        self.decoder = _Trunk(config, config.decoder_blocks, True)
        self.turns = nn.Linear(w, 2 * TURNS)
        self.deviation = nn.Linear(w, 2 * SLOTS)
        self.tokens = nn.Embedding(config.codes + 2, w)
        self.time = nn.Sequential(nn.Linear(_TIMES, w), nn.SiLU(), nn.Linear(w, w), nn.SiLU())
        self.denoiser = _Trunk(config, config.denoiser_blocks, True)
        self.logits = nn.Linear(w, config.codes)
        for layer in (self.turns, self.deviation, self.logits):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    @property
    def hidden(self) -> int:
        """Token of a code that is not known."""
        return self.config.codes

    @property
    def nothing(self) -> int:
        """Token of a residue that has no code: nothing about it is open."""
        return self.config.codes + 1

    def look(self, scene: Scene) -> Surroundings:
        """What the residues of a scene see."""
        return look_around(scene, self.config.neighbours)

    def encode(self, scene: Scene, seen: Surroundings) -> Quantised:
        """Codes of residues whose side-chain atoms the scene shows."""
        h = self.encoder(scene, seen, None, self._still(scene))
        return cast(Quantised, self.codebook(self.to_code(h)))

    def decode(self, scene: Scene, seen: Surroundings, vector: Tensor, pairs: Pairs | None = None) -> Decoded:
        """Internal coordinates from vectors of codes (B, N, d)."""
        h = self.decoder(scene, seen, self.from_code(vector), self._still(scene), pairs)
        turns = self.turns(h).float().unflatten(-1, (TURNS, 2))
        # never of length zero
        turns = nn.functional.normalize(turns + turns.new_tensor([1e-4, 0.0]), dim=-1, eps=1e-6)
        bend = _MOST_DEVIATION * torch.tanh(self.deviation(h).float().unflatten(-1, (SLOTS, 2)))
        return Decoded(turns, torch.cat([torch.zeros_like(bend[..., :1]), bend], -1))

    def pairs_of(self, scene: Scene, seen: Surroundings) -> tuple[Pairs, Pairs]:
        """What `predict` and `decode` compute of the pairs of a scene, for many calls with the same one."""
        return self.denoiser.pairs(scene, seen), self.decoder.pairs(scene, seen)

    def predict(
        self,
        scene: Scene,
        seen: Surroundings,
        tokens: Tensor,
        fraction: Tensor,
        pairs: Pairs | None = None,
    ) -> Tensor:
        """Logits of codes (B, N, codes) where tokens (B, N) are hidden, a fraction (B,) of all."""
        steps = torch.arange(1, _TIMES + 1, device=fraction.device) * (math.pi / 2)
        time = self.time(torch.cos(fraction[:, None] * steps))
        logits: Tensor = self.logits(self.denoiser(scene, seen, self.tokens(tokens), time, pairs))
        return logits

    def _still(self, scene: Scene) -> Tensor:
        return self.logits.weight.new_zeros(len(scene.aatype), self.config.width)


def _centres(seen: Surroundings) -> Tensor:
    """Backbones (B, N, 4, 3) that have the residues' axes, with CA amid the side chain: where cubes are put."""
    toward_c, toward_n, upward = seen.rotation.unbind(-1)
    # CB of an L residue lies behind N and C, on the side of the third axis that is negative
    away = nn.functional.normalize(-0.35 * toward_c - 0.53 * toward_n - 0.78 * upward, dim=-1)
    middle = seen.origin + _LOOK_AHEAD * away
    return torch.stack([middle + toward_n, middle, middle + toward_c, middle], -2)


def _flat(index: Tensor) -> Tensor:
    b, n, _ = index.shape
    return (index + n * torch.arange(b, device=index.device)[:, None, None]).flatten()
