from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from adp3d.likelihood import residual
from adp3d.likelihood.density import DensityLikelihood
from adp3d.physics.grid import Grid
from adp3d.physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from adp3d.structure.polymer import Polymer

SEQUENCE = "GARK"
GRID = Grid((-9.0, -8.0, -10.0), (1.0, 1.1, 0.9), (18, 16, 21))
ATOMS = prepare_atoms(Polymer.single_chain(SEQUENCE).aatype, b_factor=50.0, dtype=torch.float64)


def backbone(replicas=1, noise=0.0, seed=0):
    """Four ideal residues turned at random and placed 4 A apart, replicas displaced at random."""
    generator = torch.Generator().manual_seed(seed)
    ideal = torch.tensor([[1.3612, -0.5225, 0], [0, 0, 0], [0, 1.525, 0], [-1.07, 2.14, 0.2]], dtype=torch.float64)
    turns = torch.tensor(Rotation.random(len(SEQUENCE), random_state=0).as_matrix())
    places = 4.0 * (torch.arange(len(SEQUENCE)) - 1.5)[:, None, None] * torch.tensor([0.6, 0.5, 0.6])
    x = (torch.einsum("nij,aj->nai", turns, ideal) + places).expand(replicas, -1, -1, -1)
    return x + noise * torch.randn(x.shape, generator=generator, dtype=torch.float64)


def target(noise=0.01, seed=1):
    """Map of the unperturbed backbone at scale 3 and offset 0.2, with noise."""
    clean = 3.0 * ATOMS.density(GRID, tolerance=1e-9)(backbone_to_atoms(backbone(), ATOMS))[0] + 0.2
    generator = torch.Generator().manual_seed(seed)
    return clean + noise * torch.randn(clean.shape, generator=generator, dtype=torch.float64)


def make(values=None, **options):
    options = {"resolution": 3.0, "variance": 1e-4, "tolerance": 1e-9, "atoms": ATOMS} | options
    return DensityLikelihood.from_map(target() if values is None else values, GRID, **options)


def explicit(x, values, mask, weight):
    """Log-likelihood by the textbook: least squares for scale and offset, then the sum."""
    out = []
    for density in ATOMS.density(GRID, tolerance=1e-9)(backbone_to_atoms(x, ATOMS)):
        root = mask.sqrt().flatten()
        columns = torch.stack([density.flatten(), torch.ones_like(density).flatten()], 1) * root[:, None]
        solution = torch.linalg.lstsq(columns, root * values.flatten()).solution
        residual = columns @ solution - root * values.flatten()
        out.append((-0.5 * weight * residual.square().sum(), *solution))
    return [torch.stack(column) for column in zip(*out, strict=True)]


@pytest.mark.parametrize("masked", [False, True])
def test_value_scale_and_offset_match_least_squares(masked):
    values = target()
    mask = torch.rand(GRID.shape, dtype=torch.float64) if masked else torch.ones(GRID.shape, dtype=torch.float64)
    likelihood = make(values, mask=mask if masked else None)
    x = backbone(3, 0.3)
    weight = likelihood.levels[0].independent_fraction / 1e-4
    value, scale, offset = explicit(x, values, mask, weight)
    fit = likelihood.fit(x)
    torch.testing.assert_close(likelihood(x), value)
    torch.testing.assert_close(fit.scale, scale)
    torch.testing.assert_close(fit.offset, offset)
    torch.testing.assert_close(fit.mean_square, -2 * value / weight / mask.sum())


def test_gradient_is_that_of_the_profiled_likelihood():
    likelihood, x = make(mask=torch.rand(GRID.shape, dtype=torch.float64)), backbone(2, 0.3)
    value, gradient = likelihood.value_and_grad(x)
    torch.testing.assert_close(value, likelihood(x))
    step = 1e-5
    for direction in torch.randn(4, *x.shape, dtype=torch.float64):
        numeric = (likelihood(x + step * direction) - likelihood(x - step * direction)) / (2 * step)
        torch.testing.assert_close((gradient * direction).sum((1, 2, 3)), numeric, rtol=1e-5, atol=1e-5)


