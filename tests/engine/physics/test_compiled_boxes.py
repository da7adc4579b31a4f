"""Compiled sums over boxes against tensors in double precision, differences, and themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import adp3d.physics
from adp3d.physics.boxes import TensorBoxes
from adp3d.physics.compiled_boxes import CompiledBoxes, each_replica
from adp3d.physics.density import AtomDensity
from adp3d.physics.form_factors import electron_form_factors
from adp3d.physics.grid import Grid

GRID = Grid((-4.0, 3.0, 1.0), (0.8, 1.0, 0.9), (16, 14, 15))


def make(tolerance=3e-4, grid=GRID, n=24, b=(5.0, 250.0), dtype=torch.float32):
    a, width = electron_form_factors((["C", "N", "O", "S"] * n)[:n])
    b_factor, occupancy = np.linspace(*b, n), np.linspace(0.3, 1.5, n)
    return AtomDensity(grid, *(torch.tensor(v, dtype=dtype) for v in (a, width, b_factor, occupancy)), tolerance)


def positions(replicas=3, n=24, seed=0, margin=3.0):
    generator = torch.Generator().manual_seed(seed)
    low, step = torch.tensor(GRID.origin), torch.tensor(GRID.spacing)
    size = step * (torch.tensor(GRID.shape) - 1)
    return low - margin + (size + 2 * margin) * torch.rand(replicas, n, 3, generator=generator)


def field(*batch):
    return torch.randn(*batch, *GRID.shape, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("tolerance", [1e-6, 1e-3])
def test_density_agrees_with_tensors_in_double_precision(tolerance):
    single, double, xyz = make(tolerance), make(1e-12, dtype=torch.float64), positions()
    exact = double(xyz.double())
    # a voxel may lack the tails of several atoms
    peaks = float(double.gaussians()[1].sum(-1).max())
    assert float((single(xyz).double() - exact).abs().max()) < max(2 * tolerance, 2e-6) * peaks


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_moments_agree_with_tensors_in_double_precision(power, batch):
    single, double, xyz, values = make(1e-6), make(1e-12, dtype=torch.float64), positions(), field(*batch)
    found = single.boxes.moments(values, xyz, *single.gaussians(), power)
    exact = double.boxes.moments(values.double(), xyz.double(), *double.gaussians(), power)
    assert found.shape == (3, 24, 4)
    assert float((found.double() - exact).abs().max()) < 1e-4 * float(exact.abs().max())


def test_gradient_by_finite_differences():
    operator, xyz, weights = make(1e-9), positions(1), field()
    gradient = operator.gradient(weights, xyz)
    double = make(1e-12, dtype=torch.float64)
    for direction in torch.randn(3, *xyz.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2)):
        step = 1e-5 * direction
        more, less = ((double(xyz.double() + s) * weights).sum() for s in (step, -step))
        torch.testing.assert_close((gradient * direction).sum(), (more - less) / 2e-5, rtol=1e-4, atol=1e-4)


def test_autograd_gives_all_three_gradients():
    single, double, weights = make(1e-8), make(1e-12, dtype=torch.float64), field(2)
    found = []
    for operator, dtype in ((single, torch.float32), (double, torch.float64)):
        inputs = [t.to(dtype).clone().requires_grad_(True) for t in (positions(2), double.b_factor, double.occupancy)]
        found.append(torch.autograd.grad((operator(*inputs) * weights.to(dtype)).sum(), inputs))
    for one, other in zip(*found, strict=True):
        assert float((one.double() - other).norm() / other.norm()) < 1e-4


@settings(max_examples=20, deadline=None)
@given(
    spacing=st.tuples(*[st.floats(0.4, 3.0)] * 3),
    shape=st.tuples(*[st.integers(1, 19)] * 3),
    b=st.floats(0.5, 300.0),
    seed=st.integers(0, 1000),
)
def test_any_grid_gives_the_density_of_tensors(spacing, shape, b, seed):
    grid = Grid((-3.0, 0.0, 5.0), spacing, shape)
    single, double = make(1e-6, grid, 4, (b, b)), make(1e-12, grid, 4, (b, b), torch.float64)
    generator = torch.Generator().manual_seed(seed)
    size = torch.tensor(spacing) * torch.tensor(shape)
    xyz = torch.tensor(grid.origin) + size * (1.6 * torch.rand(1, 4, 3, generator=generator) - 0.3)
    exact = double(xyz.double())
    peak = float(double.gaussians()[1].sum(-1).max())
    assert float((single(xyz).double() - exact).abs().max()) < 2e-5 * peak


def test_results_are_the_same_bits_for_any_number_of_threads(threads):
    operator, xyz, values = make(), positions(5), field(5)
    found = []
    for count in (1, 2, 4, 1):
        threads(count)
        found.append((operator(xyz), operator.gradient(values, xyz), operator.adjoint(values, xyz)))
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))
    alone = operator.gradient(values[3:4], xyz[3:4])
    assert torch.equal(alone[0], found[0][1][3])


def test_threads_do_all_the_work_and_pass_on_errors(threads):
    for count in (1, 3):
        threads(count)
        done = []
        each_replica(done.append, 7)
        assert sorted(done) == list(range(7))

        def fail(replica):
            raise ArithmeticError(str(replica))

        with pytest.raises(ArithmeticError):
            each_replica(fail, 2)


def test_atoms_far_away_and_without_a_place():
    operator = make()
    nowhere = torch.full((1, 24, 3), 1e30)
    assert float(operator(nowhere).abs().max()) == 0.0
    assert float(operator.gradient(field(), -nowhere).abs().max()) == 0.0
    lost = positions(2)
    lost[1, 3, 2] = float("nan")
    density, gradient = operator(lost), operator.gradient(field(), lost)
    assert torch.isfinite(density[0]).all()
    assert torch.isnan(density[1]).all()
    assert torch.isfinite(gradient[0]).all()
    assert torch.isnan(gradient[1]).all()


def test_memory_before_and_behind_the_grid_stays_untouched():
    xyz = positions(4, margin=0.0)
    xyz[:, :12] = torch.tensor(GRID.origin) + torch.tensor(GRID.spacing) * (torch.tensor(GRID.shape) - 1)
    operator = make()
    boxes = operator.boxes
    assert isinstance(boxes, CompiledBoxes)
    patch = boxes.patch(xyz[0].numpy())
    assert (patch.values[:, :, patch.depth :] == 0).all()
    operator(xyz)
    tensors = TensorBoxes(GRID, operator.radius).density(xyz, *operator.gaussians())
    assert float((operator(xyz) - tensors).abs().max()) < 1e-3 * float(tensors.max())


_USE = """
import torch, warnings
warnings.simplefilter("error")
from adp3d.physics.density import AtomDensity
from adp3d.physics.grid import Grid
one = torch.ones(1, 5)
operator = AtomDensity(Grid((0, 0, 0), (1, 1, 1), (9, 9, 9)), one, one, torch.tensor([40.0]), torch.ones(1))
print(float(operator(torch.full((1, 3), 4.0)).sum()))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders mean something else there")
@pytest.mark.parametrize("home", ["writable", "missing"])
def test_an_installation_that_cannot_be_written_to(tmp_path, home):
    # numba finds the folders by trying: __pycache__ is a file here, and the user's cache lies below one
    package = tmp_path / "site" / "adp3d"
    source = Path(adp3d.physics.__file__).parents[1]
    package.mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in ("physics", "__pycache__"):
            (package / path.name).symlink_to(path)
    (package / "physics").mkdir()
    for path in (source / "physics").iterdir():
        if path.name != "__pycache__":
            (package / "physics" / path.name).symlink_to(path)
    (package / "physics" / "__pycache__").write_text("")
    cache = tmp_path / "cache"
    if home == "missing":
        cache.write_text("")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "HOME": str(cache), "XDG_CACHE_HOME": str(cache)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", _USE], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert float(done.stdout) == pytest.approx(5.0, rel=1e-2)
    assert (home == "writable") == bool(list(tmp_path.glob("cache/numba/*/*.nbc")))
