"""One map, many headers: axis order, origin, numbers and voxels may differ, the result may not."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import mrcfile
import numpy as np
import pytest
import torch

from adp3d.contract.specification import RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.density.resample import resample
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.measurement.density import load_density
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.problem import load_problem
from adp3d.structure.read import read_structure

ORDERS = [(2, 1, 3), (3, 1, 2), (3, 2, 1)]
SHIFT = np.array([13.7, -120.1, 5.3])


def write_permuted(density: DensityMap, path, order):
    """Columns, rows and sections of the file run along the axes (1 x, 2 y, 3 z) that ``order`` tells."""
    c, r, s = (axis - 1 for axis in order)
    with mrcfile.new(path) as file:
        file.set_data(np.ascontiguousarray(density.values.transpose(s, r, c)))
        header = file.header
        header.mapc, header.mapr, header.maps = order
        header.mx, header.my, header.mz = density.shape
        header.cella = tuple(density.voxel_size * density.shape)
        header.origin = tuple(density.origin)


def write_start_indices(density: DensityMap, path):
    """The position as NSTART alone, with ORIGIN zero; returns what the position becomes."""
    start = np.rint(density.origin / density.voxel_size).astype(int)
    with mrcfile.new(path) as file:
        file.set_data(np.ascontiguousarray(density.values.transpose(2, 1, 0)))
        header = file.header
        header.cella = tuple(density.voxel_size * density.shape)
        header.nxstart, header.nystart, header.nzstart = start
    return start * density.voxel_size


def move_model(source, target, shift):
    structure = gemmi.read_structure(str(source))
    for atom in structure[0].all():
        atom.atom.pos += gemmi.Position(*shift)
    structure.make_mmcif_document().write_file(str(target))


def spec(folder, map_path, model_path, **options):
    return RefineSpec(
        output=str(folder / "job"),
        map=str(map_path),
        model=str(model_path),
        device="cpu",
        replicas=2,
        steps=6,
        unseen="build",
        **options,
    )


def quantities(given):
    """What the job finds out about map and model before it starts."""
    problem = load_problem(replace(given, prior="gaussian"), NullEvents())
    scene = problem.scene(NullEvents())
    maps = load_density(MapFiles(given.map, given.half_maps, given.resolution), scene)
    start = scene.start()[None]
    fit = maps.start_fit(start)
    return {
        "correlation": maps.start_correlation(start),
        "resolution": maps.resolution,
        "b_factor": maps.b_factor,
        "variance": maps.likelihood.levels[0].variance,
        "fit": float(np.nanmean(fit)),
    }


def refined(given):
    job = JobFolder.create(given)
    threads = torch.get_num_threads()
    execute(job, NullEvents(), Control())
    torch.set_num_threads(threads)
    structure = read_structure(job.result)
    return np.array([a.pos.tolist() for r in structure[0]["A"] for a in r if a.name in ("N", "CA", "C", "O")])


@pytest.fixture(scope="module")
def usual(small, tmp_path_factory):
    """Figures and coordinates with the map as it is."""
    given = spec(tmp_path_factory.mktemp("usual"), small.map, small.model)
    return quantities(given), refined(given)


def check(found, usual, **tolerance):
    for name, value in usual.items():
        assert found[name] == pytest.approx(value, rel=tolerance.get(name, 1e-3), abs=1e-4), name


@pytest.mark.parametrize("order", ORDERS)
def test_axis_order(small, usual, tmp_path, order):
    write_permuted(small.density, tmp_path / "permuted.mrc", order)
    given = spec(tmp_path, tmp_path / "permuted.mrc", small.model)
    check(quantities(given), usual[0])
    if order == (3, 1, 2):
        np.testing.assert_allclose(refined(given), usual[1], atol=0.02)


def test_map_and_model_moved_together(small, usual, tmp_path):
    density = small.density
    write_map(replace(density, origin=density.origin + SHIFT), tmp_path / "moved.mrc")
    move_model(small.model, tmp_path / "moved.cif", SHIFT)
    given = spec(tmp_path, tmp_path / "moved.mrc", tmp_path / "moved.cif")
    check(quantities(given), usual[0])
    np.testing.assert_allclose(refined(given) - SHIFT, usual[1], atol=0.05)


def test_start_indices_instead_of_an_origin(small, usual, tmp_path):
    density = small.density
    moved = write_start_indices(density, tmp_path / "nstart.mrc") - density.origin
    np.testing.assert_allclose(read_map(tmp_path / "nstart.mrc").origin, density.origin + moved, atol=1e-4)
    move_model(small.model, tmp_path / "moved.cif", moved)
    check(quantities(spec(tmp_path, tmp_path / "nstart.mrc", tmp_path / "moved.cif")), usual[0])


def test_half_precision(small, usual, tmp_path):
    write_map(small.density, tmp_path / "half.mrc.gz", mode=12)
    check(quantities(spec(tmp_path, tmp_path / "half.mrc.gz", small.model)), usual[0], variance=0.01, b_factor=0.01)


@pytest.mark.parametrize("voxel", [0.55, pytest.param(0.8, marks=pytest.mark.slow)])
def test_other_voxel_sizes(small, usual, tmp_path, voxel):
    write_map(resample(small.density, voxel), tmp_path / "resampled.mrc")
    given = spec(tmp_path, tmp_path / "resampled.mrc", small.model, resolution=usual[0]["resolution"])
    # interpolation fills the blank surroundings of this masked map with faint ripples: the noise is not
    # that of the original any more, which the solver compensates by the residual
    expected = {name: value for name, value in usual[0].items() if name != "variance"}
    check(quantities(given), expected, correlation=0.05, fit=0.05, b_factor=10.0)
    if voxel == 0.8:
        moves = np.linalg.norm(refined(given) - usual[1], axis=-1)
        assert np.percentile(moves, 80) < 0.15  # the built segment differs more
