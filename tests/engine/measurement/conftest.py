"""A small map of an ideal helix, and a map of two halves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ideal_backbone import build_backbone

from adp3d.contract.specification import RefineSpec
from adp3d.density.write import write_map
from adp3d.job.events import NullEvents
from adp3d.likelihood.density import DensityLikelihood
from adp3d.measurement.density import load_density
from adp3d.measurement.whole_map import MapFiles
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from adp3d.pipeline.problem import load_problem
from adp3d.structure.polymer import Polymer

SEQUENCE = "AKLGEVPA"
NOISE = 0.3
"""In each half, as a fraction of the map's standard deviation."""


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


@pytest.fixture(scope="module")
def loaded(small, tmp_path_factory):
    """Scene, and the map with its halves."""
    folder, signal, rng = tmp_path_factory.mktemp("halves"), small.density, np.random.default_rng(0)
    sigma = NOISE * signal.values.std()
    halves = [
        signal.with_values((signal.values + sigma * rng.standard_normal(signal.shape)).astype(np.float32))
        for _ in range(2)
    ]
    whole = signal.with_values(0.5 * (halves[0].values + halves[1].values))
    for name, density in zip(("map", "one", "two"), (whole, *halves), strict=True):
        write_map(density, folder / f"{name}.mrc")
    files = MapFiles(str(folder / "map.mrc"), (str(folder / "one.mrc"), str(folder / "two.mrc")), 1.75)
    spec = RefineSpec(output="unused", prior="gaussian", map=files.map, model=str(small.deposited), device="cpu")
    before = torch.get_num_threads()
    scene = load_problem(spec, NullEvents()).scene(NullEvents())
    torch.set_num_threads(before)
    return scene, load_density(files, scene), sigma
