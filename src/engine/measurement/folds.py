"""What of a map a model is refined in, and what it is then scored with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..density.resample import low_pass
from ..density.resolution import fourier_shell_correlation
from ..likelihood.density import DensityLikelihood
from ..physics.pseudo_atoms import backbone_to_atoms
from .density import DensityMeasurement
from .half_maps import bind_half_maps

__all__ = ["SHELL", "Fold", "average_fsc", "folds_of"]

SHELL = 1.15
"""Ratio of the resolution to which a map is refined in to that which it has, where its finest shell is for scoring: a
third of the coefficients are in that shell. Chosen by hand, between the 5 % that crystallographers keep and the half
that a half map is."""


@dataclass(frozen=True)
class Fold:
    """Data to refine in, and data to score with.

    Attributes
    ----------
    work, free : DensityMeasurement
        On one grid.
    above : float
        Frequency in 1/A above which the free data count; up to it, work and free are the same.
    """

    work: DensityMeasurement
    free: DensityMeasurement
    above: float = 0.0

    def score(self, x: Tensor, mask: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean Fourier shell correlation of models x (replica, N, 4, 3) with work and free data, (replica,) each."""
        return average_fsc(self.work, x, mask), average_fsc(self.free, x, mask, self.above)


def folds_of(density: DensityMeasurement) -> tuple[Fold, ...]:
    """Both ways to use two half maps; or, without half maps, all but the finest shell of the map, if it has one.

    A band of high resolution that refinement does not see as free data is the proposal of Falkner and Schroder, PNAS
    110, 8930 (2013). Unlike voxels, coefficients of the transform are nearly independent of their neighbours in other
    shells.
    """
    if density.whole.halves is not None:
        first, second = bind_half_maps(density)
        return Fold(first, second), Fold(second, first)
    above = 1.0 / (SHELL * density.resolution)
    frequency = fourier_shell_correlation(density.density, density.density).frequency
    if not ((frequency > above) & (frequency <= 1.0 / density.resolution)).any():
        return ()
    return (Fold(_without_finest_shell(density), density, above),)


def average_fsc(
    density: DensityMeasurement, x: Tensor, mask: NDArray[np.floating], above: float = 0.0
) -> NDArray[np.float64]:
    """Fourier shell correlation of models x (replica, N, 4, 3) and a map up to its resolution, (replica,).

    The mean over resolution shells above a frequency (1/A), each weighted by its number of coefficients: FSC_average of
    Brown et al., Acta Cryst. D71, 136 (2015). It does not depend on how the map was sharpened.
    """
    likelihood = density.likelihood
    found = []
    for row in x.detach():
        model = likelihood.operators[0](backbone_to_atoms(row[None], likelihood.atoms))[0].cpu().numpy()
        fsc = fourier_shell_correlation(density.density, density.density.with_values(model), mask)
        used = (fsc.frequency > above) & (fsc.frequency <= 1.0 / density.resolution)
        found.append(float(np.average(fsc.correlation[used], weights=fsc.count[used])))
    return np.array(found)


def _without_finest_shell(density: DensityMeasurement) -> DensityMeasurement:
    """The map, smoothed to a lower resolution, as if that were its own."""
    resolution = SHELL * density.resolution
    smooth = low_pass(density.density, resolution)
    full = density.likelihood
    sharp = full.levels[0]
    likelihood = DensityLikelihood.from_map(
        torch.as_tensor(smooth.values).to(sharp.values),
        sharp.grid,
        full.atoms,
        resolution,
        float(sharp.variance),
        sharp.mask,
        [level.blur for level in full.levels],
    )
    whole = replace(density.whole, resolution=resolution)
    return replace(density, whole=whole, density=smooth, likelihood=likelihood)
