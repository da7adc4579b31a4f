"""Other grids for the same density, and blurring."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.ndimage import map_coordinates, spline_filter

from ..contract.errors import InputError
from .fourier import filtered, padded
from .map import DensityMap

__all__ = ["blur", "fourier_resample", "limit_sampling", "low_pass", "resample", "resample_like"]

POINTS_AT_ONCE = 2**20
RAMP_VOXELS = 8


def blur(map: DensityMap, b_factor: float) -> DensityMap:
    """Multiply the transform of a map by exp(-B |s|^2 / 4).

    A density of Gaussian atoms keeps its integral and has its atomic B-factors raised by B. Outside
    the box the density is taken to fall to the mean of the faces.

    Parameters
    ----------
    map : DensityMap
        The map.
    b_factor : float
        B in square angstrom; negative values sharpen (and amplify noise without bound: filter too).
    """
    width = math.sqrt(abs(b_factor) / (8 * math.pi**2))
    step = float(map.voxel_size.max())
    return filtered(map, lambda s2: np.exp(-0.25 * b_factor * s2), 5 * width + 4 * step)


def low_pass(map: DensityMap, resolution: float) -> DensityMap:
    """Remove what is finer than `resolution` angstrom (cosine edge one tenth of 1/d wide, centred there)."""
    cutoff = 1.0 / resolution

    def transfer(s2: NDArray[Any]) -> NDArray[Any]:
        position = np.clip((np.sqrt(s2) / cutoff - 0.95) / 0.1, 0.0, 1.0)
        result: NDArray[Any] = 0.5 * (1.0 + np.cos(math.pi * position))
        return result

    return filtered(map, transfer, 2 * resolution)


def fourier_resample(map: DensityMap, spacing: float) -> DensityMap:
    """Finer or coarser steps along the same axes, by cropping or padding the transform.

    Nothing below both Nyquist frequencies is changed, nothing above the new one is kept. The origin
    stays; the steps are within 1 % of `spacing` (their number must be whole).

    Parameters
    ----------
    map : DensityMap
        The map, shape (nx, ny, nz).
    spacing : float
        Wanted length of each step in angstrom.

    Raises
    ------
    InputError
        If fewer than two points are left along an axis.
    """
    plan = [_plan(n, float(step), spacing) for n, step in zip(map.shape, map.voxel_size, strict=True)]
    box = padded(map.values, (RAMP_VOXELS, RAMP_VOXELS, RAMP_VOXELS))
    # Pad on behind to the planned lengths; the ramp ends at a constant, which simply goes on.
    behind = [(0, total - have) for (total, _), have in zip(plan, box.shape, strict=True)]
    box = np.pad(box, behind, mode="edge")
    # The new grid must start at the old origin: rotate the front padding to the end.
    box = np.roll(box, (-RAMP_VOXELS, -RAMP_VOXELS, -RAMP_VOXELS), axis=(0, 1, 2))
    spectrum = fft.rfftn(box)
    for axis, (total, new) in enumerate(plan):
        spectrum = _fit_axis(spectrum, axis, total, new)
    back = fft.irfftn(spectrum, s=tuple(new for _, new in plan))
    back *= math.prod(new for _, new in plan) / math.prod(total for total, _ in plan)
    scale = np.array([total / new for total, new in plan])
    counts = np.floor((np.array(map.shape) - 1) / scale + 1e-9).astype(int) + 1
    if counts.min() < 2:
        raise InputError(f"A spacing of {spacing:g} A leaves less than two voxels along an axis; take a finer one.")
    kept = back[: counts[0], : counts[1], : counts[2]]
    return DensityMap(kept, map.origin, map.axes * scale[:, None], map.notes)


def resample(map: DensityMap, spacing: float) -> DensityMap:
    """Bring the density onto a grid along x, y, z with (nearly) equal steps.

    A grid that already lies along x, y, z is resampled in Fourier space. Any other (a crystal's
    oblique cell, a turned map) is interpolated with cubic splines onto its bounding box, after a
    low-pass filter if the new grid is coarser; points outside the old box get zero.

    Parameters
    ----------
    map : DensityMap
        The map.
    spacing : float
        Wanted step in angstrom; steps are within 1 % of it.

    Raises
    ------
    InputError
        If the spacing is not positive, or leaves less than two voxels along an axis.
    """
    if not (spacing > 0 and math.isfinite(spacing)):
        raise InputError(f"The spacing of a grid must be a positive number of angstrom, not {spacing}.")
    diagonal = np.diag(map.axes)
    if (diagonal > 0).all() and np.abs(map.axes - np.diag(diagonal)).max() < 1e-4 * diagonal.min():
        return fourier_resample(map, spacing)
    if spacing > float(map.voxel_size.max()):
        map = low_pass(map, 2 * spacing)
    ends = np.array(map.shape) - 1
    corners = map.to_points(np.array(list(itertools.product(*([0, end] for end in ends)))))
    low, high = corners.min(axis=0), corners.max(axis=0)
    counts = np.floor((high - low) / spacing + 1e-9).astype(int) + 1
    if counts.min() < 2:
        raise InputError(f"A spacing of {spacing:g} A leaves less than two voxels along an axis; take a finer one.")
    return _interpolate(map, (counts[0], counts[1], counts[2]), low, np.eye(3) * spacing)


def resample_like(map: DensityMap, reference: DensityMap) -> DensityMap:
    """Bring `map` onto the grid points of `reference`; zero outside `map`.

    Copied where both grids share their lattice (a crop, for instance), cubic splines elsewhere.
    """
    shift = map.to_index(reference.origin)
    whole = np.rint(shift).astype(int)
    far = np.array(reference.shape) - 1
    drift = map.to_index(reference.to_points(far)) - (shift + far)
    aligned = np.abs(map.axes - reference.axes).max() < 0.01 * map.voxel_size.min()
    if not (aligned and np.abs(shift - whole).max() < 0.01 and np.abs(drift).max() < 0.01):
        return _interpolate(map, reference.shape, reference.origin, reference.axes)
    values = np.zeros(reference.shape, dtype=np.float32)
    first = np.maximum(whole, 0)
    last = np.minimum(whole + np.array(reference.shape), np.array(map.shape))
    if (last > first).all():
        source = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        target = tuple(slice(a, b) for a, b in zip(first - whole, last - whole, strict=True))
        values[target] = map.values[source]
    return DensityMap(values, reference.origin, reference.axes, map.notes)


def limit_sampling(map: DensityMap, resolution: float, finest: float = 4.0, target: float = 3.0) -> DensityMap:
    """Coarsen a grid that is much finer than the resolution needs; return any other map itself.

    Voxels smaller than ``resolution / finest`` become ``resolution / target``: Nyquist is then at
    1.5 / resolution, so that no signal is lost and every likelihood evaluation is cheaper.
    """
    if float(map.voxel_size.max()) >= resolution / finest:
        return map
    return fourier_resample(map, resolution / target)


def _plan(n: int, step: float, spacing: float) -> tuple[int, int]:
    """Choose a padded length and its new number of points so that the new step is close to `spacing`."""
    least = fft.next_fast_len(n + 2 * RAMP_VOXELS, real=True)
    best: tuple[float, int, int] | None = None
    for total in range(least, least + 64):
        new = max(2, round(total * step / spacing))
        # Prefer short boxes and fast transforms among the equally good ones.
        fast = fft.next_fast_len(total, real=True) == total and fft.next_fast_len(new, real=True) == new
        error = abs(total * step / new / spacing - 1)
        cost = max(error, 1e-3) + 1e-5 * (total - least) + (0 if fast else 2e-3)
        if best is None or cost < best[0]:
            best = (cost, total, new)
    assert best is not None
    return best[1], best[2]


def _fit_axis(spectrum: NDArray[Any], axis: int, total: int, new: int) -> NDArray[Any]:
    """Crop or zero-pad one axis of a half transform (the last axis holds frequencies >= 0 only)."""
    if total == new:
        return spectrum
    kept = (min(total, new) - 1) // 2
    shape = list(spectrum.shape)
    shape[axis] = new // 2 + 1 if axis == 2 else new
    out = np.zeros(shape, dtype=spectrum.dtype)
    head = tuple(slice(0, kept + 1) if a == axis else slice(None) for a in range(3))
    out[head] = spectrum[head]
    if axis != 2 and kept > 0:
        tail = tuple(slice(-kept, None) if a == axis else slice(None) for a in range(3))
        out[tail] = spectrum[tail]
    return out


def _interpolate(map: DensityMap, shape: tuple[int, int, int], origin: ArrayLike, axes: NDArray[Any]) -> DensityMap:
    start = np.asarray(origin, dtype=np.float64)
    coefficients = spline_filter(map.values, order=3, output=np.float32, mode="mirror")
    values = np.zeros(math.prod(shape), dtype=np.float32)
    last = np.array(map.shape) - 1
    for first in range(0, values.size, POINTS_AT_ONCE):
        part = np.arange(first, min(first + POINTS_AT_ONCE, values.size))
        index = map.to_index(start + np.stack(np.unravel_index(part, shape), axis=-1) @ axes)
        inside = ((index > -1e-6) & (index < last + 1e-6)).all(axis=1)
        values[part[inside]] = map_coordinates(
            coefficients, np.clip(index[inside], 0, last).T, order=3, mode="mirror", prefilter=False
        )
    return DensityMap(values.reshape(shape), start, axes, map.notes)
