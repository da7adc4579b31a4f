"""map/src/volume.py: an open map with its grid, region and step."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chimerax.core.models import Model
from chimerax.map_data import GridData

if TYPE_CHECKING:
    from chimerax.core.session import Session


class _Defaults:
    """map/src/defaultsettings.py."""

    def __init__(self):
        self._values = {"limit_voxel_count": True, "voxel_limit": 16.0}

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def update(self, values):
        self._values.update(values)


def default_settings(session: Session) -> _Defaults:
    if not hasattr(session, "volume_defaults"):
        session.volume_defaults = _Defaults()
    return session.volume_defaults


def faces_per_axis(image_style: bool, image_mode: str) -> int:
    return {"box faces": 2, "orthoplanes": 1}.get(image_mode, 0) if image_style else 0


def subarray_size(ijk_min, ijk_max, step, faces_per_axis=0):
    pi, pj, pk = (max(ijk_max[a] // step[a] - (ijk_min[a] + step[a] - 1) // step[a] + 1, 1) for a in range(3))
    return faces_per_axis * (pi * pj + pi * pk + pj * pk) if faces_per_axis else pi * pj * pk


def ijk_step_for_voxel_limit(
    ijk_min: Sequence[int],
    ijk_max: Sequence[int],
    ijk_step: Sequence[int],
    faces_per_axis: int,
    limit_voxel_count: bool,
    mvoxel_limit: float | None,
) -> Sequence[int]:
    if not limit_voxel_count or mvoxel_limit is None:
        return ijk_step

    def count(step):
        return subarray_size(ijk_min, ijk_max, step, faces_per_axis)

    limit = int(mvoxel_limit * 2**20)
    step = ijk_step
    while count(step) > limit:
        coarser = [2 * s for s in step]
        if count(coarser) >= count(step):
            break
        step = coarser
    while tuple(step) != (1, 1, 1):
        finer = [max(1, s // 2) for s in step]
        if count(finer) > limit:
            break
        step = finer
    return step


class _RegionList:
    """Class Region_List."""

    def __init__(self):
        self._named = {}

    def region_names(self) -> list[str]:
        return list(self._named)

    def add_named_region(self, name, ijk_min, ijk_max):
        self._named[name] = (ijk_min, ijk_max)

    def named_region_bounds(self, name):
        return self._named.get(name, (None, None))


class VolumeSurface(Model):
    """Contour surface of a map."""

    triangle_mask: NDArray[Any] | None = None
    auto_remask_triangles: Any = None


class Volume(Model):
    """An open map; drawing is not imitated."""

    def __init__(self, session: Session, data: GridData, region: Any = None, rendering_options: Any = None) -> None:
        super().__init__(data.name, session)
        self.data = data
        defaults = default_settings(session)
        self.rendering_options: Any = rendering_options or SimpleNamespace(
            image_mode="full region",
            limit_voxel_count=defaults["limit_voxel_count"],
            voxel_limit=defaults["voxel_limit"],
        )
        self.image_shown = False
        self.region_list = _RegionList()
        self.surfaces: list[VolumeSurface] = []
        self.region: tuple[Sequence[int], Sequence[int], Sequence[int]] = region or self.full_region()

    def add_surface(self, level: float, rgba: Any = (0.7, 0.7, 0.7, 1), display: bool = True) -> VolumeSurface:
        """The surface is that of a cube in each grid point above the level."""
        surface = VolumeSurface("surface", self.session)
        k, j, i = (self.data.matrix() > level).nonzero()
        points = self.data.ijk_to_xyz(np.stack([i, j, k], -1))
        rows = np.arange(len(points) // 3 * 3, dtype=np.int32).reshape(-1, 3)
        surface.set_geometry(points.astype(np.float32), None, rows)
        self.surfaces.append(surface)
        self.add([surface])
        return surface

    def update_drawings(self) -> None:
        """Surfaces are computed when they are added."""

    def full_region(self) -> tuple[list[int], list[int], list[int]]:
        return [0, 0, 0], [n - 1 for n in self.data.size], [1, 1, 1]

    def new_region(
        self,
        ijk_min: Sequence[int] | None = None,
        ijk_max: Sequence[int] | None = None,
        ijk_step: Sequence[int] | None = None,
        adjust_step: bool = True,
        adjust_voxel_limit: bool = True,
    ) -> None:
        low = [int(i) for i in (self.region[0] if ijk_min is None else ijk_min)]
        high = [int(i) for i in (self.region[1] if ijk_max is None else ijk_max)]
        step = [int(i) for i in (self.region[2] if ijk_step is None else ijk_step)]
        options = self.rendering_options
        faces = faces_per_axis(self.image_shown, options.image_mode)
        adjusted = ijk_step_for_voxel_limit(low, high, step, faces, options.limit_voxel_count, options.voxel_limit)
        if adjust_step:
            step = adjusted
        elif adjust_voxel_limit and tuple(step) != tuple(adjusted):
            options.voxel_limit = 1.01 * subarray_size(low, high, step, faces) / 2**20
        self.region = (low, high, step)

    def subregion(self, step: Any = None, subregion: Any = None) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
        if subregion is None or subregion == "shown":
            low, high = self.region[:2]
        elif subregion == "all":
            low, high = self.full_region()[:2]
        elif isinstance(subregion, str):
            low, high = self.region_list.named_region_bounds(subregion)
            if low is None:
                low, high = self.region[:2]
        else:
            low, high = subregion
        if step is None:
            step = self.region[2]
        elif isinstance(step, int):
            step = (step, step, step)
        return low, high, step

    def step_aligned_region(
        self, region: Sequence[Sequence[int]], clamp: bool = True
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        low, high, step = region
        origin = [s * ((i + s - 1) // s) for i, s in zip(low, step, strict=True)]
        for a in range(3):
            if origin[a] > high[a] and low[a] <= high[a]:
                origin[a] -= step[a]
        end = [max(s * (i // s), o) for i, s, o in zip(high, step, origin, strict=True)]
        size = [e - o + s for e, o, s in zip(end, origin, step, strict=True)]
        if clamp:
            origin = [max(i, 0) for i in origin]
            limits = zip(size, origin, self.data.size, strict=True)
            size = [s if o + s <= limit else max(0, limit - o) for s, o, limit in limits]
        return tuple(origin), tuple(size), tuple(step)

    def region_matrix(self, region: Sequence[Sequence[int]] | None = None, read_matrix: bool = True) -> NDArray[Any]:
        return self.data.matrix(*self.step_aligned_region(self.region if region is None else region))

    def matrix(self, read_matrix: bool = True, step: Any = None, subregion: Any = None) -> NDArray[Any]:
        return self.region_matrix(self.subregion(step, subregion))

    def full_matrix(self, read_matrix: bool = True, step: Sequence[int] = (1, 1, 1)) -> NDArray[Any]:
        return self.matrix(read_matrix, step, self.full_region()[:2])


def volume_from_grid_data(grid_data, session, style="auto", open_model=True, model_id=None, show_dialog=True, **kw):
    volume = Volume(session, grid_data)
    volume.id = model_id
    # set_initial_region_and_style
    low, high, _ = volume.full_region()
    options = volume.rendering_options
    step = ijk_step_for_voxel_limit(low, high, (1, 1, 1), 0, options.limit_voxel_count, options.voxel_limit)
    volume.new_region(low, high, step, adjust_step=False)
    if open_model:
        session.models.add([volume])
    return volume


def volume_list(session: Session) -> list[Volume]:
    return [m for m in session.models.list() if isinstance(m, Volume)]
