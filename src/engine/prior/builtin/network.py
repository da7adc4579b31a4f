"""The denoising network: attention over residue neighbour lists, seen from local frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import cast

import torch
from torch import Tensor, nn

from .attention_block import AttentionBlock
from .density_grids import DensityGrids
from .density_look import CubeLook, PointEncoder, PointLook
from .features import NODE_GEOMETRY, PAIR_GEOMETRY, node_geometry, pair_geometry, relative_position
from .geometry import from_local, residue_frames
from .graph import neighbour_list
from .message_block import MessageBlock

__all__ = ["DenoiserConfig", "Denoiser", "NoisyBatch"]


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the network; stored beside its weights."""

    width: int = 128
    heads: int = 8
    pair_width: int = 48
    stages: tuple[int, ...] = (3, 4)
    neighbours: int = 48
    feed_forward: int = 3
    time_features: int = 32
    max_offset: int = 32
    block: str = "attention"
    """``attention``, or ``messages`` for the graph network that it was compared with."""
    density_width: int = 0
    """Hidden width of the look at a map; 0 for a network without eyes for maps."""
    point_width: int = 48
    point_layers: int = 2

    @property
    def sees_density(self) -> bool:
        """Whether the network can be shown a map."""
        return self.density_width > 0

    def to_dict(self) -> dict[str, object]:
        """Plain values for storage."""
        return asdict(self)


@dataclass(frozen=True)
class NoisyBatch:
    """Noisy backbones and what is known of their residues.

    Attributes
    ----------
    mean : Tensor, shape (B, N, 4, 3)
        What a Gaussian chain makes of the noisy coordinates and of known atoms (`gaussian_estimate`),
        in angstrom.
    noise : Tensor, shape (B, N, 4)
        Noise level left at each atom, in (0, 1].
    alpha, sigma : Tensor, shape (B,)
        Signal and noise scale at each example's time.
    aatype : Tensor of int64, shape (B, N)
        Residue types, 20 for unknown.
    chain_index, residue_index : Tensor of int64, shape (B, N)
        Chain of each residue, and its position on that chain's sequence.
    present : Tensor of bool, shape (B, N)
        False for padding.
    density : DensityGrids or None
        Maps that some or all of the examples see.
    """

    mean: Tensor
    noise: Tensor
    alpha: Tensor
    sigma: Tensor
    aatype: Tensor
    chain_index: Tensor
    residue_index: Tensor
    present: Tensor
    density: DensityGrids | None = None


class Denoiser(nn.Module):
    r"""SE(3)-equivariant estimate of :math:`E[x_0 | x_t]`.

    All inputs are coordinates seen from the noisy residues' own frames, and every output is a
    displacement in such a frame, so that rotating the input rotates the output. The first stage
    starts from the mean of a Gaussian chain given :math:`x_t` and the known atoms (:math:`\alpha_t x_t`
    without any), each further one looks again at the structure that the stage before proposed, and at the
    map around it; the last stage may look several times. Updates are in units of the noise left at each
    atom, so known atoms stay where they are. Cost and memory are linear in the number of residues (fixed
    neighbour lists).
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        w = config.width
        self.residue_embedding = nn.Embedding(21, w)
        self.time_embedding = nn.Sequential(nn.Linear(config.time_features, w), nn.SiLU(), nn.Linear(w, w), nn.SiLU())
        # zero at first: the network starts as one that knows no atoms
        self.level_embedding = nn.Linear(config.time_features + 4, len(config.stages) * w, bias=False)
        nn.init.zeros_(self.level_embedding.weight)
        self.stages = nn.ModuleList(_Stage(config, depth, i) for i, depth in enumerate(config.stages))
        if config.sees_density:
            self.point_encoder = PointEncoder(config.point_width, config.point_layers)

    def encode(self, grids: DensityGrids) -> Tensor:
        """Features of the places of free density of maps (M, P, point_width): the same at every step."""
        encoded: Tensor = self.point_encoder(grids)
        return encoded

    def forward(self, batch: NoisyBatch, looks: int = 1, encoded: Tensor | None = None) -> list[Tensor]:
        """Estimates after each stage, the last being the network's answer; shapes (B, N, 4, 3).

        Parameters
        ----------
        batch : NoisyBatch
        looks : int
            How often the last stage is applied, each time to what it proposed before.
        encoded : Tensor, optional
            Result of `encode` for the maps of the batch, if it is at hand.
        """
        if batch.density is not None and encoded is None and self.config.sees_density:
            encoded = self.encode(batch.density)
        log_snr = 2.0 * (torch.log(batch.alpha) - torch.log(batch.sigma))
        time = self.time_embedding(_fourier(log_snr, self.config.time_features))
        levels = self._levels(batch).chunk(len(self.stages), -1)
        h = self.residue_embedding(batch.aatype)
        base = given = batch.mean.float()
        scale = 10.0 * batch.noise.float()[..., None]
        current = given
        estimates: list[Tensor] = []
        passes = [*zip(self.stages, levels, strict=True)]
        count = len(passes) + looks - 1
        for number in range(count):
            stage, level = passes[min(number, len(passes) - 1)]
            # looks between the first of a stage and the last one only bring it to where it will be used
            learns = torch.is_grad_enabled() and (number < len(passes) or number == count - 1 or not self.training)
            with torch.set_grad_enabled(learns):
                h, update = stage(h, time, level, current, given, batch, encoded)
                # coordinates stay in float32 whatever the precision of the layers
                rotation, _ = residue_frames(current)
                step = from_local(update.float().unflatten(-1, (4, 3)), rotation)
                base = base + scale * step
            estimates.append(base)
            if self.training:
                # no gradient through the next stage's frames: it made early training diverge
                base = base.detach()
            current = base
        return estimates

    def _levels(self, batch: NoisyBatch) -> Tensor:
        """Embedding of the noise left at each residue's atoms, for every stage side by side."""
        noise = batch.noise.float().clamp(1e-3, 1 - 1e-4)
        log_snr = torch.log1p(-noise.square()) - 2.0 * torch.log(noise)
        waves = _fourier(log_snr.mean(-1).flatten(), self.config.time_features).view(*noise.shape[:2], -1)
        result: Tensor = self.level_embedding(torch.cat([waves, log_snr / 10.0], -1))
        return result


