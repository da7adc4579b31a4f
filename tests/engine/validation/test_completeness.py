from __future__ import annotations

import numpy as np
import pytest

from adp3d.validation.completeness import ca_rmsd, rmsd_against_completeness


def test_curve_by_confidence_and_by_error() -> None:
    reference = np.zeros((4, 3))
    model = np.array([[1.0, 0, 0], [2.0, 0, 0], [3.0, 0, 0], [4.0, 0, 0]])
    curve = rmsd_against_completeness(model, reference, confidence=np.array([10.0, 90.0, 50.0, 20.0]))
    np.testing.assert_array_equal(curve.order, [1, 2, 3, 0])
    np.testing.assert_allclose(curve.completeness, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(curve.rmsd, np.sqrt([4, 13 / 2, 29 / 3, 30 / 4]))
    by_error = rmsd_against_completeness(model, reference)
    np.testing.assert_array_equal(by_error.order, [0, 1, 2, 3])
    assert (np.diff(by_error.rmsd) >= 0).all()
    assert by_error.at(0.5) == pytest.approx(np.sqrt(2.5))


def test_curve_ends_where_model_or_reference_end() -> None:
    reference = np.zeros((10, 3))
    reference[8:] = np.nan
    model = np.ones((10, 3))
    curve = rmsd_against_completeness(model, reference, np.arange(10.0), model_mask=np.arange(10) >= 2)
    assert curve.completeness[-1] == pytest.approx(0.6)
    np.testing.assert_array_equal(curve.order, [7, 6, 5, 4, 3, 2])
    np.testing.assert_allclose(curve.rmsd, np.sqrt(3.0))
    assert np.isnan(curve.at(0.9))
    assert rmsd_against_completeness(model, np.full((10, 3), np.nan)).rmsd.size == 0


def test_no_superposition_is_made() -> None:
    reference = np.random.default_rng(0).normal(size=(20, 3))
    curve = rmsd_against_completeness(reference + np.array([5.0, 0, 0]), reference)
    np.testing.assert_allclose(curve.rmsd, 5.0)


def test_known_and_missing_residues() -> None:
    reference = np.zeros((5, 3))
    model = np.array([[1.0, 0, 0], [1, 0, 0], [3, 0, 0], [3, 0, 0], [9, 9, 9]])
    reference[4] = np.nan
    known = np.array([True, True, False, False, False])
    found = ca_rmsd(model, reference, known)
    assert (found.known, found.missing, found.all) == pytest.approx((1.0, 3.0, np.sqrt(5.0)))
    assert np.isnan(ca_rmsd(model, reference, np.ones(5, bool)).missing)


def test_bad_shapes_and_confidences_are_refused() -> None:
    with pytest.raises(ValueError, match="correspond"):
        rmsd_against_completeness(np.zeros((3, 3)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="finite confidence"):
        rmsd_against_completeness(np.zeros((2, 3)), np.zeros((2, 3)), np.array([1.0, np.nan]))
