from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.placing.uncertainty import (
    BFACTOR_FLOOR,
    CONFIDENCE_MODES,
    CONSTANT_SIGMA,
    MODELANGELO_DROP,
    PLDDT_DROP,
    SIGMA_MAX,
    atom_uncertainty,
)


def test_closed_forms():
    assert atom_uncertainty(np.array([0.0, 900.0]), "none").sigma == pytest.approx(CONSTANT_SIGMA)
    assert atom_uncertainty(np.array([100.0, 60.0]), "modelangelo").sigma == pytest.approx([0.25, 0.75])
    plddt = atom_uncertainty(np.array([70.0, 90.0]), "plddt").sigma
    assert plddt == pytest.approx(1.5 * np.exp([0.0, -0.8]) / np.sqrt(3))
    # B = 8 pi^2 u^2 with u = 1 A is 78.96 A^2: sigma is half of u.
    assert atom_uncertainty(np.array([8 * np.pi**2, 0.0]), "bfactor").sigma == pytest.approx([0.5, BFACTOR_FLOOR])


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(CONFIDENCE_MODES),
    st.lists(st.floats(0, 100), min_size=2, max_size=20).filter(lambda v: max(v) >= 50),
)
def test_sigma_is_monotone_finite_and_bounded(mode, values):
    b = np.sort(np.array(values))
    result = atom_uncertainty(b, mode)
    assert np.isfinite(result.sigma).all() and (result.sigma > 0).all() and (result.sigma <= SIGMA_MAX).all()
    steps = np.diff(result.sigma)
    assert (steps >= -1e-12).all() if mode == "bfactor" else (steps <= 1e-12).all()


def test_thresholds_drop_atoms():
    assert atom_uncertainty(np.array([MODELANGELO_DROP, 29.9]), "modelangelo").keep.tolist() == [True, False]
    result = atom_uncertainty(np.array([[PLDDT_DROP, 49.0], [90.0, np.nan]]), "plddt")
    assert result.keep.tolist() == [[True, False], [True, False]]
    assert "1 backbone atoms" in result.note
    assert atom_uncertainty(np.array([1.0, 500.0]), "bfactor").keep.all()


def test_plddt_fractions_are_recognised():
    fractions = atom_uncertainty(np.array([0.9, 0.4]), "plddt")
    percent = atom_uncertainty(np.array([90.0, 40.0]), "plddt")
    assert fractions.sigma == pytest.approx(percent.sigma)
    assert fractions.keep.tolist() == percent.keep.tolist() == [True, False]


def test_only_plddt_tells_of_geometry():
    assert atom_uncertainty(np.array([0.9, 0.4]), "plddt").lddt == pytest.approx([0.9, 0.4])
    assert atom_uncertainty(np.array([90.0, 40.0, np.nan]), "plddt").lddt == pytest.approx(
        [0.9, 0.4, np.nan], nan_ok=True
    )
    assert atom_uncertainty(np.array([90.0, 40.0]), "modelangelo").lddt is None
    assert atom_uncertainty(np.array([90.0, 40.0]), "none").lddt is None


@pytest.mark.parametrize(
    ("values", "mode", "message"),
    [
        ([20.0], "wrong", "Unknown confidence mode"),
        ([20.0, 250.0], "plddt", "not a pLDDT"),
        ([-3.0, 50.0], "modelangelo", "not a ModelAngelo confidence"),
        ([0.0, 0.0], "plddt", "No atom reaches"),
        ([12.0, 20.0], "modelangelo", "No atom reaches"),
        ([-1.0], "bfactor", "negative"),
        ([np.nan], "bfactor", "no B-factors"),
    ],
)
def test_impossible_columns_are_input_errors(values, mode, message):
    with pytest.raises(InputError, match=message):
        atom_uncertainty(np.array(values), mode)


def test_equal_bfactors_are_noted():
    assert "equal" in atom_uncertainty(np.full(5, 30.0), "bfactor").note
