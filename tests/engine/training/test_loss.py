"""Noisy examples and the denoising loss, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from adp3d.prior.builtin.network import NoisyBatch
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.schedule import LogSnrSchedule
from adp3d.training.crops import Crop
from adp3d.training.knowledge import every_kth
from adp3d.training.loss import denoising_loss, noisy_batch, sample_times

SEGMENTS = (6, 10)
N = 16
CPU = torch.device("cpu")


def crop(b=3, seed=0):
    rng = np.random.default_rng(seed)
    xyz = rng.normal(size=(b, N, 4, 3)).astype(np.float32) * 5
    chain = np.repeat([0, 1], SEGMENTS)[None].repeat(b, 0)
    index = np.concatenate([np.arange(6), np.arange(10)])[None].repeat(b, 0)
    return Crop(SEGMENTS, xyz, rng.integers(0, 21, (b, N)), chain, index, np.zeros(b, bool))


def test_times_dwell_where_refinement_is_decided():
    rng = np.random.default_rng(0)
    t = sample_times(np.zeros(20_000, bool), np.zeros(20_000, bool), rng)
    assert t.min() >= 0.001 and t.max() <= 1.0
    # 60 % in the middle plus the uniform's own share of 60 %
    assert ((t > 0.15) & (t < 0.75)).mean() == pytest.approx(0.6 + 0.4 * 0.6, abs=0.02)
    informed = sample_times(np.zeros(20_000, bool), np.ones(20_000, bool), rng)
    assert (informed > 0.75).mean() == pytest.approx(0.6 * 0.25, abs=0.02)
    rebuilt = sample_times(np.ones(2000, bool), np.zeros(2000, bool), rng)
    assert rebuilt.min() >= 0.45 and rebuilt.max() > 0.98


def test_times_of_examples_with_a_map():
    rng = np.random.default_rng(1)
    no, yes = np.zeros(20_000, bool), np.ones(20_000, bool)
    seen = sample_times(no, yes, rng, yes)
    # 70 % from 0.25 up, and of the rest what is drawn without a map
    below = 0.3 * (0.6 * 0.25 + 0.4 * 0.1 / 0.6)
    assert (seen < 0.25).mean() == pytest.approx(below, abs=0.01)
    assert seen.max() > 0.98
    assert sample_times(no, no, rng, yes).max() <= 0.7
    assert (sample_times(no, yes, rng, no) < 0.25).mean() == pytest.approx(below / 0.3, abs=0.02)


def test_noisy_batch_follows_the_schedule():
    schedule = LogSnrSchedule()
    times = np.array([0.1, 0.5, 0.9])
    given = crop()
    batch, clean, correlation = noisy_batch(given, times, schedule, torch.Generator().manual_seed(0), CPU)
    assert isinstance(correlation, GlobularCorrelation) and correlation.lengths == SEGMENTS
    for i, t in enumerate(times):
        alpha, sigma = schedule.at(t)
        assert float(batch.alpha[i]) == pytest.approx(alpha, rel=1e-5)
        assert float(batch.sigma[i]) == pytest.approx(sigma, rel=1e-4)
    # only the position as a whole differs from the crop
    shift = clean - torch.from_numpy(given.xyz)
    torch.testing.assert_close(shift, shift[:, :1, :1].expand_as(shift), atol=1e-5, rtol=0)
    assert shift.abs().max() > 0.1
    assert batch.aatype.tolist() == given.aatype.tolist()
    assert batch.chain_index.tolist() == given.chain_index.tolist()
    assert batch.present.all() and batch.present.shape == (3, N)


def test_noise_is_correlated_like_the_chain():
    """Whitening the noise of many draws gives unit variance."""
    many = Crop(
        SEGMENTS, *(np.repeat(a[:1], 600, 0) for a in (crop().xyz, crop().aatype)),
        *(np.repeat(a[:1], 600, 0) for a in (crop().chain_index, crop().residue_index)), np.zeros(600, bool),
    )  # fmt: skip
    batch, clean, correlation = noisy_batch(
        many, np.full(600, 0.5), LogSnrSchedule(), torch.Generator().manual_seed(1), CPU
    )
    x_t = batch.mean / batch.alpha[:, None, None, None]
    noise = (x_t - batch.alpha[:, None, None, None] * clean) / batch.sigma[:, None, None, None]
    white = correlation.inverse(noise).flatten(1)
    assert abs(float(white.var()) - 1) < 0.02
    assert abs(float((white[:, :-3] * white[:, 3:]).mean())) < 0.02


def levels(sigma, noise=None):
    """A batch of which only the noise levels matter."""
    flat = torch.zeros(len(sigma), N, dtype=torch.int64)
    noise = sigma[:, None, None].expand(len(sigma), N, 4) if noise is None else noise
    shape = torch.zeros(len(sigma), N, 4, 3)
    return NoisyBatch(shape, noise, (1 - sigma**2).sqrt(), sigma, flat, flat, flat, flat == 0)


def test_known_atoms_are_shown_with_their_error():
    given = crop(b=400)
    pattern = every_kth(given, 4, sigma=0.05)
    times = np.full(400, 0.9)
    batch, clean, _ = noisy_batch(given, times, LogSnrSchedule(), torch.Generator().manual_seed(0), CPU, pattern)
    error = (batch.mean - clean)[:, ::4]
    # at high noise the given positions are all there is to know
    assert float(error.std()) == pytest.approx(0.05, rel=0.1)
    assert (batch.noise[:, ::4] < 0.3 * batch.noise[:, 2:3]).all()
    plain, _, _ = noisy_batch(given, times, LogSnrSchedule(), torch.Generator().manual_seed(0), CPU)
    assert (plain.noise == plain.sigma[:, None, None]).all()
    assert (batch.noise < plain.noise).all()


def test_loss_in_closed_form():
    correlation = GlobularCorrelation(SEGMENTS)
    clean = torch.zeros(2, N, 4, 3)
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, N, 4, 3, generator=generator)
    sigma = torch.tensor([0.5, 0.2])
    error = correlation.apply(z)
    loss, last = denoising_loss([3 * error, error], clean, levels(sigma), correlation)
    square = sigma[:, None, None, None].square()
    expected = (error.square() / (100 * square) + z.square() / square).mean((1, 2, 3))
    torch.testing.assert_close(last, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(loss, (expected + 0.3 * 9 * expected).mean(), rtol=1e-4, atol=1e-4)


def test_errors_count_in_units_of_the_noise_left():
    correlation = GlobularCorrelation(SEGMENTS)
    clean, sigma = torch.zeros(1, N, 4, 3), torch.tensor([0.5])
    error = torch.zeros_like(clean)
    error[:, 3] = 0.1
    noise = torch.full((1, N, 4), 0.5)
    _, usual = denoising_loss([error], clean, levels(sigma, noise), correlation)
    noise[:, 3] = 0.05
    _, known = denoising_loss([error], clean, levels(sigma, noise), correlation)
    whitened = (correlation.inverse(error).square() / 0.25).mean()
    assert float((known - whitened) / (usual - whitened)) == pytest.approx(100, rel=1e-3)


def test_perfect_estimate_costs_nothing_and_gradients_flow():
    correlation = GlobularCorrelation(SEGMENTS)
    clean = torch.randn(2, N, 4, 3, generator=torch.Generator().manual_seed(0))
    sigma = torch.tensor([0.5, 0.2])
    assert float(denoising_loss([clean], clean, levels(sigma), correlation)[0]) == 0.0
    estimate = (clean + 0.1).requires_grad_(True)
    loss, _ = denoising_loss([estimate], clean, levels(sigma), correlation)
    loss.backward()
    assert torch.isfinite(estimate.grad).all() and estimate.grad.abs().max() > 0
