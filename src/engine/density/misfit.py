"""Why a model does not lie in a map: not fitted, or a map of the other hand or with another voxel size."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from ..density.map import DensityMap
from ..density.shift_search import ShiftFit, ShiftSearch

__all__ = ["DOUBTFUL_CORRELATION", "DOUBTFUL_Z", "Misfit", "examine_placement", "lies_in"]

DOUBTFUL_Z = 0.5
"""Standard deviations of the map by which a model's density must exceed the mean; docked ones do by far."""
DOUBTFUL_CORRELATION = 0.25
"""Correlation at the map's own resolution below which the placement is to be examined: right models, incomplete as they
come, had 0.31 and more, misplaced ones below 0.1, and details matter in between."""

_LEAST_HERE = 0.2
"""Low-resolution correlation (`ShiftSearch`) from which a model does lie in the map. Models in their place gave 0.32
to 0.67, one of them with a single domain of three in place; beside it, or turned at random, at most 0.09."""
_LEAST_FOUND = 0.31
"""Correlation from which an explanation counts: random orientations reached 0.30 at
their best position, at any scale."""
_LEAST_GAIN = 0.1
"""By which another hand or voxel size must beat shifting alone."""
_LEAST_SCALE_GAIN = 0.03
"""The same in the closer look at two fits that both explain something, where an error of 10 % costs 0.04 to 0.26."""
_CLOSER_SPACING = 1.25
"""Step in angstrom of the closer look."""
_SCALES = tuple(round(0.8 + 0.025 * i, 3) for i in range(19))
"""Factors on the voxel size that are tried: 0.8 to 1.25."""
_NEAR = 0.08
"""Around the best factor, those that are looked at closer."""
_AXES = "xyz"


@dataclass(frozen=True)
class Misfit:
    """Verdict on the placement of a model.

    Attributes
    ----------
    fits : bool
        Whether the model lies in density where it is.
    cause : str
        What would make it fit, as part of a sentence; empty if nothing that was tried does.
    of_map : bool
        Whether that is a change of the map: its sign, hand or voxel size.
    """

    fits: bool
    cause: str = ""
    of_map: bool = False

    def advice(self) -> str:
        """Sentence for the user about a model that does not fit."""
        found = f"it seems that {self.cause}" if self.cause else "neither the other hand nor another voxel size helps"
        return (
            "The model hardly lies in density, so it may not be docked: place it in the map first (with 'dock' auto or "
            f"always, or 'adp3d dock'), then check again; {found}."
        )


def examine_placement(density: DensityMap, points: ArrayLike) -> Misfit:
    """Whether atoms lie in a map at low resolution, and if not, what would make them.

    Tried, each with every shift: the model as it is, the map mirrored along x, y or z (which differ by a half turn),
    and the map with 0.8 to 1.25 times its voxel size. Rotations are not searched.

    Parameters
    ----------
    density : DensityMap
    points : array_like, shape (..., 3)
        Backbone atoms in angstrom; rows with NaN are skipped.

    Returns
    -------
    Misfit
    """
    search = ShiftSearch(density, points)
    plain = search.fit()
    if plain.here >= _LEAST_HERE:
        return Misfit(fits=True)
    # in this order: a map of the wrong hand has no right size, one of the wrong size no right place
    of_map = _sign(plain) or _hand(search, plain) or _size(density, points, search, plain)
    return Misfit(fits=False, cause=of_map or _place(plain), of_map=bool(of_map))


def lies_in(density: DensityMap, points: ArrayLike) -> bool:
    """Whether atoms lie in a map at low resolution, as `examine_placement` judges it."""
    return ShiftSearch(density, points).fit().here >= _LEAST_HERE


def _sign(plain: ShiftFit) -> str:
    if -plain.here < _LEAST_FOUND:
        return ""
    return f"the density has the wrong sign (the correlation at low resolution is {plain.here:.2f})"


def _hand(search: ShiftSearch, plain: ShiftFit) -> str:
    mirrored = {axis: search.fit(mirror=axis) for axis in range(3)}
    axis = max(mirrored, key=lambda a: mirrored[a].best)
    if not _explains(mirrored[axis], plain):
        return ""
    return f"the map has the wrong hand (mirrored along {_AXES[axis]} {_compared(mirrored[axis], plain)})"


def _size(density: DensityMap, points: ArrayLike, search: ShiftSearch, plain: ShiftFit) -> str:
    # a map with larger voxels holds a larger molecule
    scaled = {scale: search.fit(scale=1.0 / scale) for scale in _SCALES if scale != 1.0}
    scale = max(scaled, key=lambda s: scaled[s].best)
    if plain.best >= _LEAST_FOUND:
        # blurred as much, small molecules of many sizes fit: look closer
        scale, better = _closer(density, points, scale)
    else:
        better = _explains(scaled[scale], plain)
    if not better:
        return ""
    size = float(density.voxel_size.mean())
    told = _compared(scaled[scale], plain)
    return f"the voxel size of the map is wrong (with about {size * scale:.2f} A instead of {size:.2f} A {told})"


def _place(plain: ShiftFit) -> str:
    if plain.best < _LEAST_FOUND:
        return ""
    x, y, z = plain.shift
    return (
        f"the model is displaced, or the origin of the map wrong (moved by {x:.0f}, {y:.0f}, {z:.0f} A, the "
        f"correlation at low resolution is {plain.best:.2f} instead of {plain.here:.2f})"
    )


def _compared(fit: ShiftFit, plain: ShiftFit) -> str:
    return f"and shifted, the correlation at low resolution is {fit.best:.2f} instead of {plain.here:.2f}"


def _closer(density: DensityMap, points: ArrayLike, coarse: float) -> tuple[float, bool]:
    """Best factor near a coarse one, and whether it beats the voxel size as it is."""
    search = ShiftSearch(density, points, _CLOSER_SPACING)
    fits = {scale: search.fit(scale=1.0 / scale).best for scale in _SCALES if abs(scale - coarse) < _NEAR}
    scale = max(fits, key=lambda s: fits[s])
    return scale, scale != 1.0 and fits[scale] >= search.fit().best + _LEAST_SCALE_GAIN


def _explains(fit: ShiftFit, plain: ShiftFit) -> bool:
    return fit.best >= _LEAST_FOUND and fit.best >= plain.best + _LEAST_GAIN
