"""Evidence moves with the frames of the replicas."""

from __future__ import annotations

import pytest
import torch

from adp3d.prior.evidence import NOTHING, DensityEvidence, Evidence, KnownAtoms


def test_both_parts_move_together():
    known = KnownAtoms(torch.ones(5, 4, 3), torch.ones(5, 4))
    density = DensityEvidence(torch.zeros(3, 2, 2, 2), torch.zeros(2, 2, 2), torch.tensor([1.0, 2.0, 3.0]), 1.0, 3.0)
    origin = torch.tensor([[10.0, 0.0, 0.0], [0.0, 20.0, 0.0]])[:, None, None]
    moved = Evidence(known, density).relative_to(origin)
    assert moved.known.target[:, 0, 0].tolist() == [[-9.0, 1.0, 1.0], [1.0, -19.0, 1.0]]
    assert moved.density.origin.tolist() == [[-9.0, 2.0, 3.0], [1.0, -18.0, 3.0]]
    # the values are shared, so that what was made of them can be kept
    assert moved.density.levels is density.levels and moved.known.weights is known.weights


def test_nothing_stays_nothing():
    assert NOTHING.relative_to(torch.zeros(1, 1, 1, 3)) == Evidence(None, None)


N = 11


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def measured(**changes):
    known = torch.rand(N, 4, generator=torch.Generator().manual_seed(2)) > 0.4
    xyz = random(N, 4, 3, seed=1) * 5
    xyz[~known] = 1e6  # anything: it must not matter
    given = {"xyz": xyz, "known": known, "sigma": random(N, 4, seed=3).abs() + 0.1} | changes
    return given, KnownAtoms.measured(**given)


def test_observe_and_spread_are_adjoint():
    _, given = measured()
    x, y = random(2, N, 4, 3), random(2, int(given.known.sum()), 3, seed=5)
    torch.testing.assert_close((given.observe(x) * y).sum(), (x * given.spread(y)).sum())
    torch.testing.assert_close(given.observe(given.spread(y)), y)
    assert given.spread(y).shape == x.shape
    assert (given.spread(y)[:, ~given.known] == 0).all()


def test_weights_and_target():
    values, given = measured()
    known = values["known"]
    assert torch.equal(given.known, known)
    torch.testing.assert_close(given.weights[known], values["sigma"][known] ** -2)
    assert (given.weights[~known] == 0).all()
    assert (given.target[~known] == 0).all()
    assert torch.equal(given.observe(given.target), values["xyz"][known])


def test_a_tiny_sigma_does_not_overflow():
    _, sharp = measured(sigma=torch.full((N, 4), 1e-30))
    assert torch.isfinite(sharp.weights).all() and sharp.known.any()


@pytest.mark.parametrize("wrong", ["xyz", "sigma"])
def test_unusable_known_atoms_are_refused(wrong):
    values, _ = measured()
    value = values[wrong].clone()
    where = values["known"].nonzero()[0]
    value[where[0], where[1]] = float("nan") if wrong == "xyz" else 0.0
    with pytest.raises(ValueError, match="known atoms need"):
        measured(**{wrong: value})


def test_misfit_and_rmsd_in_closed_form():
    known = torch.zeros(N, 4, dtype=torch.bool)
    known[2, 1] = known[5, 1] = True
    given = KnownAtoms.measured(random(N, 4, 3), known, torch.full((N, 4), 0.5, dtype=torch.float64))
    x = given.target.expand(2, -1, -1, -1).clone()
    x[1, 5, 1] += torch.tensor([1.0, 2.0, -2.0])  # 3 A off: six sigma
    x[1, 0] = 99.0  # not known
    assert given.misfit(x).tolist() == pytest.approx([0.0, 36.0])
    assert given.rmsd(x).tolist() == pytest.approx([0.0, 3.0 / 2**0.5])
