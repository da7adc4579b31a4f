"""All orientations and shifts of a rigid body in a map at low resolution, by Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy import fft
from torch import Tensor

from ..density.fourier import squared_frequency
from .body import Atoms, blur_of_resolution
from .field import Field
from .pose import Poses
from .rotations import even_rotations, rotations_for_step

__all__ = ["search_everywhere"]

_TURN = 1.0
"""Of the resolution: how far the outermost atoms are from the next rotation at most. Correct poses lose up to a quarter
of their correlation by that, and climb back from there (`pose.climb`)."""
_MOST_ATOMS = 1500
"""Larger bodies are thinned evenly: at 10 A a few atoms for each residue are as good as all."""
_MASK_LEVEL = 0.05
"""As in `body`: where the body's density counts."""
_PEAKS = 4
"""Shifts kept for each rotation: several copies of a protein have similar orientations."""
_VOXELS_AT_ONCE = 3_000_000
"""Of all rotations of a batch together."""


def search_everywhere(
    field: Field, atoms: Atoms, resolution: float, keep: int, poll: Callable[[], None] = lambda: None
) -> Poses:
    """Best poses over all orientations and all shifts that keep the body's centre in the box.

    The score is the correlation of map and body about their means where the body's density is, as in fast local
    correlation (Roseman, Acta Cryst. D59, 2003), so that other molecules in the box do not matter.

    Parameters
    ----------
    field : Field
        The map at the resolution, some three voxels to its length.
    atoms : Atoms
    resolution : float
        In angstrom.
    keep : int
        Poses to return; neighbouring shifts of one orientation count once.
    poll : callable
        Called after each batch; what it raises ends the search.

    Returns
    -------
    Poses
        At most ``keep``, best first.
    """
    device = field.values.device
    turns = torch.as_tensor(even_rotations(_count(atoms, resolution)), dtype=torch.float32, device=device)
    thinned = slice(None, None, -(-len(atoms.xyz) // _MOST_ATOMS))
    about = torch.as_tensor((atoms.xyz - atoms.centre)[thinned], dtype=torch.float32, device=device)
    weight = torch.as_tensor(atoms.weight[thinned], dtype=torch.float32, device=device)
    # what sticks out of the box on one side may lie in the same padding as what sticks out on the other
    reach = ((about.norm(dim=-1).max() + resolution) / field.step).ceil().long()
    counts = torch.tensor(field.values.shape)
    nx, ny, nz = (fft.next_fast_len(int(n + r), real=True) for n, r in zip(counts, reach.cpu(), strict=True))
    shape = nx, ny, nz
    box = torch.zeros(shape, device=device)
    box[: counts[0], : counts[1], : counts[2]] = field.values - field.outside
    of_map, of_squares = torch.fft.rfftn(box), torch.fft.rfftn(box * box)
    softening = _softening(shape, field.step, resolution)
    batch = max(1, _VOXELS_AT_ONCE // math.prod(shape))
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for start in range(0, len(turns), batch):
        poll()
        some = turns[start : start + batch]
        score = _scores(some, about, weight, field, shape, softening, of_map, of_squares)
        score = score[:, : counts[0], : counts[1], : counts[2]]
        values, places = _peaks(score)
        which = torch.arange(start, start + len(some), device=device)[:, None].expand_as(places)
        found.append((values.reshape(-1), which.reshape(-1), places.reshape(-1)))
    scores, which, places = (torch.cat(part) for part in zip(*found, strict=True))
    order = scores.topk(min(keep, len(scores))).indices
    places = places[order]
    index = torch.stack(torch.unravel_index(places, field.values.shape), -1)
    return Poses(turns[which[order]], field.origin + index * field.step)


def _count(atoms: Atoms, resolution: float) -> int:
    """Rotations that leave the body's outer atoms within the resolution, 10 to 60 degrees apart."""
    step = min(max(_TURN * resolution / max(atoms.radius, 1.0), math.radians(10)), math.radians(60))
    return rotations_for_step(step)


def _softening(shape: tuple[int, int, int], step: Tensor, resolution: float) -> Tensor:
    squared = squared_frequency(shape, np.diag(step.cpu().double().numpy()))
    softened = np.exp(-0.25 * blur_of_resolution(resolution) * squared)
    return torch.as_tensor(softened, dtype=torch.float32, device=step.device)


def _scores(
    turns: Tensor,
    about: Tensor,
    weight: Tensor,
    field: Field,
    shape: tuple[int, ...],
    softening: Tensor,
    of_map: Tensor,
    of_squares: Tensor,
) -> Tensor:
    """Correlations (rotation, x, y, z) with the body's centre at each voxel."""
    marked = _marked(about @ turns.transpose(-1, -2), weight, field.step, shape)
    model = torch.fft.irfftn(torch.fft.rfftn(marked, dim=(1, 2, 3)) * softening, s=shape, dim=(1, 2, 3))
    mask = (model > _MASK_LEVEL * model.amax(dim=(1, 2, 3), keepdim=True)).float()
    count = mask.sum(dim=(1, 2, 3), keepdim=True)
    model = (model - (model * mask).sum(dim=(1, 2, 3), keepdim=True) / count) * mask
    of_mask = torch.fft.rfftn(mask, dim=(1, 2, 3)).conj()
    of_model = torch.fft.rfftn(model, dim=(1, 2, 3)).conj()

    def together(a: Tensor, b: Tensor) -> Tensor:
        overlap: Tensor = torch.fft.irfftn(a * b, s=shape, dim=(1, 2, 3))
        return overlap

    product = together(of_map, of_model)
    variance = together(of_squares, of_mask) - together(of_map, of_mask).square() / count
    # where there is hardly any density, rounding is all there is
    variance = torch.maximum(variance, 1e-3 * variance.amax(dim=(1, 2, 3), keepdim=True))
    correlation: Tensor = product / (variance * model.square().sum(dim=(1, 2, 3), keepdim=True)).sqrt()
    return correlation


def _marked(xyz: Tensor, weight: Tensor, step: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Atoms (rotation, n, 3) shared out among eight voxels each, their centre at voxel (0, 0, 0), periodically."""
    index = xyz / step
    low = index.floor()
    part = index - low
    size = torch.tensor(shape, device=xyz.device)
    box = torch.zeros(len(xyz), math.prod(shape), device=xyz.device)
    for corner in torch.cartesian_prod(*[torch.arange(2, device=xyz.device)] * 3):
        share = torch.where(corner.bool(), part, 1 - part).prod(-1) * weight
        voxel = (low.long() + corner) % size
        flat = (voxel[..., 0] * shape[1] + voxel[..., 1]) * shape[2] + voxel[..., 2]
        box.scatter_add_(1, flat, share)
    return box.reshape(-1, *shape)


def _peaks(score: Tensor) -> tuple[Tensor, Tensor]:
    """Best shifts of each rotation, one for each block of three voxels: values and flat voxels, (rotation, peak)."""
    values, places = torch.nn.functional.max_pool3d(score[:, None], 3, ceil_mode=True, return_indices=True)
    values, places = values.reshape(len(score), -1), places.reshape(len(score), -1)
    values, order = values.topk(min(_PEAKS, values.shape[1]), dim=1)
    return values, places.gather(1, order)
