from __future__ import annotations

import numpy as np
import pytest

from adp3d.rotamers.library import chi_log_density, rotamers_of
from adp3d.sidechain.templates import MSE, RESIDUE_NAMES, TEMPLATES


def test_each_type_with_torsions_has_rotamers():
    for row, name in enumerate(RESIDUE_NAMES):
        if TEMPLATES[name].n_chi:
            assert len(rotamers_of()[row].chi) >= 5, name
        else:
            assert row not in rotamers_of()
    assert MSE in rotamers_of()


def test_valine_has_three_and_each_with_neighbours():
    chi = np.rad2deg(rotamers_of()[RESIDUE_NAMES.index("VAL")].chi[:, 0]) % 360
    peaks = chi[: len(chi) // 5]
    assert sorted(round(p / 60) for p in peaks) == [1, 3, 5]
    assert chi[len(peaks)] == pytest.approx(peaks[0] + 14.0)


def test_rotamers_are_likelier_than_what_lies_between():
    for row in rotamers_of():
        if RESIDUE_NAMES[row] == "PRO":
            continue  # whose two puckers are 55 degrees apart
        first = rotamers_of()[row].chi[:1]
        between = first + np.deg2rad([55.0, 0, 0, 0])
        assert chi_log_density(np.array([row]), first) > chi_log_density(np.array([row]), between) + 1.0


def test_probabilities_are_probabilities():
    every = [(row, chi) for row in rotamers_of() for chi in rotamers_of()[row].chi]
    found = chi_log_density(np.array([row for row, _ in every]), np.array([chi for _, chi in every]))
    assert found.max() <= 0.0
    assert (chi_log_density(np.array([RESIDUE_NAMES.index("GLY")]), np.zeros((1, 4))) == 0.0).all()
