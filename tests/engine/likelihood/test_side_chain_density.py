"""The map compared with sampled side chains: closed forms, and slopes that reach the backbone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from atom14_model import demo_atom14

from adp3d.contract.symmetry import parse_symmetry
from adp3d.likelihood.density import DensityLikelihood
from adp3d.likelihood.side_chain_density import AllAtomMap
from adp3d.physics.grid import Grid
from adp3d.physics.images import Images
from adp3d.physics.pseudo_atoms import prepare_atoms
from adp3d.sidechain.build import measure_deviation
from adp3d.sidechain.drawn import DrawnSideChains
from adp3d.sidechain.measure import measure_chi
from adp3d.structure.symmetry import apply, symmetry_of_symbol

COUNT, B, VARIANCE = 7, 40.0, 1e-4


@pytest.fixture(scope="module")
def case():
    """Seven residues of the demo with their own side chains, and their map at scale 3 and offset 0.2, with noise."""
    atoms, aatype, _ = (part[20 : 20 + COUNT] for part in demo_atom14())
    chi, _ = measure_chi(atoms, aatype)
    turns = torch.stack([chi.cos(), chi.sin()], -1)
    drawn = DrawnSideChains(aatype, turns[None, None], measure_deviation(atoms, aatype, chi)[None, None])
    x = atoms[None, :, :4]
    low = x.amin((0, 1, 2)) - 7.0
    shape = tuple(int(n) for n in ((x.amax((0, 1, 2)) + 7.0 - low) / 1.1).ceil())
    grid = Grid(tuple(low.tolist()), (1.1, 1.1, 1.1), shape)
    pseudo = prepare_atoms(aatype.numpy(), B, dtype=torch.float64)
    # of a likelihood only for its operator: the map is made with it
    blank = torch.randn(shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    elements, residue = DrawnSideChains.elements(aatype), DrawnSideChains.residues(aatype)
    forge = AllAtomMap.of(make(blank, grid, pseudo), elements, residue, B)
    values = 3.0 * forge.operators[0](drawn.on(x))[0, 0] + 0.2 + 0.01 * blank
    averages = make(values, grid, pseudo)
    return x, drawn, values, averages, AllAtomMap.of(averages, elements, residue, B)


def make(values, grid, pseudo):
    return DensityLikelihood.from_map(values, grid, pseudo, 3.0, VARIANCE, blurs=(0.0, 80.0), tolerance=1e-6)


def turned(drawn, replicas=1, samples=1, seed=0):
    """Side chains with other torsions, for so many replicas and samples."""
    angle = torch.rand(replicas, samples, *drawn.turns.shape[2:4], generator=torch.Generator().manual_seed(seed))
    turns = torch.stack([angle.cos(), angle.sin()], -1).double()
    return DrawnSideChains(drawn.aatype, turns, drawn.deviation.expand(replicas, samples, -1, -1, -1))


def moved(x, replicas, size=0.3):
    generator = torch.Generator().manual_seed(2)
    return x + size * torch.randn(replicas, *x.shape[1:], generator=generator, dtype=x.dtype)


def test_value_and_fit_are_the_mean_over_samples_of_a_least_squares_fit(case):
    x, drawn, values, averages, everything = case
    x, drawn = moved(x, 2), turned(drawn, 2, 3)
    found = everything.likelihood(0, drawn.on).evaluate(x)
    weight = averages.levels[0].independent_fraction / VARIANCE
    value, scales = torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64)
    for replica, sample in torch.cartesian_prod(torch.arange(2), torch.arange(3)).tolist():
        density = everything.operators[0](drawn.on(x)[replica, sample])
        columns = torch.stack([density.flatten(), torch.ones_like(density).flatten()], 1)
        solution = torch.linalg.lstsq(columns, values.flatten()).solution
        value[replica, sample] = -0.5 * weight * (columns @ solution - values.flatten()).square().sum()
        scales[replica, sample] = solution[0]
    torch.testing.assert_close(found.value, value.mean(1))
    torch.testing.assert_close(found.fit.scale, scales.mean(1))
    torch.testing.assert_close(found.fit.mean_square, -2 * value.mean(1) / weight / values.numel())
    torch.testing.assert_close(everything.likelihood(0, drawn.on)(x), value.mean(1))


@pytest.mark.parametrize("level", [0, 1])
def test_the_gradient_reaches_the_backbone_through_the_torsions(case, level):
    x, drawn, _, _, everything = case
    x, drawn = moved(x, 2), turned(drawn, 2, 2)
    likelihood = everything.likelihood(level, drawn.on)
    gradient, step = likelihood.evaluate(x).gradient, 1e-5
    for direction in torch.randn(3, *x.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64):
        numeric = (likelihood(x + step * direction) - likelihood(x - step * direction)) / (2 * step)
        torch.testing.assert_close((gradient * direction).sum((1, 2, 3)), numeric, rtol=1e-4, atol=1e-4)


def test_side_chains_pull_at_the_backbones_that_bear_them(case):
    """Only the side chain of one residue is displaced, by a torsion: its backbone is pulled, those far away are not."""
    x, drawn, _, _, everything = case
    row = 3
    turns = drawn.turns.clone()
    turns[..., row, 0, :] = torch.stack([-turns[..., row, 0, 1], turns[..., row, 0, 0]], -1)  # by 90 degrees
    wrong = DrawnSideChains(drawn.aatype, turns, drawn.deviation)
    change = (
        everything.likelihood(0, wrong.on).evaluate(x).gradient
        - everything.likelihood(0, drawn.on).evaluate(x).gradient
    )
    pull = change[0].norm(dim=-1)
    assert float(pull[row, :3].max()) == float(pull.max())
    # O has no part in where the side chain is
    assert float(pull[row, 3]) < 0.2 * float(pull[row, :3].max())


def test_the_true_side_chains_explain_the_map_better_than_averages_and_others(case):
    x, drawn, _, averages, everything = case
    true = everything.likelihood(0, drawn.on).evaluate(x)
    other = everything.likelihood(0, turned(drawn).on).evaluate(x)
    average = averages.evaluate(x)
    assert float(true.fit.correlation) > 0.99
    assert float(true.fit.correlation) > float(average.fit.correlation) + 0.01
    assert float(true.value) > float(average.value) and float(true.value) > float(other.value)


def test_the_curvature_is_about_that_of_the_likelihood(case):
    x, drawn, _, averages, everything = case
    likelihood = everything.likelihood(0, drawn.on)
    found = likelihood.curvature(x, likelihood.evaluate(x).sums)
    assert found.shape == x.shape[:-1] and bool((found > 0).all())
    torch.testing.assert_close(found, averages.curvature(x), rtol=0.5, atol=0.0)


@pytest.fixture(scope="module")
def beside_copies(case):
    """The seven residues, the operators of their copies around an axis 5 A away, and the map of all of them."""
    x, drawn, _, averages, _ = case
    places = drawn.on(x)[0, 0]
    symmetry = symmetry_of_symbol(parse_symmetry("C3"), (0.1, 0.2, 1), places.mean(0) + torch.tensor([5.0, 2.0, 0.0]))
    grid = averages.operators[0].grid
    pseudo = prepare_atoms(drawn.aatype.numpy(), B, dtype=torch.float64)
    chosen = np.ones((2, pseudo.n_atoms), bool)
    pseudo = pseudo.with_images(Images.of(symmetry.neighbours(), chosen, pseudo.local))
    elements, residue = DrawnSideChains.elements(drawn.aatype), DrawnSideChains.residues(drawn.aatype)
    one = AllAtomMap.of(averages, elements, residue, B).operators[0]
    values = sum(
        one(drawn.on(x)[0, 0] @ operator[:, :3].T + operator[:, 3]) for operator in torch.as_tensor(symmetry.operators)
    )
    return AllAtomMap.of(make(values, grid, pseudo), elements, residue, B), values


def test_side_chains_of_symmetric_copies_are_explained(case, beside_copies):
    x, drawn, _, _, _ = case
    everything, values = beside_copies
    density = everything.operators[0](torch.cat([drawn.on(x), everything.images.positions(drawn.on(x))], -2))[0, 0]
    torch.testing.assert_close(density, values, rtol=0, atol=1e-4 * float(values.max()))
    found = everything.likelihood(0, drawn.on).evaluate(x)
    assert float(found.fit.correlation) > 0.9999
    # without the copies their density would be taken for the chain's own and pull at it
    alone = replace(everything, images=None, operators=case[4].operators).likelihood(0, drawn.on).evaluate(x)
    assert float(alone.fit.correlation) < 0.95
    assert float(found.gradient.norm()) < 0.02 * float(alone.gradient.norm())


def test_the_gradient_reaches_the_backbone_from_the_copies(case, beside_copies):
    x, drawn, _, _, _ = case
    x, drawn = moved(x, 2), turned(drawn, 2, 2)
    likelihood, step = beside_copies[0].likelihood(1, drawn.on), 1e-5
    gradient = likelihood.evaluate(x).gradient
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    numeric = (likelihood(x + step * direction) - likelihood(x - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum((1, 2, 3)), numeric, rtol=1e-4, atol=1e-4)


def test_only_residues_with_images_have_those_of_their_side_chains(case):
    _, drawn, _, averages, _ = case
    pseudo = prepare_atoms(drawn.aatype.numpy(), B, dtype=torch.float64)
    symmetry = symmetry_of_symbol(parse_symmetry("C3"), (0, 0, 1), (30, 0, 0))
    chosen = np.zeros((2, pseudo.n_atoms), bool)
    chosen[1, [4 * 2 + 1, 4 * 5]] = True  # one atom of residues 2 and 5 under the second operator
    pseudo = pseudo.with_images(Images.of(symmetry.neighbours(), chosen, pseudo.local))
    residue = DrawnSideChains.residues(drawn.aatype)
    averages = make(averages.levels[0].values, averages.operators[0].grid, pseudo)
    images = AllAtomMap.of(averages, DrawnSideChains.elements(drawn.aatype), residue, B).images
    assert images.source.tolist() == [i for i, row in enumerate(residue.tolist()) if row in (2, 5)]
    points = torch.rand(len(residue), 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wanted = apply(symmetry.neighbours()[1], points.numpy())[images.source]
    np.testing.assert_allclose(images.positions(points), wanted, atol=1e-9)
