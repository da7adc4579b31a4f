"""A small map of an ideal helix."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.likelihood.density import DensityLikelihood
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from adp3d.structure.backbone import place_atom, place_oxygen
from adp3d.structure.polymer import Polymer

SEQUENCE = "AKLGEVPA"


def _build(phi: list[float], psi: list[float], omega: list[float] | None = None) -> torch.Tensor:
    n = len(phi)
    omega = omega or [180.0] * n
    atoms = [np.zeros(3), np.array([1.459, 0.0, 0.0]), np.array([2.01, 1.424, 0.0])]
    for i in range(n):
        following = phi[(i + 1) % n]
        for length, angle, torsion in (
            (1.336, 117.2, psi[i]),
            (1.459, 121.7, omega[i]),
            (1.525, 111.0, following),
        ):
            atoms.append(place_atom(*atoms[-3:], length, np.deg2rad(angle), np.deg2rad(torsion)))
    trace = np.array(atoms)
    main = trace[: 3 * n].reshape(n, 3, 3)
    oxygen = place_oxygen(main[:, 0], main[:, 1], main[:, 2], trace[3 : 3 * n + 1 : 3])
    return torch.from_numpy(np.concatenate([main, oxygen[:, None]], axis=1))


@pytest.fixture(scope="session")
def fitted() -> tuple[torch.Tensor, DensityLikelihood]:
    """A helix of 8 residues (1, 8, 4, 3), and the likelihood of its own noisy map at three blurs."""
    x = _build([-60.0] * 8, [-45.0] * 8)
    x = (x - x.mean((0, 1)))[None]
    atoms = prepare_atoms(Polymer.single_chain(SEQUENCE).aatype, b_factor=40.0, dtype=torch.float64)
    low = x.amin((0, 1, 2)) - 5.0
    size = (x.amax((0, 1, 2)) + 5.0 - low).ceil().int()
    grid = Grid(tuple(low.tolist()), (1.0, 1.0, 1.0), tuple(size.tolist()))
    clean = atoms.density(grid, tolerance=1e-9)(backbone_to_atoms(x, atoms))[0]
    values = (
        2.0 * clean
        + 0.1
        + 0.05 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    )
    likelihood = DensityLikelihood.from_map(values, grid, atoms, 3.0, 0.05**2, blurs=(0.0, 60.0, 400.0), tolerance=1e-9)
    return x, likelihood
