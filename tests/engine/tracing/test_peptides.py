"""Backbones on traces."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.tracing.peptides import backbone_of
from adp3d.tracing.steps import load_steps


@pytest.mark.parametrize("where", [slice(30, 60), slice(0, 12), slice(160, 172)])
def test_on_true_atoms_the_backbone_is_nearly_the_true_one(backbone, where):
    ca = backbone[:, 1]
    made = backbone_of(ca[: where.start], ca[where], ca[where.stop :], load_steps())
    np.testing.assert_array_equal(made[:, 1], ca[where])
    error = np.linalg.norm(made - backbone[where], axis=-1)
    inner = slice(2, -2) if where.start == 0 or where.stop == len(ca) else slice(None)
    assert np.median(error[inner, 0]) < 0.3 and np.median(error[inner, 2]) < 0.3 and np.median(error[inner, 3]) < 0.8
    length = np.linalg.norm(made[1:, 0] - made[:-1, 2], axis=-1)
    assert np.isfinite(made).all() and np.median(length) == pytest.approx(1.33, abs=0.15)


def test_a_single_residue_between_nothing_has_a_backbone():
    made = backbone_of(np.zeros((0, 3)), np.array([[1.0, 2.0, 3.0]]), np.zeros((0, 3)), load_steps())
    assert np.isfinite(made).all() and made.shape == (1, 4, 3)
    np.testing.assert_allclose(np.linalg.norm(made[0, 2] - made[0, 1]), 1.5, atol=0.2)
