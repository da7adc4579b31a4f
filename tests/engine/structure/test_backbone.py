from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.structure.backbone import residue_frames, transfer_rigidly


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_frames_are_rotations_and_transfer_is_rigid(seed):
    rng = np.random.default_rng(seed)
    old, points = rng.normal(scale=2, size=(3, 3)), rng.normal(scale=3, size=(7, 3))
    frame = residue_frames(*old)
    assert frame.T @ frame == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(frame) == pytest.approx(1)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    shift = rng.normal(size=3)
    moved = transfer_rigidly(points, old, old @ rotation.T + shift)
    assert moved == pytest.approx(points @ rotation.T + shift, abs=1e-7)


def test_collinear_atoms_still_give_a_frame():
    frame = residue_frames(np.array([-1.0, 0, 0]), np.zeros(3), np.array([1.0, 0, 0]))
    assert frame.T @ frame == pytest.approx(np.eye(3), abs=1e-9)
