"""What is not seen follows what is seen."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from adp3d.pipeline.carry import carried_along


def helix(n):
    i = np.arange(n)
    ca = np.stack([2.3 * np.cos(1.745 * i), 2.3 * np.sin(1.745 * i), 1.5 * i], -1)
    offsets = np.array([[-0.5, 1.2, -0.6], [0.0, 0.0, 0.0], [1.2, 0.4, 0.7], [1.4, 1.6, 0.5]])
    return ca[:, None] + offsets


def test_an_end_goes_with_a_rigid_body():
    start = helix(30)
    turn, shift = Rotation.from_rotvec([0.3, -0.2, 0.5]), np.array([4.0, -1.0, 2.0])
    whole = turn.apply(start.reshape(-1, 3)).reshape(start.shape) + shift
    moved = whole.copy()
    moved[24:] += 5.0  # went astray
    weight = np.where(np.arange(30) < 24, 0.7, 0.0)
    np.testing.assert_allclose(carried_along(start, moved, weight), whole, atol=1e-9)


def test_a_smooth_bend_is_followed_in_between():
    start = helix(60)
    angle = 0.01 * start[..., 2]
    bend = np.stack([start[..., 0] + 30 * (1 - np.cos(angle)), start[..., 1], 30 * np.sin(angle) / 0.3], -1)
    unseen = slice(26, 34)
    moved, weight = bend.copy(), np.ones(60)
    moved[unseen] += 3.0
    weight[unseen] = 0.0
    off = np.linalg.norm(carried_along(start, moved, weight) - bend, axis=-1)
    # unlike the rest of the chain, 5 A away
    assert off[unseen].max() < 1.0
    # itself seen, a residue stays close to where it is
    assert off[12:20].max() < 0.5


def test_without_anything_seen_all_stays():
    start = helix(10)
    moved = start + 2.0
    np.testing.assert_array_equal(carried_along(start, moved, np.zeros(10)), start)
    few = np.zeros(10)
    few[:3] = 1.0
    np.testing.assert_array_equal(carried_along(start, moved, few), start)
