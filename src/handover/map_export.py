"""The open map as the input of a job: what is shown of it, at full sampling, cut out around the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .mrc import write_mrc

if TYPE_CHECKING:
    from chimerax.map import Volume
    from chimerax.map_data import GridData

__all__ = ["BIG_MAP", "MARGIN", "Region", "choose_region", "margin_for_gap", "write_map"]

BIG_MAP = 8_000_000
"""Voxels beyond which a map is cut out around the model before it is written."""

MARGIN = 20.0
"""Angstrom kept around the model at least."""

_MAX_VOXELS = 2**31 - 1


@dataclass(frozen=True)
class Region:
    """Part of a grid.

    Parameters
    ----------
    low, high : tuple of int
        First and last grid index along i, j, k.
    step : tuple of int
        Every how many grid points.
    notes : tuple of str
        What the user should know about the choice.
    """

    low: tuple[int, int, int]
    high: tuple[int, int, int]
    step: tuple[int, int, int]
    notes: tuple[str, ...] = ()

    def as_chimerax(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Region in the form that ChimeraX's `Volume` uses."""
        return self.low, self.high, self.step


def margin_for_gap(residues: int) -> float:
    """Angstrom to keep around a model whose longest missing stretch has that many residues.

    A compact domain of n residues is about 4.4 n^0.38 wide.
    """
    return MARGIN + (min(60.0, 4.4 * residues**0.38) if residues > 0 else 0.0)