def test_autograd_returns_the_same_gradient():
    likelihood, x = make(), backbone(2, 0.3).requires_grad_(True)
    weights = torch.tensor([1.0, -2.0], dtype=torch.float64)
    (gradient,) = torch.autograd.grad((likelihood(x) * weights).sum(), x)
    expected = likelihood.value_and_grad(x.detach())[1] * weights[:, None, None, None]
    torch.testing.assert_close(gradient, expected)


def test_replicas_are_independent(monkeypatch):
    likelihood, x = make(), backbone(3, 0.4)
    values, gradients = likelihood.value_and_grad(x)
    monkeypatch.setitem(residual._VOXELS_AT_ONCE, "cpu", 2 * GRID.n_voxels)  # pieces of 2 and 1
    pieces = likelihood.value_and_grad(x)
    torch.testing.assert_close(pieces[0], values)
    torch.testing.assert_close(pieces[1], gradients)
    torch.testing.assert_close(likelihood.curvature(x)[2:], likelihood.curvature(x[2:]))
    torch.testing.assert_close(likelihood(x[1:2]), values[1:2])


def test_units_of_the_map_do_not_matter():
    x, values = backbone(2, 0.3), target()
    plain, scaled = make(values), make(40.0 * values - 7.0, variance=1600 * 1e-4)
    for a, b in zip(plain.value_and_grad(x), scaled.value_and_grad(x), strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(plain.correlation(x), scaled.correlation(x))
    torch.testing.assert_close(plain.curvature(x), scaled.curvature(x))


def test_a_finer_grid_does_not_count_more():
    fine_grid = Grid(GRID.origin, tuple(s / 2 for s in GRID.spacing), tuple(2 * n - 1 for n in GRID.shape))
    truth = backbone_to_atoms(backbone(), ATOMS)
    x = backbone(1, 0.3)
    value = [
        DensityLikelihood.from_map(ATOMS.density(grid)(truth)[0], grid, ATOMS, 3.0, 1e-4)(x)
        for grid in (GRID, fine_grid)
    ]
    torch.testing.assert_close(value[1], value[0], rtol=0.05, atol=0)


def test_truth_is_a_maximum():
    likelihood = make(target(0.0))
    truth = likelihood(backbone())
    assert float(likelihood.correlation(backbone())[0]) == pytest.approx(1.0, abs=1e-6)
    assert (likelihood(backbone(4, 0.3)) < truth).all()
    assert float(likelihood.value_and_grad(backbone())[1].abs().max()) < 1e-3


def test_following_the_gradient_improves_the_fit():
    likelihood, x = make(), backbone(2, 0.3)
    before = likelihood.correlation(x)
    for _ in range(5):
        x = x + likelihood.value_and_grad(x)[1] / (4 * likelihood.curvature(x)[..., None])
    assert (likelihood.correlation(x) > before + 0.2 * (1 - before)).all()


def test_an_anticorrelated_model_is_not_pushed_away():
    likelihood = make(-target(0.0))
    x = backbone(1, 0.1)
    assert float(likelihood.correlation(x)[0]) < -0.9
    assert float(likelihood.fit(x).scale[0]) == 0.0
    assert float(likelihood.value_and_grad(x)[1].abs().max()) == 0.0


def test_levels_share_the_truth_and_differ_in_reach():
    likelihood = make(target(0.0), blurs=(200.0, 0.0))
    displaced = backbone() + torch.tensor([1.5, 0.0, 0.0])
    coarse, fine = (likelihood.at_level(i) for i in (0, 1))
    assert float(coarse.correlation(backbone())[0]) > 0.99
    assert float(fine.correlation(backbone())[0]) > 0.999
    assert float(coarse.correlation(displaced)[0]) > float(fine.correlation(displaced)[0])
    with pytest.raises(IndexError):
        likelihood.at_level(2)


def test_per_residue_fit_finds_the_misplaced_residue():
    likelihood = make()
    x = backbone(2)
    x[1, 2] += torch.tensor([0.0, 3.0, -3.0], dtype=torch.float64)
    fit = likelihood.per_residue_fit(x)
    assert fit.shape == (2, len(SEQUENCE))
    assert fit[0].min() > 0.9
    assert np.argmin(fit[1]) == 2
    assert fit[1, 2] < 0.5
    x[0, 0] += 100.0
    assert np.isnan(likelihood.per_residue_fit(x)[0, 0])


def test_per_residue_share_does_not_mind_what_is_missing():
    likelihood = make()
    x = backbone(2)
    x[1, 2] += torch.tensor([0.0, 3.0, -3.0], dtype=torch.float64)
    share = likelihood.per_residue_share(x)
    assert share[0] == pytest.approx(1.0, abs=0.02)
    assert np.argmin(share[1]) == 2 and share[1, 2] < 0.5
    # without the last residues the others have as much as before, whatever their scale now is
    rows = torch.arange(len(SEQUENCE) - 2)
    fewer = likelihood.of_residues(rows).per_residue_share(backbone()[:, rows])[0]
    assert fewer.min() > 0.9 * fewer.max() or np.argmax(fewer) == len(rows) - 1
    x[0, 0] += 100.0
    assert np.isnan(likelihood.per_residue_share(x)[0, 0])


def test_curvature_is_the_gauss_newton_diagonal():
    atoms = prepare_atoms(np.zeros(1, np.int64), b_factor=60.0, dtype=torch.float64)
    x = backbone()[:, 1:2] * 0.5
    operator = atoms.density(GRID, tolerance=1e-9)
    values = 2.0 * operator(backbone_to_atoms(x, atoms))[0]
    likelihood = DensityLikelihood.from_map(values, GRID, atoms, 3.0, 1e-3, tolerance=1e-9)
    step, steps = 1e-4, torch.eye(12, dtype=torch.float64).reshape(12, 1, 4, 3)
    ahead, behind = (operator(backbone_to_atoms(x + sign * step * steps, atoms)) for sign in (1, -1))
    jacobian = 2.0 * (ahead - behind) / (2 * step)  # the map is twice the density
    per_atom = jacobian.square().sum((1, 2, 3)).reshape(4, 3).mean(-1)
    expected = per_atom * likelihood.levels[0].independent_fraction / 1e-3
    ratio = likelihood.curvature(x)[0, 0] / expected
    assert float(ratio[3]) == pytest.approx(1.0, abs=0.05)  # O carries no site
    # the closed form leaves out that a site and the atoms that carry it overlap
    assert ((ratio > 0.3) & (ratio < 1.2)).all()


def test_curvature_is_positive_even_outside_the_mask():
    mask = torch.zeros(GRID.shape)
    mask[:9] = 1.0
    x = backbone(2, 0.5)
    x[0, 0] += 100.0
    curvature = make(mask=mask).curvature(x)
    assert curvature.shape == (2, len(SEQUENCE), 4)
    assert (curvature > 0).all()
    assert torch.isfinite(curvature).all()
    assert (make().curvature(x)[1] >= 0.2 * curvature[1]).all()


def test_a_model_off_the_map_is_answered_calmly():
    likelihood, x = make(), backbone(1) + 200.0
    value, gradient = likelihood.value_and_grad(x)
    assert float(value[0]) == pytest.approx(-0.5 * likelihood.levels[0].square * GRID.voxel_volume / 1.5**3 / 1e-4)
    assert float(gradient.abs().max()) == 0.0
    assert float(likelihood.correlation(x)[0]) == 0.0
    assert torch.isfinite(likelihood.curvature(x)).all()


def test_gradients_of_the_caller_stay_switched_on():
    likelihood = make()
    likelihood.value_and_grad(backbone(2))
    assert torch.is_grad_enabled()


def test_single_precision_is_good_enough():
    atoms = prepare_atoms(Polymer.single_chain(SEQUENCE).aatype, b_factor=50.0)
    single = DensityLikelihood.from_map(target().float(), GRID, atoms, 3.0, 1e-4)
    double = make(tolerance=1e-9)
    x = backbone(2, 0.3)
    value, gradient = single.value_and_grad(x.float())
    exact_value, exact_gradient = double.value_and_grad(x)
    torch.testing.assert_close(value.double(), exact_value, rtol=3e-4, atol=0)
    assert float((gradient - exact_gradient).norm() / exact_gradient.norm()) < 1e-3
