"""What a job's map looks like to the prior."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..density.fourier import filtered
from ..density.map import DensityMap
from ..density.resample import resample_like
from ..density.sample import sample
from ..prior.evidence import DensityEvidence
from ..prior.standard_map import SPACING, occupied, soft_end, standard_b, standard_map
from ..structure.other_atoms import other_atoms
from .density import DensityMeasurement
from .protocol import Scene

__all__ = ["MapEvidence", "free_share", "load_map_evidence"]

_TAKEN = (0.35, 0.7)
"""Range of `occupied` in which a residue's CA goes from free to taken: next to a known residue along the chain it
has at most 0.3, on another residue's backbone 0.9."""

_LARGEST_CORRECTION = 12.0
"""The sharpness is corrected by at most this many times the resolution squared, in A^2: beyond it noise would
be all that is left, or the map is so sharp that its end says more than its fall-off."""


@dataclass(frozen=True)
class MapEvidence:
    """The map in standard units, and the atoms of the model that are nobody's job.

    Attributes
    ----------
    whole : DensityEvidence
        Nothing of it explained.
    others : ndarray, shape (K, 3)
        Known atoms beside the job's backbone, in angstrom: other chains, ligands, side chains of residues
        that the map supports.
    """

    whole: DensityEvidence
    others: NDArray[np.float64]

    def explained_by(self, backbone: NDArray[np.floating]) -> DensityEvidence:
        """The map with the density of known atoms marked: these (K, 3), in angstrom, and the others."""
        levels = self.whole.levels
        points = np.concatenate([np.asarray(backbone, np.float64).reshape(-1, 3), self.others])
        if not len(points):
            return self.whole
        at = (torch.as_tensor(points, dtype=levels.dtype, device=levels.device) - self.whole.origin) / SPACING
        shape = levels.shape[1], levels.shape[2], levels.shape[3]
        return replace(self.whole, taken=occupied(at, shape, SPACING))


def free_share(density: DensityEvidence, ca: Tensor) -> NDArray[np.float64]:
    """How far residues lie in density that no known atom explains, from 1 down to 0.

    A trace that was built where something else already is fits the map as well as the right one does; this tells
    them apart. A residue next to a known one along the chain still has nearly 1.

    Parameters
    ----------
    density : DensityEvidence
        With one origin.
    ca : Tensor, shape (replica, N, 3)
        In angstrom.

    Returns
    -------
    ndarray of float64, shape (replica, N)
    """
    origin = density.origin.cpu().double().numpy()
    taken = sample(
        DensityMap(density.taken.cpu().numpy(), origin, density.spacing * np.eye(3)), ca.detach().cpu().numpy()
    )
    return np.clip((_TAKEN[1] - taken) / (_TAKEN[1] - _TAKEN[0]), 0.0, 1.0)


def load_map_evidence(
    maps: DensityMeasurement, scene: Scene, trusted: NDArray[np.bool_], firm: NDArray[np.bool_] | None = None
) -> MapEvidence:
    """Bring the map of a job to the sharpness and grid that priors are shown.

    Parameters
    ----------
    maps : DensityMeasurement
    scene : Scene
    trusted : ndarray of bool, shape (N,)
        Residues of the model that the map supports: they set the units.
    firm : ndarray of bool, shape (N,), optional
        Residues whose side chains explain density; by default those that are trusted.

    Returns
    -------
    MapEvidence
    """
    device = scene.device
    shown = _regular(_sharpened(maps))
    values = torch.as_tensor(shown.values, device=device)
    shape = shown.shape
    origin = torch.as_tensor(shown.origin, dtype=torch.float32, device=device)
    ruler = scene.xyz[scene.known & trusted[:, None]]
    whole = standard_map(
        torch.fft.rfftn(values),
        shape,
        origin,
        SPACING,
        maps.resolution,
        torch.as_tensor(ruler, dtype=torch.float32, device=device),
        torch.zeros(0, 3, device=device),
    )
    return MapEvidence(whole, other_atoms(scene.structure, scene.labels, trusted if firm is None else firm))


def _sharpened(maps: DensityMeasurement) -> DensityMap:
    """The map with the mean B-factor that belongs to its resolution, and nothing finer than that."""
    most = _LARGEST_CORRECTION * maps.resolution**2
    blur = float(np.clip(standard_b(maps.resolution) - maps.b_factor, -most, most))

    def transfer(s2: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(-0.25 * blur * s2) * soft_end(torch.from_numpy(s2), maps.resolution).numpy())

    return filtered(maps.density, transfer, 2 * maps.resolution + 4.0)


def _regular(density: DensityMap) -> DensityMap:
    """The same density at whole angstroms along x, y and z."""
    low = density.to_points(np.zeros(3))
    counts = [
        math.floor((n - 1) * step / SPACING) + 1 for n, step in zip(density.shape, density.voxel_size, strict=True)
    ]
    empty = np.zeros((counts[0], counts[1], counts[2]), np.float32)
    return resample_like(density, DensityMap(empty, low, SPACING * np.eye(3)))
