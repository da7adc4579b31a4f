"""Directions of steps, their frames, and the table that the package ships."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_structures import helix

from adp3d.tracing.steps import BOND, directions, label_steps, load_steps, step_frames


def test_directions_cover_the_sphere_evenly():
    unit = directions()
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1.0)
    anywhere = Rotation.random(500, rng=np.random.default_rng(0)).as_matrix()[:, 0]
    nearest = np.degrees(np.arccos((anywhere @ unit.T).max(1)))
    assert nearest.max() < 20.0


def test_frames_turn_with_the_chain(backbone):
    ca = backbone[:, 1]
    frames = step_frames(ca[:-2], ca[1:-1], ca[2:])
    np.testing.assert_allclose(frames.transpose(0, 2, 1) @ frames, np.broadcast_to(np.eye(3), frames.shape), atol=1e-9)
    assert np.allclose(np.linalg.det(frames), 1.0)
    turn = Rotation.from_rotvec([0.4, -1.0, 2.0]).as_matrix()
    np.testing.assert_array_equal(label_steps(ca @ turn.T + 7.0), label_steps(ca))
    both = label_steps(np.stack([ca[:20], ca[20:40]]))
    np.testing.assert_array_equal(both, np.stack([label_steps(ca[:20]), label_steps(ca[20:40])]))


def test_a_mirror_image_takes_other_steps(backbone):
    ca = backbone[:, 1]
    own, mirrored = label_steps(ca), label_steps(ca * np.array([1.0, 1.0, -1.0]))
    first = load_steps().log_first
    assert first[own].mean() > first[mirrored].mean() + 0.5


@pytest.mark.parametrize("backwards", [False, True])
def test_the_table_holds_probabilities_and_likes_helices_best(backwards):
    steps = load_steps(backwards)
    assert np.exp(steps.log_first).sum() == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(np.exp(steps.log_next).sum(1), 1.0, atol=5e-3)
    assert np.exp(steps.log_first[steps.usual]).sum() > 0.98 and len(steps.usual) < 60
    trace = helix(12)[:, 1]
    label = set(label_steps(trace[::-1] if backwards else trace).tolist())
    assert steps.log_first.argmax() in label


def test_real_chains_are_likely_and_their_peptides_are_where_the_table_has_them(backbone):
    steps, ca = load_steps(), backbone[:, 1]
    label = label_steps(ca)
    assert steps.log_next[label[:-1], label[1:]].mean() > -3.0  # nats; one of 80 directions by chance is -4.4
    frames = step_frames(ca[:-3], ca[1:-2], ca[2:-1])
    carbon = ca[1:-2] + np.einsum("nij,nj->ni", frames, steps.peptide[label, 0])
    assert np.median(np.linalg.norm(carbon - backbone[1:-2, 2], axis=-1)) < 0.3
    assert np.median(np.linalg.norm(steps.peptide[steps.usual, 0], axis=-1)) == pytest.approx(1.5, abs=0.1)
    assert pytest.approx(np.median(np.linalg.norm(np.diff(ca, axis=0), axis=-1)), abs=0.05) == BOND
