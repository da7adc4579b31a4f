"""Shares of atoms on a periodic grid."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.density.splat import splat


def test_shares_of_an_atom_add_up_and_wrap_around():
    box = splat(np.array([[1.25, 2.0, 3.5], [-0.5, 0.0, 0.0]]), np.array([4.0, 2.0]), (4, 4, 4))
    assert box.sum() == pytest.approx(6.0)
    assert box[1, 2, 3] == pytest.approx(4 * 0.75 * 0.5) and box[2, 2, 0] == pytest.approx(4 * 0.25 * 0.5)
    assert box[3, 0, 0] == box[0, 0, 0] == pytest.approx(1.0)
