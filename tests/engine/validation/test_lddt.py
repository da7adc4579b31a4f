from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.validation.lddt import THRESHOLDS, backbone_lddt, ca_lddt


def brute_force(model: np.ndarray, reference: np.ndarray, radius: float) -> tuple[float, np.ndarray]:
    n, atoms = reference.shape[:2]
    hits, totals = np.zeros(n), np.zeros(n)
    for i in range(n * atoms):
        for j in range(n * atoms):
            if i // atoms == j // atoms:
                continue
            a, b = reference.reshape(-1, 3)[[i, j]]
            if not np.isfinite([a, b]).all() or np.linalg.norm(a - b) > radius:
                continue
            p, q = model.reshape(-1, 3)[[i, j]]
            error = abs(np.linalg.norm(p - q) - np.linalg.norm(a - b))
            hits[i // atoms] += np.mean([error < t for t in THRESHOLDS]) if np.isfinite(error) else 0.0
            totals[i // atoms] += 1
    return hits.sum() / totals.sum(), hits / totals


def test_agrees_with_the_definition(helix: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    reference = helix[:12].copy()
    model = reference + rng.normal(size=reference.shape)
    reference[3, 2] = np.nan
    model[6, 1] = np.nan
    found = backbone_lddt(model, reference, 9.0)
    overall, per_residue = brute_force(model, reference, 9.0)
    assert found.overall == pytest.approx(overall)
    np.testing.assert_allclose(found.per_residue, per_residue)


def test_rigid_motion_and_mirror_image_score_one(helix: np.ndarray) -> None:
    ca = helix[:, 1]
    moved = ca @ Rotation.from_euler("xyz", [0.4, 1.0, 2.0]).as_matrix().T + 30.0
    np.testing.assert_allclose(ca_lddt(np.stack([moved, -ca]), ca).overall, 1.0)


def test_one_threshold_after_the_other() -> None:
    reference = np.array([[0.0, 0, 0], [5.0, 0, 0]])
    model = np.array([[[0.0, 0, 0], [5.0 + e, 0, 0]] for e in (0.4, 0.9, 1.9, 3.9, 4.1)])
    np.testing.assert_allclose(ca_lddt(model, reference).overall, [1.0, 0.75, 0.5, 0.25, 0.0])
    np.testing.assert_allclose(ca_lddt(model, reference).per_residue[1], [0.75, 0.75])


def test_isolated_residues_and_bad_shapes() -> None:
    reference = np.array([[0.0, 0, 0], [3.8, 0, 0], [100.0, 0, 0]])
    found = ca_lddt(reference, reference)
    np.testing.assert_array_equal(np.isnan(found.per_residue), [False, False, True])
    assert np.isnan(ca_lddt(reference[:1], reference[:1]).overall)
    with pytest.raises(ValueError, match="correspond"):
        ca_lddt(reference, reference[:2])
