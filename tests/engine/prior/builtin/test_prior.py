"""The default prior with its shipped weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ideal_backbone import build_backbone
from scipy.spatial.transform import Rotation

from adp3d.prior.builtin.prior import BuiltinPrior
from adp3d.prior.builtin.weights_file import load_denoiser
from adp3d.prior.evidence import Evidence, KnownAtoms
from adp3d.structure.polymer import Polymer

SEQUENCE = "AEAAAKEAAAKEAAAKEAAAKEAAAKEAAA"
N = len(SEQUENCE)


@pytest.fixture(scope="module")
def network():
    return load_denoiser()


@pytest.fixture(scope="module")
def prior(network):
    return BuiltinPrior(network, Polymer.single_chain(SEQUENCE))


@pytest.fixture(scope="module")
def helix():
    """Alpha helix (1, N, 4, 3), centred."""
    x = torch.from_numpy(build_backbone([-60.0] * N, [-45.0] * N)).float()
    return (x - x.mean((0, 1)))[None]


def noised(prior, x, t, replicas=2, seed=0):
    alpha, sigma = prior.schedule.at(t)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(replicas, *x.shape[1:], generator=generator)
    return alpha * x + sigma * prior.correlation.apply(noise)


def test_gradients_are_those_of_the_estimate(prior, helix):
    """Posterior sampling differentiates through the denoiser: all of it, not its first stage alone."""
    x_t = noised(prior, helix, 0.4, replicas=1).requires_grad_(True)
    generator = torch.Generator().manual_seed(3)
    weight, direction = (torch.randn(x_t.shape, generator=generator) for _ in range(2))
    value = lambda x: (weight * prior.denoise(x, 0.4)).sum()  # noqa: E731
    (gradient,) = torch.autograd.grad(value(x_t), x_t)
    with torch.no_grad():
        difference = (value(x_t + 1e-2 * direction) - value(x_t - 1e-2 * direction)) / 2e-2
    assert float((gradient * direction).sum()) == pytest.approx(float(difference), rel=0.03)


def test_no_gradient_is_promised_through_known_atoms(prior, helix):
    x_t = noised(prior, helix, 0.4, replicas=1).requires_grad_(True)
    known = KnownAtoms(helix[0], torch.ones(N, 4))
    with pytest.raises(ValueError, match="no gradient goes through known atoms"):
        prior.denoise(x_t, 0.4, Evidence(known))


def error(a, b):
    return float((a - b).square().sum(-1).mean().sqrt())


@pytest.mark.parametrize("t", [0.2, 0.35, 0.5])
def test_removes_noise_from_a_helix(prior, helix, t):
    x_t = noised(prior, helix, t)
    alpha, _ = prior.schedule.at(t)
    assert error(prior.denoise(x_t, t), helix) < 0.85 * error(x_t / alpha, helix)


def test_turning_the_input_turns_the_estimate(prior, helix):
    x_t = noised(prior, helix, 0.4)
    rotation = torch.from_numpy(Rotation.from_euler("xyz", [40, -70, 110], degrees=True).as_matrix()).float()
    turned = prior.denoise(x_t @ rotation.T, 0.4)
    torch.testing.assert_close(turned, prior.denoise(x_t, 0.4) @ rotation.T, atol=2e-3, rtol=1e-3)


def test_replicas_have_times_of_their_own(prior, helix):
    x_t = torch.cat([noised(prior, helix, 0.2, 1), noised(prior, helix, 0.6, 1)])
    both = prior.denoise_many(x_t, torch.tensor([0.2, 0.6]))
    for i, t in enumerate((0.2, 0.6)):
        torch.testing.assert_close(both[i : i + 1], prior.denoise(x_t[i : i + 1], t), atol=1e-3, rtol=1e-3)


def test_sequence_is_used_only_when_wanted(network, helix):
    other = Polymer.single_chain("V" * N)
    own = Polymer.single_chain(SEQUENCE)
    with_sequence = [BuiltinPrior(network, p).denoise(1.2 * helix, 0.5) for p in (own, other)]
    assert error(*with_sequence) > 1e-3
    without = [BuiltinPrior(network, p, use_sequence=False).denoise(1.2 * helix, 0.5) for p in (own, other)]
    assert torch.equal(*without)


def test_chains_and_breaks_reach_the_operator(network, helix):
    half = N // 2
    index = np.concatenate([np.arange(half), np.arange(N - half)])
    two = Polymer(SEQUENCE, np.repeat([0, 1], [half, N - half]).astype(np.int64), index.astype(np.int64), ("A", "B"))
    prior = BuiltinPrior(network, two)
    assert prior.correlation.lengths == (half, N - half)
    gap = Polymer(SEQUENCE, np.zeros(N, np.int64), np.arange(N) + 10 * (np.arange(N) >= half), ("A",))
    assert BuiltinPrior(network, gap).correlation.lengths == (half, N - half)
    assert torch.isfinite(prior.denoise(helix, 0.3)).all()


def test_gradient_reaches_the_input_only(prior, helix):
    x = helix.double().requires_grad_(True)
    out = prior.denoise(x, 0.3)
    assert out.dtype == torch.float64
    (gradient,) = torch.autograd.grad(out.square().sum(), x)
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0
    assert not prior.denoise(helix, 0.3).requires_grad


def test_known_atoms_are_kept_and_help_the_rest(prior, network, helix):
    x_t = noised(prior, helix, 0.7)
    weights = torch.zeros(N, 4)
    weights[::5] = 2500.0
    known = KnownAtoms(helix[0], weights)
    shown, plain = prior.denoise(x_t, 0.7, Evidence(known)), prior.denoise(x_t, 0.7)
    assert (shown - helix)[:, ::5].abs().max() < 0.2
    assert error(shown, helix) < 0.6 * error(plain, helix)
    ignoring = BuiltinPrior(network, Polymer.single_chain(SEQUENCE), show_known=False)
    torch.testing.assert_close(ignoring.denoise(x_t, 0.7, Evidence(known)), plain)
