"""What a simulated map is like: drawn at random so that real ones are ordinary among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..prior.standard_map import standard_b

__all__ = ["MapConditions", "Surroundings", "draw_conditions"]

Surroundings = Literal["whole", "masked", "zoned", "thresholded"]

_FINEST, _COARSEST = 1.8, 6.5


@dataclass(frozen=True)
class MapConditions:
    """One way of getting a map.

    Attributes
    ----------
    resolution : float
        Where the map ends, in angstrom.
    told_resolution : float
        What is said of it.
    b_mean : float
        Mean B-factor of the atoms in A^2.
    b_contrast : float
        Power to which a residue's B-factor over the median is raised: 0 makes all alike.
    b_local : float
        How many times ``b_mean`` is added in the worst part of the map (local resolution).
    b_final : float
        Mean B-factor after sharpening; `standard_b` if the sharpness was measured exactly.
    solvent : float
        Mean density of bulk solvent as a fraction of that of protein.
    noise : float
        Standard deviation of the noise over that of the signal near the protein.
    noise_b : float
        The noise's amplitudes fall with this B in A^2, or rise if it is negative.
    surroundings : str
        ``whole``, ``masked`` softly, ``zoned`` with an edge, or ``thresholded``.
    mask_radius : float
        Angstrom around atoms that a mask or a zone keeps.
    threshold : float
        Values below this many standard deviations of the noise are blank, in a thresholded map.
    waters : float
        Ordered waters for each residue.
    """

    resolution: float
    told_resolution: float
    b_mean: float
    b_contrast: float
    b_local: float
    b_final: float
    solvent: float
    noise: float
    noise_b: float
    surroundings: Surroundings
    mask_radius: float
    threshold: float
    waters: float


def draw_conditions(rng: np.random.Generator, resolution: float | None = None) -> MapConditions:
    """Random conditions; at a given resolution in angstrom, or at one of 1.8 to 6.5 A.

    Distributions are chosen for breadth, not measured: half of the maps are whole; sharpness errs by a third
    of B (one in seven maps much more); noise is from 3 to 70 % of the signal and white, pink or blue as the
    noise of half maps is after sharpening.
    """
    d = resolution or float(np.exp(rng.uniform(np.log(_FINEST), np.log(_COARSEST))))
    usual = standard_b(d)
    astray = 0.35 if rng.random() < 0.85 else 0.8
    kinds: tuple[Surroundings, ...] = ("whole", "masked", "zoned", "thresholded")
    return MapConditions(
        resolution=d,
        told_resolution=d * float(np.exp(0.08 * rng.standard_normal())),
        b_mean=usual * float(rng.uniform(0.3, 1.2)) + 5.0,
        b_contrast=float(rng.uniform(0.0, 1.2)),
        b_local=float(rng.uniform(0.0, 3.0)) if rng.random() < 0.3 else 0.0,
        b_final=usual * float(np.exp(astray * rng.standard_normal())),
        solvent=float(rng.uniform(0.1, 0.7)) if rng.random() < 0.5 else 0.0,
        noise=float(np.exp(rng.uniform(np.log(0.03), np.log(0.7)))),
        noise_b=float(rng.uniform(-0.5, 0.7)) * usual,
        surroundings=kinds[int(rng.choice(4, p=[0.52, 0.2, 0.14, 0.14]))],
        mask_radius=float(rng.uniform(2.5, 8.0)),
        threshold=float(rng.uniform(-0.5, 2.0)),
        waters=float(rng.uniform(0.0, 0.5)) if rng.random() < 0.5 else 0.0,
    )
