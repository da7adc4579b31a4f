"""Maps in standard units, whatever units, offset and cut they came with."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from adp3d.prior.standard_map import BLURS, SPACING, frequency_squared, occupied, splat, standard_map

SHAPE = (30, 32, 36)


@pytest.fixture(scope="module")
def chain():
    """A wiggly line of points inside the box, 1.5 A apart."""
    t = np.linspace(0, 4 * np.pi, 60)
    return torch.tensor(np.stack([15 + 6 * np.cos(t), 16 + 6 * np.sin(t), 9 + 1.4 * t], -1), dtype=torch.float32)


def gaussians(points, variance):
    axes = [torch.arange(n, dtype=torch.float32) for n in SHAPE]
    grid = torch.cartesian_prod(*axes)
    square = torch.cdist(grid, points).square()
    return torch.exp(-square / (2 * variance)).sum(1).view(SHAPE)


def evidence(values, chain, known=None):
    known = torch.zeros(0, 3) if known is None else known
    return standard_map(torch.fft.rfftn(values), SHAPE, torch.zeros(3), SPACING, 3.0, chain, known)


def test_splat_keeps_weight_and_centre():
    points = torch.tensor([[3.2, 7.9, 11.5], [10.0, 0.25, 20.0], [40.0, 3.0, 3.0]])
    field = splat(points, SHAPE, torch.tensor([1.0, 2.0, 5.0]))
    assert float(field.sum()) == pytest.approx(3.0)  # the one outside is left out
    index = torch.cartesian_prod(*(torch.arange(n) for n in SHAPE)).float()
    mean = (field.flatten()[:, None] * index).sum(0)
    torch.testing.assert_close(mean, points[0] + 2 * points[1], rtol=1e-5, atol=1e-4)


def test_frequencies_are_those_of_the_real_transform():
    s2 = frequency_squared(SHAPE, 1.3, torch.device("cpu"))
    expected = (
        np.fft.fftfreq(30, 1.3)[:, None, None] ** 2
        + np.fft.fftfreq(32, 1.3)[None, :, None] ** 2
        + np.fft.rfftfreq(36, 1.3)[None, None] ** 2
    )
    np.testing.assert_allclose(s2.numpy(), expected, rtol=1e-5, atol=1e-7)


def test_a_single_place_is_a_gaussian_of_known_width():
    field = occupied(torch.tensor([[15.0, 16.0, 18.0]]), SHAPE, 1.0)
    assert float(field[15, 16, 18]) == pytest.approx(1.0, abs=1e-3)
    for r in (1, 2, 3):
        expected = math.exp(-4 * math.pi**2 * r**2 / 110.0)
        assert float(field[15 + r, 16, 18]) == pytest.approx(expected, abs=2e-3)


def test_values_do_not_depend_on_units_offset_or_cut(chain):
    values = gaussians(chain, 1.5) + 0.05 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    plain = evidence(values, chain)
    inside = occupied(chain, SHAPE, 1.0) > 0.5
    for other in (1000 * values, values + 7.0, -3.0 + 0.01 * values):
        assert (evidence(other, chain).levels - plain.levels).abs().max() < 0.02
    distance = torch.cdist(torch.cartesian_prod(*(torch.arange(n).float() for n in SHAPE)), chain).amin(1).view(SHAPE)
    zoned = evidence(torch.where(distance < 5.0, values, 0.0), chain)
    change = (zoned.levels - plain.levels)[:, inside].square().mean(1).sqrt()
    assert float(change[0]) < 0.05 and float(change[1]) < 0.05 and float(change[2]) < 0.3


def test_levels_have_unit_contrast_near_the_backbone(chain):
    shown = evidence(40 + 9 * gaussians(chain, 1.0), chain)
    weight = occupied(chain, SHAPE, 1.0)
    for level in shown.levels:
        mean = (weight * level).sum() / weight.sum()
        assert abs(float(mean)) < 1e-3
        assert float((weight * (level - mean).square()).sum() / weight.sum()) == pytest.approx(1.0, abs=1e-2)
    assert len(shown.levels) == len(BLURS)


def test_known_atoms_explain_their_density(chain):
    shown = evidence(gaussians(chain, 1.0), chain, chain[:30])
    at = chain.round().long()
    taken = shown.taken[at[:, 0], at[:, 1], at[:, 2]]
    assert float(taken[:28].min()) > 0.8 and float(taken[34:].max()) < 0.2
    assert not evidence(gaussians(chain, 1.0), chain).taken.any()


def test_an_empty_map_gives_finite_values(chain):
    assert torch.isfinite(evidence(torch.full(SHAPE, 3.0), chain).levels).all()
