"""What a Gaussian chain makes of a noisy state and known atoms, against dense linear algebra."""

from __future__ import annotations

import pytest
import torch

from adp3d.prior.conditioning import _banded, _scanned, gaussian_estimate
from adp3d.prior.correlation import GlobularCorrelation
from adp3d.prior.evidence import KnownAtoms

CORRELATION = GlobularCorrelation((5, 9))
N = 14


def dense():
    """R as a matrix over the 4N atoms."""
    unit = torch.eye(4 * N, dtype=torch.float64).reshape(4 * N, N, 4, 1).expand(-1, -1, -1, 3)
    return CORRELATION.apply(unit.contiguous())[..., 0].reshape(4 * N, 4 * N).T


def example(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.rand(shape, generator=generator, dtype=torch.float64)  # noqa: E731
    weights = draw(count, N, 4) * (draw(count, N, 4) < 0.3)
    return 5 * draw(3, N, 4, 3), KnownAtoms(5 * draw(count, N, 4, 3), weights)


@pytest.mark.parametrize(("count", "sigma"), [(3, [0.1, 0.5, 0.9]), (1, [0.5, 0.5, 0.5]), (1, [0.9, 0.2, 0.5])])
def test_agrees_with_dense_algebra(count, sigma):
    x_t, known = example(count)
    found = gaussian_estimate(CORRELATION, x_t, torch.tensor(sigma, dtype=torch.float64), known)
    r = dense()
    precision = torch.linalg.inv(r @ r.T)
    for k, s in enumerate(sigma):
        w, y = known.weights[k % count].flatten(), known.target[k % count].reshape(-1, 3)
        system = precision / s**2 + torch.diag(w)
        rhs = (1 - s**2) ** 0.5 / s**2 * precision @ x_t[k].reshape(-1, 3) + w[:, None] * y
        torch.testing.assert_close(found.mean[k].reshape(-1, 3), torch.linalg.solve(system, rhs))
        ratio = (torch.linalg.inv(system).diagonal() / (r @ r.T).diagonal()).sqrt()
        torch.testing.assert_close(found.noise[k].flatten(), ratio)


def test_without_known_atoms_only_the_scale_changes():
    x_t, known = example(1)
    nothing = KnownAtoms(known.target, torch.zeros_like(known.weights))
    for given in (None, nothing):
        found = gaussian_estimate(CORRELATION, x_t, torch.tensor([0.6, 0.8, 0.1], dtype=torch.float64), given)
        torch.testing.assert_close(found.mean[0], 0.8 * x_t[0])
        torch.testing.assert_close(found.noise[1], torch.full((N, 4), 0.8, dtype=torch.float64))


def test_exactly_known_atoms_stay_and_spread_their_knowledge():
    x_t, known = example(1)
    weights = torch.zeros(N, 4, dtype=torch.float64)
    weights[6] = 1e8
    found = gaussian_estimate(CORRELATION, x_t, torch.tensor([0.9] * 3), KnownAtoms(known.target[0], weights))
    torch.testing.assert_close(found.mean[:, 6], known.target[:, 6].expand(3, -1, -1), atol=1e-5, rtol=0)
    noise = found.noise[0].mean(-1)
    assert noise[6] < 1e-3 < noise[7] < noise[9] < 0.9
    assert (noise[:5] == noise[0]).all() or noise[:5].std() < 1e-6  # the other chain learns nothing


def test_moving_frame_and_atoms_together():
    _, known = example(1)
    shift = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64).expand(3, 1, 1, 3)
    moved = KnownAtoms(known.target + shift, known.weights).relative_to(shift)
    torch.testing.assert_close(moved.target, known.target.expand(3, -1, -1, -1))


@pytest.mark.parametrize(("count", "sigma"), [(3, [0.01, 0.5, 0.99]), (1, [0.5, 0.5, 0.5]), (1, [0.999, 0.2, 0.5])])
def test_scans_give_what_factorisations_give(count, sigma):
    x_t, known = example(count)
    noise = torch.tensor(sigma, dtype=torch.float64)
    weights = known.weights.reshape(count, 4 * N)
    weights[0, :20] = 0  # nothing is known of the first chain
    pull = weights[..., None] * x_t.reshape(3, 4 * N, 3)
    for scanned, banded in zip(
        _scanned(CORRELATION, noise, weights, pull), _banded(CORRELATION, noise, weights, pull), strict=True
    ):
        torch.testing.assert_close(scanned, banded, rtol=1e-9, atol=1e-9)


def test_no_value_is_asked_for_on_another_device():
    x_t, known = example(1)
    given = KnownAtoms(known.target[0].to("meta"), known.weights[0].to("meta"))  # which holds no values
    found = gaussian_estimate(CORRELATION, x_t.to("meta"), torch.tensor([0.9] * 3, device="meta"), given)
    assert found.mean.shape == x_t.shape and found.noise.shape == x_t.shape[:3]
