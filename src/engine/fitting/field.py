"""A map made ready for fitting: along x, y, z, blurred to a resolution, sampled anywhere with its slope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..density.map import DensityMap
from ..density.resample import blur, resample
from .body import blur_of_resolution

__all__ = ["Field"]


@dataclass(frozen=True)
class Field:
    """Density on an orthogonal grid.

    Parameters
    ----------
    values : Tensor, shape (nx, ny, nz)
    origin, step : Tensor, shape (3,)
        In angstrom.
    outside : float
        What is taken for the density beyond the box.
    """

    values: Tensor
    origin: Tensor
    step: Tensor
    outside: float

    @classmethod
    def of(
        cls, map: DensityMap, own: float, wanted: float, spacing: float, device: torch.device | None = None
    ) -> Field:
        """Blur a map of resolution ``own`` to that ``wanted`` and sample it with a spacing, all in angstrom."""
        extra = blur_of_resolution(wanted) - blur_of_resolution(own)
        soft = blur(map, extra) if extra > 0 else map
        if spacing > 1.02 * float(map.voxel_size.max()) or not map.is_orthogonal:
            soft = resample(soft, spacing)
        elif np.abs(soft.axes - np.diag(soft.axes.diagonal())).max() > 1e-4:
            soft = resample(soft, float(map.voxel_size.max()))
        values = torch.as_tensor(soft.values.copy(), dtype=torch.float32, device=device)
        return cls(
            values,
            torch.as_tensor(soft.origin, dtype=torch.float32, device=device),
            torch.as_tensor(soft.axes.diagonal().copy(), dtype=torch.float32, device=device),
            float(np.median(soft.values)),
        )

    def sample(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Density (...) at points (..., 3) and its slope (..., 3) per angstrom, by trilinear interpolation."""
        size = torch.tensor(self.values.shape, device=points.device)
        index = (points - self.origin) / self.step
        inside = ((index >= 0) & (index <= size - 1)).all(-1)
        index = torch.minimum(index.clamp(min=0), size - 1.001)
        low = index.floor()
        part = index - low
        i, j, k = low.long().unbind(-1)
        u, v, w = part.unbind(-1)
        flat = self.values.reshape(-1)
        ny, nz = self.values.shape[1:]
        base = (i * ny + j) * nz + k
        c = [flat[base + (a * ny + b) * nz + d] for a in (0, 1) for b in (0, 1) for d in (0, 1)]
        z00, z01, z10, z11 = (c[2 * n] + (c[2 * n + 1] - c[2 * n]) * w for n in range(4))
        y0, y1 = z00 + (z01 - z00) * v, z10 + (z11 - z10) * v
        value = y0 + (y1 - y0) * u
        dz = [c[2 * n + 1] - c[2 * n] for n in range(4)]
        along_z = (dz[0] + (dz[1] - dz[0]) * v) * (1 - u) + (dz[2] + (dz[3] - dz[2]) * v) * u
        along_y = (z01 - z00) * (1 - u) + (z11 - z10) * u
        slope = torch.stack([y1 - y0, along_y, along_z], dim=-1) / self.step
        value = torch.where(inside, value, torch.full_like(value, self.outside))
        return value, torch.where(inside[..., None], slope, torch.zeros_like(slope))