def choose_region(
    volume: Volume,
    points: NDArray[np.float64] | None,
    margin: float = MARGIN,
    region: str = "shown",
    step: int | None = None,
) -> Region:
    """Part of a map that a job gets.

    The shown region counts (an eraser, a mask or a crop leave their traces in the data or the region). Of
    the shown step only what the user chose counts: when a map is big ChimeraX by itself draws every second
    or fourth point, which would cost resolution. Maps of more than `BIG_MAP` voxels are cut out around the
    model.

    Parameters
    ----------
    volume : Volume
    points : ndarray, shape (n, 3), or None
        Atoms in the map's own frame; None cuts nothing out.
    margin : float
        Angstrom kept around them.
    region : str
        ``shown``, ``all``, or a region named in ChimeraX.
    step : int or None
        Sampling step; None chooses as described.

    Raises
    ------
    UserError
        If no atom is near the region, or the region would be a plane.
    """
    from chimerax.core.errors import UserError

    name = _name(volume)
    notes: list[str] = []
    if region not in ("shown", "all") and region not in volume.region_list.region_names():
        raise UserError(f"There is no region '{region}' of map {name}; use shown, all or a named region.")
    low, high = (np.array(ends, dtype=int) for ends in volume.subregion(subregion=region)[:2])
    flat = high - low < 1
    if flat.any():
        low[flat], high[flat] = 0, np.array(volume.data.size)[flat] - 1
        notes.append(f"Map {name} shows a single plane; the job gets the full depth.")
    if (high - low < 1).any():
        raise UserError(f"{name} is a flat image of {' x '.join(map(str, volume.data.size))} points, not a 3-D map.")
    chosen = (step,) * 3 if step is not None else _chosen_step(volume, low, high, notes)
    count = int(np.prod((high - low) // np.array(chosen) + 1))
    if points is not None and len(points):
        around = _around(volume, points, margin)
        if (around[0] > high).any() or (around[1] < low).any():
            raise UserError(
                f"The model lies outside of map {name}: place it there first ('adp3d dock', or 'dock auto' of a "
                "refinement), or show the region around it."
            )
        if count > BIG_MAP:
            low, high = np.maximum(low, around[0]), np.minimum(high, around[1])
            # A slab of less than two sampled planes would not be a map.
            high = np.minimum(np.maximum(high, low + 2 * np.array(chosen)), np.array(volume.data.size) - 1)
            low = np.maximum(np.minimum(low, high - 2 * np.array(chosen)), 0)
            kept = int(np.prod((high - low) // np.array(chosen) + 1))
            if kept < count:
                notes.append(f"Map {name} is cut out {margin:.0f} A around the model: {kept:,} of {count:,} voxels.")
            count = kept
    if count > _MAX_VOXELS:
        raise UserError(f"Map {name} has {count:,} voxels, which is too many; show the region around the model only.")
    return Region(_ints(low), _ints(high), _ints(np.array(chosen)), tuple(notes))


def write_map(volume: Volume, region: Region, path: Path, like: Volume | None = None) -> None:
    """Write a region of a map as an MRC file in the map's own frame.

    Parameters
    ----------
    volume : Volume
    region : Region
    path : Path
        Ends in ``.mrc``.
    like : Volume or None
        For half maps: the map whose grid this one must have.

    Raises
    ------
    UserError
        If the grid differs from that of ``like``, values are not finite or all the same, or the disk refuses.
    """
    from chimerax.core.errors import UserError

    name = _name(volume)
    if like is not None and not _same_grid(volume.data, like.data):
        raise UserError(f"Half map {name} and map {_name(like)} have different grids; open half maps of the same box.")
    start, _, step = volume.step_aligned_region(region.as_chimerax())
    values = np.asarray(volume.region_matrix(region.as_chimerax()))
    if values.ndim != 3 or np.iscomplexobj(values):
        raise UserError(f"{name} is not a map of real values; open the density map instead.")
    values = values.astype(np.float32)
    if not np.isfinite(values).all():
        raise UserError(
            f"Map {name} has voxels that are not finite numbers; repair it, for instance 'volume threshold'."
        )
    if values.min() == values.max():
        raise UserError(f"Map {name} has the same value everywhere in the chosen region; show another region.")
    data = volume.data
    spacing = np.asarray(data.step, np.float64) * np.asarray(step)
    try:
        write_mrc(path, values, data.ijk_to_xyz(start), spacing, data.cell_angles, data.rotation)
    except OSError as error:
        raise UserError(f"Map {name} could not be written to {path.parent}: {error.strerror or error}.") from error


def _name(volume: Volume) -> str:
    return f"#{volume.id_string} ({volume.name})"


def _ints(values: NDArray[np.int_]) -> tuple[int, int, int]:
    i, j, k = (int(v) for v in values)
    return i, j, k


def _chosen_step(
    volume: Volume, low: NDArray[np.int_], high: NDArray[np.int_], notes: list[str]
) -> tuple[int, int, int]:
    """Return the shown step if it is the user's choice, else 1."""
    from chimerax.map.volume import default_settings, faces_per_axis, ijk_step_for_voxel_limit

    i, j, k = (int(s) for s in volume.region[2])
    shown = (i, j, k)
    if shown == (1, 1, 1):
        return shown
    # The map's own limit follows the step that the user chooses; the limit by default tells what ChimeraX chose.
    options, defaults = volume.rendering_options, default_settings(volume.session)
    faces = faces_per_axis(volume.image_shown, options.image_mode)
    limit = (defaults["limit_voxel_count"], defaults["voxel_limit"])
    automatic = ijk_step_for_voxel_limit(low.tolist(), high.tolist(), (1, 1, 1), faces, *limit)
    if tuple(automatic) == shown:
        notes.append(
            f"Map {_name(volume)} is drawn with step {max(shown)} only because it is big; the job gets step 1."
        )
        return 1, 1, 1
    notes.append(f"The job gets map {_name(volume)} at the step shown, {','.join(map(str, shown))}.")
    return shown


def _around(volume: Volume, points: NDArray[np.float64], margin: float) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First and last grid index within a margin of the points (not limited to the grid)."""
    matrix = np.asarray(volume.data.xyz_to_ijk_transform.matrix, np.float64)
    index = points @ matrix[:, :3].T + matrix[:, 3]
    reach = margin * np.linalg.norm(matrix[:, :3], axis=1)
    return (
        np.floor(index.min(axis=0) - reach).astype(int),
        np.ceil(index.max(axis=0) + reach).astype(int),
    )


def _same_grid(a: GridData, b: GridData) -> bool:
    """Whether two grids have the same size and place, to a hundredth of a voxel."""
    if tuple(a.size) != tuple(b.size):
        return False
    corners = np.array([(0, 0, 0), *np.diag(a.size), a.size], dtype=np.float64)
    apart = [np.asarray(a.ijk_to_xyz(c)) - np.asarray(b.ijk_to_xyz(c)) for c in corners]
    return bool(np.abs(apart).max() < 0.01 * min(a.step))
