"""Density of what the starting model shows of a job."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..density.map import DensityMap
from ..physics.grid import Grid
from ..physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from .protocol import Scene
from .symmetry import images_in_reach

__all__ = ["known_density"]


def known_density(cut: DensityMap, scene: Scene, b_factor: float) -> NDArray[np.float32]:
    """Density of the known residues with average side chains, and of their symmetric copies, on the grid of a map.

    Parameters
    ----------
    cut : DensityMap
    scene : Scene
    b_factor : float
        Of all atoms, in A^2.
    """
    known = scene.known[:, 1].astype(np.float64)
    atoms = prepare_atoms(scene.polymer.aatype, b_factor, known, device=scene.device)
    if scene.symmetry is not None:
        atoms = images_in_reach(atoms, scene, cut, np.ones(cut.shape, bool), scene.symmetry, 0.0)
    density: NDArray[np.float32] = (
        atoms.density(Grid.of_map(cut))(backbone_to_atoms(scene.start()[None], atoms))[0].cpu().numpy()
    )
    return density
