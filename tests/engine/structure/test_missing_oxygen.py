"""Oxygens of peptide groups."""

from __future__ import annotations

import numpy as np

from adp3d.structure.missing_oxygen import place_missing_oxygen


def test_oxygens_come_back(make):
    backbone = make.helix(20)
    bonded = np.array([True] * 19 + [False])
    found = place_missing_oxygen(backbone, bonded)
    assert np.linalg.norm(found - backbone[:, 3], axis=-1)[:-1].max() < 0.15
    np.testing.assert_allclose(np.linalg.norm(found - backbone[:, 2], axis=-1), 1.229, atol=1e-6)
    assert np.linalg.norm(found[-1] - backbone[-1, 0]) > 2.6  # away from the own N
