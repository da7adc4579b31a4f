"""Simulated maps against the closed form of an atom's density."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from radial_density import radial_density

from adp3d.physics.form_factors import electron_form_factors
from adp3d.prior.standard_map import occupied
from adp3d.training.map_conditions import MapConditions
from adp3d.training.simulated_map import simulate_map
from adp3d.training.surroundings import Scatterers

LOW, HIGH = np.full(3, -12.0, np.float32), np.full(3, 12.0, np.float32)
PLAIN = MapConditions(
    resolution=2.2, told_resolution=2.2, b_mean=90.0, b_contrast=1.0, b_local=0.0, b_final=90.0, solvent=0.0,
    noise=0.0, noise_b=0.0, surroundings="whole", mask_radius=4.0, threshold=0.0, waters=0.0,
)  # fmt: skip


def atoms(xyz, b=1.0):
    n = len(xyz)
    return Scatterers(
        np.array(xyz, np.float32), np.zeros(n, np.uint8), np.arange(n), np.broadcast_to(b, n).astype(np.float32)
    )


def simulate(scatterers, conditions, core=None, seed=0):
    core = scatterers.xyz if core is None else core
    return simulate_map(scatterers, LOW, HIGH, conditions, core, torch.Generator().manual_seed(seed))


def at(simulated, point):
    i, j, k = np.rint(point - simulated.origin).astype(int)
    return float(simulated.values[i, j, k])


def test_one_atom_has_the_density_of_its_form_factor():
    made = simulate(atoms([[0.0, 0.0, 0.0]]), PLAIN)
    a, b = electron_form_factors(["C"])
    for r in (0.0, 1.0, 2.0):
        expected = radial_density(np.array([r]), a[0], b[0], 90.0)[0]
        # the end at 2.2 A takes a few per cent of an atom with B = 90
        assert at(made, np.array([r, 0.0, 0.0])) == pytest.approx(expected, rel=0.05, abs=2e-3)


def test_sharpening_changes_the_b_factor():
    made = simulate(atoms([[0.0, 0.0, 0.0]]), replace(PLAIN, b_mean=60.0, b_final=150.0))
    a, b = electron_form_factors(["C"])
    assert at(made, np.zeros(3)) == pytest.approx(radial_density(np.zeros(1), a[0], b[0], 150.0)[0], rel=0.03)


def test_atoms_of_higher_b_are_weaker():
    made = simulate(atoms([[-5.0, 0, 0], [5.0, 0, 0]], [0.5, 1.5]), PLAIN)
    assert at(made, np.array([-5.0, 0, 0])) > 1.5 * at(made, np.array([5.0, 0, 0]))
    alike = simulate(atoms([[-5.0, 0, 0], [5.0, 0, 0]], [0.5, 1.5]), replace(PLAIN, b_contrast=0.0))
    assert at(alike, np.array([-5.0, 0, 0])) == pytest.approx(at(alike, np.array([5.0, 0, 0])), rel=1e-3)


def test_nothing_is_finer_than_the_resolution():
    made = simulate(atoms([[0.3, 0.1, -0.2]]), replace(PLAIN, resolution=4.0, noise=0.5))
    spectrum = torch.fft.rfftn(made.values).abs()
    f = [torch.fft.fftfreq(n) for n in made.values.shape[:2]] + [torch.fft.rfftfreq(made.values.shape[2])]
    s = (f[0][:, None, None] ** 2 + f[1][None, :, None] ** 2 + f[2][None, None] ** 2).sqrt()
    assert spectrum[s > 1.1 / 4.0].max() < 1e-3 * spectrum.max()


def test_noise_has_the_size_asked_for():
    line = atoms([[float(x), 0.0, 0.0] for x in range(-8, 9, 2)])
    clean = simulate(line, PLAIN).values
    noisy = simulate(line, replace(PLAIN, noise=0.4)).values
    weight = occupied(torch.from_numpy(line.xyz - LOW), tuple(clean.shape), 1.0)
    weight = weight / weight.sum()
    mean = (weight * clean).sum()
    spread = (weight * (clean - mean).square()).sum().sqrt()
    assert float((noisy - clean).std() / spread) == pytest.approx(0.4, rel=0.02)
    assert not torch.equal(noisy, simulate(line, replace(PLAIN, noise=0.4), seed=1).values)


def test_surroundings():
    line = atoms([[float(x), 0.0, 0.0] for x in range(-8, 9, 2)])
    other = atoms([[0.0, 9.0, 0.0]])
    both = Scatterers(
        np.concatenate([line.xyz, other.xyz]), np.zeros(10, np.uint8), np.arange(10), np.ones(10, np.float32)
    )
    noisy = replace(PLAIN, noise=0.3, mask_radius=3.0)
    corner, beside = np.array([-12.0, -12.0, -12.0]), np.array([0.0, 9.0, 0.0])
    masked = simulate(both, replace(noisy, surroundings="masked"), core=line.xyz)
    assert at(masked, corner) == 0.0 and at(masked, beside) > 0
    zoned = simulate(both, replace(noisy, surroundings="zoned"), core=line.xyz)
    assert at(zoned, beside) == 0.0 and at(zoned, np.zeros(3)) > 0
    cut = simulate(both, replace(noisy, surroundings="thresholded", threshold=1.0))
    assert (cut.values >= 0).all() and (cut.values == 0).float().mean() > 0.5


def test_solvent_lowers_the_contrast():
    ball = atoms(np.random.default_rng(0).uniform(-5, 5, (60, 3)))
    plain, wet = simulate(ball, PLAIN).values, simulate(ball, replace(PLAIN, solvent=0.6)).values
    assert float(wet.mean()) < 0.7 * float(plain.mean())
