"""Maps that were sharpened beyond what their noise bears, made fit to build models in."""

from __future__ import annotations

from dataclasses import replace

from ..contract.errors import InputError
from ..density.crop import crop
from ..density.map import DensityMap
from ..density.resample import blur, limit_sampling, low_pass
from ..density.sharpness import relative_sharpness
from .known_density import known_density
from .protocol import Scene
from .whole_map import WholeMap

__all__ = ["known_sharpness", "softened"]

_TRIAL_B = 20.0
"""B in A^2 of the density that is compared with the map: any that the voxels resolve will do, the fit adds the rest."""
_TOO_SHARP = -1.0
"""B in units of the resolution squared below which a map is over-sharpened: no atom is sharper than a point, and bent
models make maps look sharper (-2 A^2 for one of 1 A^2 at 1.75 A)."""
_COARSEST = 4.5
"""Resolution in angstrom up to which that is known: coarse shells fall off as the molecule happens to make them (a map
of 1.75 A with B = 1 A^2 has -148 A^2 in shells up to 8 A)."""
_ORDINARY = 4.0
"""B of the map that is made of it, in units of the resolution squared: that of simulated maps of ordinary atoms (3.5 to
4; experimental ones of 1.75 to 3.9 A have 0.2 to 10). Of three validation chains at 3 A, in maps sharpened by 100 A^2,
the correlation of the result is 0.11 with the map as it is, 0.70 with 4 and 0.76 with 8 (0.82 before it was sharpened),
and missing residues are off by 0.34, 0.30 and 0.35 A (mean; 0.36 A)."""
_BEYOND = 0.9
"""Finest detail that is left, in units of the resolution: noise in finer shells was sharpened most of all."""
_PASSES = 3
"""Times that the blur is corrected: the more noise is taken away, the better what is left can be measured."""
_MARGIN = 12.0
"""Angstrom around the known atoms in which the sharpness is measured."""


def known_sharpness(density: DensityMap, scene: Scene, resolution: float) -> float | None:
    """B in A^2 of the atoms that explain how a map falls off, from the known residues; None if they explain nothing."""
    try:
        fitted = relative_sharpness(density, known_density(density, scene, _TRIAL_B), resolution)
    except InputError:
        return None
    return _TRIAL_B + fitted.b_factor


def softened(whole: WholeMap, scene: Scene) -> WholeMap:
    """A map with a blurred form to work in, if it is sharper than any atoms could be; else the map as it is.

    What sharpening adds beyond that is noise, which rules correlations and likelihoods then. Half maps are filtered as
    the map is that models are built in, so they follow.
    """
    resolution = whole.resolution
    if whole.softened is not None or resolution > _COARSEST:
        return whole
    near = limit_sampling(crop(whole.density, scene.points, _MARGIN), resolution)

    def blurred(density: DensityMap, excess: float) -> DensityMap:
        return low_pass(blur(density, excess), _BEYOND * resolution)

    def measured(excess: float) -> float | None:
        return known_sharpness(blurred(near, excess), scene, resolution)

    found = first = measured(0.0)
    if first is None or first >= _TOO_SHARP * resolution**2:
        return whole
    excess, passes = 0.0, 0
    while found is not None and passes < _PASSES:
        excess += _ORDINARY * resolution**2 - found
        passes += 1
        found = measured(excess)
    scene.events.message(
        f"The map is over-sharpened (its atoms would have B = {first:.0f} A^2): models are built in it blurred by "
        f"{excess:.0f} A^2; validation is of the map as it is."
    )
    return replace(whole, softened=blurred(whole.density, excess))
