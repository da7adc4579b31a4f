"""Residuals of compiled loops and of tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.likelihood.compiled_residual import CompiledResidual
from adp3d.likelihood.map_levels import prepare_levels
from adp3d.likelihood.residual import TensorResidual, residual_of
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import prepare_atoms
from adp3d.structure.polymer import Polymer

GRID = Grid((-9.0, -8.0, -10.0), (1.0, 1.1, 0.9), (18, 16, 21))
AATYPE = Polymer.single_chain("GARK").aatype


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(dtype, tolerance, map_dtype=None, blur=0.0):
    atoms = prepare_atoms(AATYPE, b_factor=40.0, dtype=dtype)
    kind = map_dtype or dtype
    mask = (random(*GRID.shape, seed=3).abs() * 0.4).clamp(max=1.0)
    (level,) = prepare_levels((random(*GRID.shape) + 0.3).to(kind), GRID, 0.01, 3.0, mask.to(kind), (blur,))
    return residual_of(atoms.density(level.grid, blur, tolerance), level)


def positions(replicas=3):
    return 5.0 * random(replicas, prepare_atoms(AATYPE).n_atoms, 3, seed=7)


@pytest.mark.parametrize("blur", [0.0, 120.0])
def test_compiled_sums_and_gradients_are_those_of_tensors(blur):
    single, double = make(torch.float32, 1e-6, blur=blur), make(torch.float64, 1e-12, blur=blur)
    assert isinstance(single, CompiledResidual)
    assert isinstance(double, TensorResidual)
    xyz = positions()
    (sums, gradient), (exact, expected) = single.sums_and_gradient(xyz.float()), double.sums_and_gradient(xyz)
    for name in ("mean_model", "model_model", "model_map", "scale", "squared_residual", "correlation"):
        torch.testing.assert_close(getattr(sums, name), getattr(exact, name), rtol=1e-4, atol=1e-5, msg=name)
    assert float((gradient - expected).norm()) < 2e-4 * float(expected.norm()) + 1e-4
    torch.testing.assert_close(single.sums(xyz.float()).model_map, sums.model_map, rtol=0, atol=0)


def test_gradient_by_finite_differences():
    residual, exact, xyz = make(torch.float32, 1e-8), make(torch.float64, 1e-12), positions(1)
    gradient = residual.sums_and_gradient(xyz.float())[1].double()
    for seed in range(3):
        step = 1e-5 * random(*xyz.shape, seed=20 + seed)
        more, less = (0.5 * exact.sums(xyz + s).squared_residual for s in (step, -step))
        torch.testing.assert_close((gradient * step).sum() * 2, (more - less)[0], rtol=1e-3, atol=1e-8)


def test_a_map_in_double_precision_serves_atoms_in_single():
    xyz = positions().float()
    one, other = make(torch.float32, 1e-4), make(torch.float32, 1e-4, torch.float64)
    torch.testing.assert_close(one.sums(xyz).model_map, other.sums(xyz).model_map, rtol=1e-5, atol=1e-5)


def test_the_map_is_converted_once_for_all_replicas(monkeypatch):
    residual, xyz = make(torch.float32, 1e-4, torch.float64), positions(5).float()
    made = []
    convert = np.ascontiguousarray

    def counted(values, dtype=None):
        if np.shape(values) == GRID.shape:
            made.append(dtype)
        return convert(values, dtype)

    monkeypatch.setattr(np, "ascontiguousarray", counted)
    residual.sums(xyz)
    assert made == [np.float32, np.float32]
    residual.sums_and_gradient(xyz)
    assert made == [np.float32] * 4


def test_replicas_do_not_depend_on_each_other_or_on_threads():
    residual, xyz, before = make(torch.float32, 3e-4), positions(4).float(), torch.get_num_threads()
    try:
        found = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(residual.sums_and_gradient(xyz))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0][1], found[1][1])
    assert torch.equal(found[0][0].model_map, found[1][0].model_map)
    assert torch.equal(residual.sums_and_gradient(xyz[2:3])[1][0], found[0][1][2])


def test_atoms_off_the_map():
    residual, xyz = make(torch.float32, 3e-4), positions(2).float() + 500.0
    sums, gradient = residual.sums_and_gradient(xyz)
    assert float(gradient.abs().max()) == 0.0
    assert sums.squared_residual.tolist() == [residual.level.square] * 2
    assert sums.correlation.tolist() == [0.0, 0.0]
