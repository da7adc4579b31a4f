"""How residues see a map: cubes of density in their own frames, and places of free density further off."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .density_grids import DensityGrids
from .density_points import POINT_FEATURES
from .geometry import from_local, residue_axes, to_local

__all__ = ["CUBE_SPACINGS", "CubeLook", "PointEncoder", "PointLook"]

CUBE_SPACINGS = (1.0, 2.0, 4.5)
"""Steps in angstrom of the cubes of 5 x 5 x 5 points, one for each level of the map."""

_SIDE = 5
_POINT_NEIGHBOURS = 12
_LOOK_NEIGHBOURS = 40
"""Places of free density that a residue attends to: a sphere of about 7 A where all density is free."""
_SHELLS = 12
_SEGMENT = (0.25, 0.5, 0.75)
"""Where density is read along the way from one place to another: whether it connects them."""
_MIDDLE = 1
"""Level read along segments: B = 120 A^2, a tube of protein."""


class CubeLook(nn.Module):
    """Density around each residue, at three scales, as an addition to its features.

    Parameters
    ----------
    width : int
        Channels of residues.
    hidden : int
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        values = _SIDE**3 * (1 + 2 * (len(CUBE_SPACINGS) - 1))
        self.cubes = nn.Linear(values, hidden)
        self.context = nn.Linear(3, hidden, bias=False)
        self.mix = nn.Sequential(
            nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, width)
        )
        # zero at first: the network starts as one that sees no map
        nn.init.zeros_(self.mix[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.mix[-1].bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, grids: DensityGrids, sigma: Tensor) -> Tensor:
        """Additions (B, N, width) for backbones x (B, N, 4, 3); zero for examples without a map."""
        b, n = x.shape[:2]
        axes, ca = residue_axes(x)
        steps = torch.arange(_SIDE, device=x.device, dtype=x.dtype) - _SIDE // 2
        cube = torch.cartesian_prod(steps, steps, steps)
        seen = []
        for level, spacing in enumerate(CUBE_SPACINGS):
            points = ca[:, :, None] + spacing * from_local(cube, axes)
            seen.append(grids.sample(level, points.reshape(b, -1, 3)).reshape(b, n, -1))
        hidden = self.cubes(torch.cat(seen, -1) / 2.0) + self.context(_context(grids, sigma))[:, None]
        result: Tensor = self.mix(hidden) * grids.present[:, None, None]
        return result


class PointEncoder(nn.Module):
    """Features of places of free density: their own values, and which neighbours they are connected with.

    Depends on the map alone, so it is computed once for each map and kept.

    Parameters
    ----------
    width : int
    layers : int
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Linear(POINT_FEATURES + 1, width)
        self.layers = nn.ModuleList(_PointLayer(width) for _ in range(layers))

    def forward(self, grids: DensityGrids) -> Tensor:
        """Features of the points of all maps, (M, P, width)."""
        points = grids.points
        m, p = points.valid.shape
        resolution = torch.log(grids.resolution / 3.0)[:, None, None].expand(m, p, 1)
        h: Tensor = self.embed(torch.cat([points.features / 2.0, resolution], -1))
        distance = torch.cdist(points.xyz, points.xyz).masked_fill(~points.valid[:, None], torch.inf)
        near, index = distance.topk(min(_POINT_NEIGHBOURS + 1, p), largest=False)
        valid = torch.isfinite(near) & points.valid[..., None]
        flat = index + p * torch.arange(m, device=index.device)[:, None, None]
        ends = points.xyz.reshape(m * p, 3)[flat]
        along = _along(grids.in_their_own_frames(), points.xyz[:, :, None], ends)
        edge = torch.cat([_shells(near.masked_fill(~valid, 0.0)), along], -1)
        for layer in self.layers:
            h = layer(h, flat, edge, valid)
        return h


class _PointLayer(nn.Module):
    """Messages between neighbouring places."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.receiver = nn.Linear(width, width)
        self.sender = nn.Linear(width, width, bias=False)
        self.edge = nn.Linear(_SHELLS + 2 * len(_SEGMENT), width, bias=False)
        self.out = nn.Sequential(nn.GELU(), nn.Linear(width, width))

    def forward(self, h: Tensor, flat: Tensor, edge: Tensor, valid: Tensor) -> Tensor:
        u = self.norm(h)
        sent = self.sender(u).reshape(-1, h.shape[-1])[flat]
        message = nn.functional.gelu(self.receiver(u)[:, :, None] + sent + self.edge(edge)) * valid[..., None]
        result: Tensor = h + self.out(message.sum(2) / _POINT_NEIGHBOURS)
        return result


class PointLook(nn.Module):
    """Attention of residues to the places of free density nearest to them.

    Parameters
    ----------
    width : int
        Channels of residues.
    point_width : int
        Channels of points and of residue-point pairs.
    heads : int
    """

    def __init__(self, width: int, point_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        head = point_width // heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, point_width)
        self.point_norm = nn.LayerNorm(point_width)
        self.key_value = nn.Linear(point_width, 2 * point_width, bias=False)
        self.q_norm = nn.LayerNorm(head)
        self.k_norm = nn.LayerNorm(head)
        self.pair_in = nn.Linear(6 + _SHELLS + 2 * len(_SEGMENT), point_width)
        self.pair_level = nn.Linear(1, point_width, bias=False)
        self.pair = nn.Sequential(nn.LayerNorm(point_width), nn.GELU(), nn.Linear(point_width, point_width))
        self.bias = nn.Linear(point_width, heads, bias=False)
        self.nothing = nn.Parameter(torch.zeros(heads))
        self.out = nn.Linear(point_width + heads * point_width, width)
        # zero at first: the network starts as one that sees no map
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, h: Tensor, x: Tensor, sigma: Tensor, grids: DensityGrids, encoded: Tensor) -> Tensor:
        """Additions (B, N, width) to residues h (B, N, width) with backbones x; ``encoded`` as `PointEncoder` gives."""
        b, n, _ = h.shape
        axes, ca = residue_axes(x)
        corner = grids.origin[:, None]
        xyz = grids.of_example(grids.points.xyz) + corner
        valid = grids.of_example(grids.points.valid) & grids.present[:, None]
        distance = torch.cdist(ca, xyz).masked_fill(~valid[:, None], torch.inf)
        near, index = distance.topk(min(_LOOK_NEIGHBOURS, xyz.shape[1]), dim=-1, largest=False, sorted=False)
        seen = torch.isfinite(near)
        k = index.shape[-1]
        flat = (index + xyz.shape[1] * torch.arange(b, device=h.device)[:, None, None]).flatten()
        places = xyz.reshape(-1, 3)[flat].view(b, n, k, 3)
        local = to_local(places - ca[:, :, None], axes)
        near = near.masked_fill(~seen, 0.0)
        direction = local / (near[..., None] + 0.1)
        along = _along(grids, ca[:, :, None], places)
        pair = torch.cat([torch.tanh(local / 8.0) * 2.0, direction, _shells(near), along], -1)
        pair = self.pair_in(pair) + self.pair_level(torch.log(sigma)[:, None])[:, None, None]
        key, value = self.key_value(self.point_norm(encoded)).chunk(2, -1)
        first = grids.of_example(xyz.shape[1] * torch.arange(len(encoded), device=h.device))
        rows = (index + first[:, None, None]).flatten()
        near_value = value.reshape(-1, value.shape[-1])[rows].view(b, n, k, self.heads, -1)
        near_key = self.k_norm(key.view(*key.shape[:2], self.heads, -1)).reshape(-1, value.shape[-1])[rows]
        pair = self.pair(pair + near_value.flatten(-2))
        q = self.q_norm(self.query(self.norm(h)).view(b, n, self.heads, -1))
        scores = torch.einsum("bnhd,bnkhd->bnhk", q, near_key.view(b, n, k, self.heads, -1)) / q.shape[-1] ** 0.5
        scores = (scores + self.bias(pair).transpose(-1, -2)).masked_fill(~seen[:, :, None], -torch.inf)
        # a residue may look at none of them
        nothing = self.nothing.to(scores.dtype).expand(b, n, self.heads)[..., None]
        attention = torch.cat([scores, nothing], -1).softmax(-1)[..., :-1]
        context = torch.einsum("bnhk,bnkhd->bnhd", attention, near_value)
        from_pairs = torch.matmul(attention, pair)
        result: Tensor = (
            self.out(torch.cat([context.flatten(2), from_pairs.flatten(2)], -1)) * grids.present[:, None, None]
        )
        return result


def _context(grids: DensityGrids, sigma: Tensor) -> Tensor:
    """That there is a map, its resolution and the noise level, (B, 3)."""
    resolution = torch.log(grids.of_example(grids.resolution) / 3.0)
    return torch.stack([torch.ones_like(resolution), resolution, torch.log(sigma)], -1)


def _along(grids: DensityGrids, starts: Tensor, ends: Tensor) -> Tensor:
    """Density between starts (B, N, 1, 3) and ends (B, N, K, 3): (B, N, K, 2 * len(_SEGMENT))."""
    b, n, k = ends.shape[:3]
    ways = torch.stack([torch.lerp(starts, ends, part) for part in _SEGMENT], -2)
    return grids.sample(_MIDDLE, ways.reshape(b, -1, 3)).reshape(b, n, k, -1) / 2.0


def _shells(distance: Tensor) -> Tensor:
    """Radial basis of distances from 0 to 24 A, denser near 0: (..., _SHELLS)."""
    position = torch.log1p(distance / 2.0)[..., None] / torch.log1p(torch.tensor(12.0))
    centres = torch.linspace(0.0, 1.0, _SHELLS, device=distance.device)
    return torch.exp(-(((position - centres) * (_SHELLS - 1)) ** 2) / 2.0)
