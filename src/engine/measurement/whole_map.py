"""A map as its files have it, before any model: its resolution, and a grid that the rest can work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..density.crop import check_overlap
from ..density.map import DensityMap
from ..density.read import read_map
from ..density.resample import resample
from ..density.resolution import estimate_resolution
from ..job.events import Events

__all__ = ["MapFiles", "WholeMap", "read_whole_map", "voxels_too_coarse"]

_NYQUIST_SLACK = 0.95
"""Rounding of stated resolutions and voxel sizes that is no contradiction."""


@dataclass(frozen=True)
class MapFiles:
    """Where a map comes from, and what the user says of it.

    Attributes
    ----------
    map : str
        Path.
    half_maps : (str, str) or None
        Paths.
    resolution : float or None
        In angstrom; estimated if None.
    """

    map: str
    half_maps: tuple[str, str] | None = None
    resolution: float | None = None


@dataclass(frozen=True)
class WholeMap:
    """A map that has been read.

    Attributes
    ----------
    stored : DensityMap
        As in its file.
    density : DensityMap
        On an orthogonal grid; the same object where that of the file is one.
    halves : (DensityMap, DensityMap) or None
    resolution : float
        In angstrom.
    softened : DensityMap, optional
        ``density`` blurred, where it was sharpened beyond what its noise bears.
    """

    stored: DensityMap
    density: DensityMap
    halves: tuple[DensityMap, DensityMap] | None
    resolution: float
    softened: DensityMap | None = None

    @property
    def working(self) -> DensityMap:
        """What models are built in; figures are told of ``density``."""
        return self.density if self.softened is None else self.softened


def read_whole_map(files: MapFiles, points: NDArray[np.float64], events: Events) -> WholeMap:
    """Read a map, and estimate its resolution if the user does not know it.

    Parameters
    ----------
    files : MapFiles
    points : ndarray, shape (K, 3)
        Atoms of the model, in angstrom: a map that has nothing to do with them is refused at once.
    events : Events

    Raises
    ------
    InputError
        If the map cannot be used.
    NoOverlapError
        If the model lies elsewhere.
    """
    stored = read_map(files.map)
    for note in stored.notes:
        events.message(note, "warning")
    halves = None if files.half_maps is None else (read_map(files.half_maps[0]), read_map(files.half_maps[1]))
    check_overlap(stored, points)
    resolution = files.resolution
    if resolution is None:
        estimate = estimate_resolution(stored, halves)
        resolution = estimate.value
        for warning in estimate.warnings:
            events.message(warning, "warning")
        events.message(
            f"Resolution estimated from {estimate.method}: {resolution:.1f} A (give 'resolution' if you know it)."
        )
    if voxels_too_coarse(stored, resolution):
        finest = 2.0 * float(stored.voxel_size.max())
        events.message(
            f"The map's voxels of {stored.voxel_size.max():.2f} A hold no detail finer than {finest:.1f} A, but the "
            f"resolution given is {resolution:g} A: give the map's true resolution, or a map with finer voxels.",
            "warning",
        )
    density = stored
    if not stored.is_orthogonal:
        density = resample(stored, float(min(stored.voxel_size.min(), resolution / 3)))
    return WholeMap(stored, density, halves, resolution)


def voxels_too_coarse(density: DensityMap, resolution: float) -> bool:
    """Whether a map's voxels cannot hold detail of this resolution (in angstrom)."""
    return resolution < _NYQUIST_SLACK * 2.0 * float(density.voxel_size.max())