class _Stage(nn.Module):
    """One look at a structure: neighbour list, pair features, then attention blocks."""

    def __init__(self, config: DenoiserConfig, depth: int, number: int) -> None:
        super().__init__()
        self.config = config
        looks = 1 if number == 0 else 2
        w, p = config.width, config.pair_width
        self.node_in = nn.Linear(looks * NODE_GEOMETRY, w)
        self.node_norm = nn.LayerNorm(w)
        self.offset_embedding = nn.Embedding(2 * config.max_offset + 2, p)
        self.pair_in = nn.Linear(looks * PAIR_GEOMETRY, p)
        self.pair_time = nn.Linear(w, p)
        self.pair_mlp = nn.Sequential(nn.LayerNorm(p), nn.GELU(), nn.Linear(p, p), nn.LayerNorm(p))
        self.blocks = nn.ModuleList(_block(config) for _ in range(depth))
        if config.sees_density:
            self.cubes = CubeLook(w, config.density_width)
            self.places = PointLook(w, config.point_width, config.heads // 2)
        self.out_norm = nn.LayerNorm(w)
        self.out = nn.Linear(w, 12)
        nn.init.normal_(self.out.weight, std=1e-3)
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        h: Tensor,
        time: Tensor,
        level: Tensor,
        current: Tensor,
        given: Tensor,
        batch: NoisyBatch,
        encoded: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        index, valid = neighbour_list(current[..., 1, :], batch.present, self.config.neighbours)
        looks = [current] if current is given else [current, given]
        node = torch.cat([node_geometry(look, batch) for look in looks], -1)
        h = self.node_norm(h + self.node_in(node) + time[:, None] + level)
        if batch.density is not None and encoded is not None:
            h = h + self.cubes(current, batch.density, batch.sigma)
            h = h + self.places(h, current, batch.sigma, batch.density, encoded)
        edge = torch.cat([pair_geometry(look, index) for look in looks], -1)
        offset = relative_position(batch, index, self.config.max_offset)
        pair = self.pair_in(edge) + self.offset_embedding(offset) + self.pair_time(time)[:, None, None]
        pair = self.pair_mlp(pair)
        # one product for all blocks: narrow ones are slow
        blocks = cast("Sequence[AttentionBlock | MessageBlock]", self.blocks)
        layers = torch.cat([block.pair_layer.weight for block in blocks])
        projected = nn.functional.linear(pair, layers).chunk(len(blocks), -1)
        for block, own in zip(blocks, projected, strict=True):
            h = block(h, pair, own, time, index, valid)
        return h, self.out(self.out_norm(h))


def _block(config: DenoiserConfig) -> AttentionBlock | MessageBlock:
    if config.block == "messages":
        return MessageBlock(config.width, config.pair_width, config.feed_forward)
    return AttentionBlock(config.width, config.pair_width, config.heads, config.feed_forward)


def _fourier(log_snr: Tensor, features: int) -> Tensor:
    """Smooth features of the log signal-to-noise ratio, shape (B, features)."""
    frequency = torch.exp(torch.linspace(math.log(0.05), math.log(2.0), features // 2, device=log_snr.device))
    angle = log_snr[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], -1)
