"""A job's map as the prior sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adp3d.density.map import DensityMap
from adp3d.density.resample import blur, resample_like
from adp3d.job.events import NullEvents
from adp3d.measurement.density import load_density
from adp3d.measurement.map_evidence import free_share, load_map_evidence
from adp3d.measurement.protocol import Scene
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline import demo
from adp3d.placing.target import build_target
from adp3d.prior.builtin.density_grids import DensityGrids
from adp3d.structure.read import read_structure

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def job():
    folder = Path(demo.__file__).parent
    model = folder / "emd_20026_incomplete.cif.gz"
    structure = read_structure(model)
    target = build_target(structure, None)
    scene = Scene(target.polymer, target.labels, target.xyz, structure, CPU, NullEvents())
    maps = load_density(MapFiles(str(folder / "emd_20026_protomer.map.gz"), resolution=1.75), scene)
    return scene, target, maps


def evidence(job, change=None):
    scene, target, maps = job
    if change is not None:
        maps = change(maps)
    return load_map_evidence(maps, scene, target.known[:, 1])


def values(seen, target):
    """What cubes would read at the known atoms, for the map and its middle blur."""
    grids = DensityGrids.of([seen.whole], [0], 50)
    x = torch.as_tensor(target.xyz[target.known], dtype=torch.float32)[None]
    return torch.cat([grids.sample(0, x), grids.sample(1, x)[..., :1]], -1)[0]


def test_known_atoms_lie_in_high_density(job):
    seen = evidence(job)
    assert seen.whole.spacing == 1.0 and seen.whole.resolution == 1.75
    assert values(seen, job[1]).mean(0).min() > 0.5


def test_units_offset_and_sharpness_of_the_file_do_not_matter(job):
    target = job[1]
    plain = values(evidence(job), target)

    def scaled(maps):
        return replace(maps, density=maps.density.with_values(1000 * maps.density.values + 50))

    torch.testing.assert_close(values(evidence(job, scaled), target), plain, atol=0.02, rtol=0.02)

    def blurred(maps):
        # the job measures the sharpness: a map blurred by 20 A^2 has atoms with 20 more
        return replace(maps, density=blur(maps.density, 20.0), b_factor=maps.b_factor + 20.0)

    away = (values(evidence(job, blurred), target) - plain).square().mean(0).sqrt()
    assert float(away.max()) < 0.1


def test_the_grid_is_regular_whatever_the_voxels(job):
    target, maps = job[1], job[2]
    stretched = np.diag([1.3, 0.9, 1.1])
    shape = np.rint(np.array(maps.density.shape) * maps.density.voxel_size / np.diag(stretched)).astype(int)
    coarse = resample_like(maps.density, DensityMap(np.zeros(shape, np.float32), maps.density.origin, stretched))
    seen = evidence(job, lambda m: replace(m, density=coarse))
    assert values(seen, target).mean(0).min() > 0.5
    extent = np.array(coarse.shape) * [1.3, 0.9, 1.1]
    assert np.abs(np.array(seen.whole.taken.shape) - extent).max() < 3


def test_explained_density_is_that_of_known_and_foreign_atoms(job):
    scene, target, _ = job
    seen = evidence(job)
    side_chains = sum(a.name not in ["N", "CA", "C", "O"] for r in scene.structure[0][0] for a in r)
    assert len(seen.others) == pytest.approx(side_chains, abs=5)
    shown = seen.explained_by(target.xyz[target.known])
    at = ((torch.as_tensor(target.xyz[target.known]) - shown.origin).round()).long()
    assert float(shown.taken[at[:, 0], at[:, 1], at[:, 2]].min()) > 0.6
    assert 0.02 < float(shown.taken.mean()) < 0.6
    # atoms of the model that the map contradicts explain nothing
    none = load_map_evidence(job[2], scene, np.arange(target.n_residues) < 20)
    assert len(none.others) < 0.3 * len(seen.others)


def test_a_trace_on_known_atoms_is_not_free(job):
    scene, target, maps = job
    known = target.known[:, 1]
    half = known & (np.arange(target.n_residues) % 40 < 20)
    seen = load_map_evidence(maps, scene, half)
    density = seen.explained_by(target.xyz[half][target.known[half]])
    ca = torch.as_tensor(target.xyz[known, 1], dtype=torch.float32)[None]
    free = free_share(density, ca)[0]
    mine = half[known]
    assert free[mine].max() < 0.05
    # neither side chains beside them nor neighbours along the chain take the others' place
    assert np.median(free[~mine]) == 1.0 and free[~mine].mean() > 0.95
    assert free_share(density, ca + 500.0).min() == 1.0
