"""surface/src/zone.py: parts of surfaces near points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class ZoneMask:
    """What keeps a surface cut out when its level changes."""

    def __init__(self, surface: Any, points: NDArray[Any], distance: float, max_components: int | None) -> None:
        self.surface, self.points, self.distance = surface, points, distance


def surface_zone(
    surface: Any, points: NDArray[Any], distance: float, auto_update: bool = False, max_components: int | None = None
) -> None:
    near = np.linalg.norm(surface.vertices[:, None] - points[None], axis=-1).min(1) <= distance
    surface.triangle_mask = near[surface.triangles].all(1)
    surface.auto_remask_triangles = ZoneMask(surface, points, distance, max_components) if auto_update else None


def zoning(surface: Any) -> ZoneMask | None:
    mask = surface.auto_remask_triangles
    return mask if isinstance(mask, ZoneMask) else None


def surface_unzone(surface: Any) -> None:
    surface.auto_remask_triangles = None
    surface.triangle_mask = None
