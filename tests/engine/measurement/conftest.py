"""A small map of an ideal helix."""

from __future__ import annotations

import pytest
import torch
from ideal_backbone import build_backbone

from adp3d.likelihood.density import DensityLikelihood
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from adp3d.structure.polymer import Polymer

SEQUENCE = "AKLGEVPA"


@pytest.fixture(scope="session")
def fitted() -> tuple[torch.Tensor, DensityLikelihood]:
    """A helix of 8 residues (1, 8, 4, 3), and the likelihood of its own noisy map at three blurs."""
    x = torch.from_numpy(build_backbone([-60.0] * 8, [-45.0] * 8))
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
