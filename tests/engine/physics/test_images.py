"""Images of atoms add the density of copies, and their gradients come back through the operators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adp3d.contract.symmetry import parse_symmetry
from adp3d.likelihood.density import DensityLikelihood
from adp3d.physics.grid import Grid
from adp3d.physics.images import Images
from adp3d.physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from adp3d.structure.polymer import Polymer
from adp3d.structure.symmetry import symmetry_of_symbol

SEQUENCE = "GAVWKLDE"
SYMMETRY = symmetry_of_symbol(parse_symmetry("D2"), (0.1, 0.3, 1.0), (1.0, 2.0, 0.5))
GRID = Grid((-8.0, -8.0, -8.0), (1.0, 1.1, 0.9), (22, 20, 24))


def backbone(make, replicas=2):
    x = torch.as_tensor(make.helix(len(SEQUENCE)))[None].repeat(replicas, 1, 1, 1)
    x = x - x.mean((1, 2), keepdim=True) + torch.tensor([4.0, 1.0, -1.0], dtype=torch.float64)
    return x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def plain_atoms(dtype=torch.float64):
    return prepare_atoms(Polymer.single_chain(SEQUENCE).aatype, 30.0, dtype=dtype)


def with_all_images(atoms):
    chosen = np.ones((len(SYMMETRY) - 1, atoms.n_atoms), bool)
    return atoms.with_images(Images.of(SYMMETRY.neighbours(), chosen, atoms.local))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_density_is_that_of_all_copies(make, dtype):
    x, plain = backbone(make).to(dtype), plain_atoms(dtype)
    atoms = with_all_images(plain)
    assert (atoms.n_atoms, atoms.n_own, atoms.n_residues) == (4 * plain.n_atoms, plain.n_atoms, len(SEQUENCE))
    found = atoms.density(GRID)(backbone_to_atoms(x, atoms))
    wanted = torch.zeros_like(found)
    for operator in torch.as_tensor(SYMMETRY.operators, dtype=dtype):
        moved = x @ operator[:, :3].T + operator[:, 3]
        wanted += plain.density(GRID)(backbone_to_atoms(moved, plain))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.max()))
    assert float((wanted - plain.density(GRID)(backbone_to_atoms(x, plain))).max()) > 0.1 * float(wanted.max())


def likelihood(make):
    atoms = with_all_images(plain_atoms())
    truth = atoms.density(GRID)(backbone_to_atoms(backbone(make, 1), atoms))[0]
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(4), dtype=truth.dtype)
    mask = torch.zeros(GRID.shape, dtype=truth.dtype)
    mask[4:16, 3:15, 5:20] = 1
    return DensityLikelihood.from_map(truth + 0.02 * truth.max() * noise, GRID, atoms, 3.0, 1e-4, mask)


def test_the_gradient_is_that_of_the_value(make):
    log_p, x = likelihood(make), backbone(make)
    _, gradient = log_p.value_and_grad(x)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    step = 1e-4
    with torch.no_grad():
        slope = (log_p(x + step * direction) - log_p(x - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum((1, 2, 3)), slope, rtol=3e-3, atol=0)
    leaf = x.clone().requires_grad_(True)
    log_p(leaf).sum().backward()
    torch.testing.assert_close(leaf.grad, gradient)


def test_images_pull_at_their_atoms(make):
    log_p, x = likelihood(make), backbone(make)
    plain = plain_atoms()
    alone = DensityLikelihood(plain, log_p.levels, (plain.density(GRID),), 3.0)
    difference = log_p.value_and_grad(x)[1] - alone.value_and_grad(x)[1]
    assert float(difference.abs().max()) > 0
    stiffer = log_p.curvature(x)
    assert stiffer.shape == x.shape[:3] and bool((stiffer > 0).all())


def test_values_of_images_are_added_to_their_atoms():
    atoms = plain_atoms()
    chosen = np.zeros((3, atoms.n_atoms), bool)
    chosen[0, 2], chosen[2, 2], chosen[1, 5] = True, True, True
    images = atoms.with_images(Images.of(SYMMETRY.neighbours(), chosen, atoms.local))
    values = torch.arange(images.n_atoms, dtype=torch.float64)[None]
    folded = images.folded(values)[0]
    assert folded.shape == (atoms.n_atoms,)
    added = (folded - values[0, : atoms.n_atoms]).tolist()
    n = atoms.n_atoms
    assert added[2] == n + (n + 2) and added[5] == n + 1
    assert sum(value != 0 for value in added) == 2
    with pytest.raises(ValueError, match="have images"):
        images.with_images(images.images)


def test_some_residues_have_their_own_images_only(make):
    atoms = plain_atoms()
    chosen = np.random.default_rng(0).random((len(SYMMETRY) - 1, atoms.n_atoms)) < 0.5
    whole = atoms.with_images(Images.of(SYMMETRY.neighbours(), chosen, atoms.local))
    rows = torch.tensor([0, 2, 3, 6])
    part, x = whole.of_residues(rows), backbone(make)
    # the others weigh nothing
    there = torch.isin(whole.residue, rows)
    weighed = replace(whole, occupancy=whole.occupancy * there)
    wanted = weighed.density(GRID)(backbone_to_atoms(x, weighed))
    found = part.density(GRID)(backbone_to_atoms(x[:, rows], part))
    # each has a cut-off of its own
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.max()))
    assert part.n_own < part.n_atoms < whole.n_atoms
    values = torch.arange(part.n_atoms, dtype=torch.float64)
    assert part.folded(values).shape == (part.n_own,)
