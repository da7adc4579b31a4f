"""Evidence moves with the frames of the replicas."""

from __future__ import annotations

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
