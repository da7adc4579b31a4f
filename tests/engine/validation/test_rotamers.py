from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from adp3d.structure.read import read_structure
from adp3d.validation.amino_acids import CHI_PATHS, SIDE_CHAIN_BONDS, chi_count
from adp3d.validation.ramachandran import ALLOWED, FAVOURED, OUTLIER, UNDEFINED
from adp3d.validation.rotamers import RotamerContours, chi_angles, chi_periods, classify_rotamers, load_rotamers
from adp3d.validation.validate import validate_model


def test_paths_follow_bonds():
    for name, path in CHI_PATHS.items():
        bonds = {frozenset(pair) for pair in (*SIDE_CHAIN_BONDS[name], ("N", "CA"))}
        assert all(frozenset(pair) in bonds for pair in pairwise(path)), name
    assert [chi_count(name) for name in ("GLY", "ALA", "SER", "PHE", "MET", "LYS", "NAG")] == [0, 0, 1, 2, 3, 4, 0]


def test_chi_is_the_torsion_with_its_sign():
    atoms = {"N": (1.0, 1.0, 0.0), "CA": (1.0, 0.0, 0.0), "CB": (0.0, 0.0, 0.0), "OG": (0.0, 0.0, 1.0)}
    assert chi_angles("SER", atoms) == pytest.approx([-90.0])
    assert np.isnan(chi_angles("SER", {"N": (1.0, 1.0, 0.0)})).all() and chi_angles("ALA", atoms).shape == (0,)


def test_interpolation_is_linear_and_periodic():
    table = np.zeros((4, 2))
    table[1, 0] = 1.0
    contours = RotamerContours(table, 0.0, 0.0, np.array([360.0, 180.0]))
    values = contours.evaluate([[90.0, 0.0], [-270.0, 180.0], [45.0, 0.0], [90.0, 45.0], [np.nan, 0.0]])
    np.testing.assert_allclose(values[:4], [1.0, 1.0, 0.5, 0.5])
    assert np.isnan(values[4])


def test_textbook_rotamers_are_favoured_and_eclipsed_ones_outliers():
    names = ["LEU", "LEU", "VAL", "ILE", "PHE", "LYS", "MSE", "LEU", "VAL", "PHE", "ILE", "ALA", "LEU"]
    chi = np.full((len(names), 4), np.nan)
    angles = [(-65, 175), (-177, 65), (175,), (-65, 170), (-65, -85), (-67, 180, 180, 180), (-65, 180, 70)]
    angles += [(0, 0), (0,), (120, 0), (120, 0), (), (-65,)]
    for row, values in zip(chi, angles, strict=True):
        row[: len(values)] = values
    report = classify_rotamers(names, chi)
    assert report.classes.tolist() == [FAVOURED] * 7 + [OUTLIER] * 4 + [UNDEFINED] * 2
    assert report.favoured == pytest.approx(7 / 11) and report.outliers == pytest.approx(4 / 11)
    assert report.favoured + report.allowed + report.outliers == pytest.approx(1.0)


def test_symmetric_rings_may_be_named_either_way():
    assert chi_periods("TYR").tolist() == [360.0, 180.0]
    one, other = classify_rotamers(["TYR"], [[-65, 80, 0, 0]]), classify_rotamers(["TYR"], [[-65, -100, 0, 0]])
    assert one.classes.tolist() == other.classes.tolist() == [FAVOURED]


def test_tables_are_complete_and_ordered():
    tables = load_rotamers()
    assert set(tables) == set(CHI_PATHS) - {"MSE"}
    for name, contours in tables.items():
        assert contours.log_density.ndim == chi_count(name) and contours.allowed < contours.favoured
        # densities relative to a uniform one have the mean 1
        assert np.exp(contours.log_density).mean() == pytest.approx(1.0, abs=0.1), name
    assert np.isnan(classify_rotamers([], np.zeros((0, 4))).favoured)
    assert classify_rotamers(["SER"], [[60.0, 0, 0, 0]]).classes[0] in (ALLOWED, FAVOURED)


def test_a_deposited_model(small):
    rotamers = validate_model(read_structure(small.deposited)).rotamers
    assert rotamers.favoured > 0.9 and rotamers.outliers == 0.0
