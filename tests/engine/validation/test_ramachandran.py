from __future__ import annotations

import numpy as np
import pytest

from adp3d.validation.ramachandran import (
    ALLOWED,
    FAVOURED,
    KINDS,
    OUTLIER,
    UNDEFINED,
    Contours,
    classify,
    load_contours,
    ramachandran,
    residue_kinds,
)


def test_known_regions() -> None:
    general = np.zeros(1, np.int64)
    for phi, psi in ((-60, -45), (-120, 130), (-70, 145), (57, 40)):
        assert classify(np.array(phi), np.array(psi), general) == FAVOURED
    for phi, psi in ((60, -60), (0, 0), (100, 100), (0, 180)):
        assert classify(np.array(phi), np.array(psi), general) == OUTLIER
    # Mirror images of common conformations: glycine only.
    assert classify(np.array(80.0), np.array(0.0), np.array(KINDS.index("glycine"))) == FAVOURED
    assert classify(np.array(100.0), np.array(-170.0), np.array(KINDS.index("glycine"))) == FAVOURED
    assert classify(np.array(100.0), np.array(-170.0), general) == OUTLIER
    assert classify(np.array(-130.0), np.array(130.0), np.array(KINDS.index("proline"))) == OUTLIER
    assert classify(np.array(-65.0), np.array(140.0), np.array(KINDS.index("proline"))) == FAVOURED


def test_contours_nest_and_integrate_to_one() -> None:
    contours = load_contours()
    cell = (360 / contours.log_density.shape[1]) ** 2
    np.testing.assert_allclose((np.exp(contours.log_density) * cell).sum((1, 2)), 1.0, atol=0.03)
    assert (contours.favoured > contours.allowed).all()
    inside = np.exp(contours.log_density) * cell * (contours.log_density >= contours.favoured[:, None, None])
    assert (inside.sum((1, 2)) > 0.9).all()


def test_interpolation_is_exact_on_the_grid_and_periodic() -> None:
    grid = 8
    table = np.random.default_rng(0).normal(size=(4, grid, grid))
    contours = Contours(table, np.zeros(4), -np.ones(4))
    angles = -180 + 360 / grid * np.arange(grid)
    phi, psi = np.meshgrid(angles, angles, indexing="ij")
    np.testing.assert_allclose(contours.evaluate(phi, psi, np.array(2)), table[2])
    np.testing.assert_allclose(contours.evaluate(phi + 360, psi - 360, np.array(1)), table[1], atol=1e-9)
    middle = contours.evaluate(np.array(180 - 180 / grid), np.array(-180.0), np.array(0))
    assert middle == pytest.approx((table[0, -1, 0] + table[0, 0, 0]) / 2)
    assert np.isnan(contours.evaluate(np.array(np.nan), np.array(0.0), np.array(0)))


def test_kinds_of_residues() -> None:
    linked = np.array([True, True, True, False, True])
    kinds = residue_kinds("AGPLPG", linked)
    assert [KINDS[k] for k in kinds] == ["general", "glycine", "proline", "general", "proline", "glycine"]
    assert residue_kinds("AP", np.array([True])).tolist() == [3, 2]
    assert residue_kinds("AP", np.array([False])).tolist() == [0, 2]


def test_report_of_a_batch(helix: np.ndarray, build) -> None:
    bad = build([-60.0] * 14 + [60.0] + [-60.0] * 15, [-45.0] * 14 + [-60.0] + [-45.0] * 15)
    report = ramachandran(np.stack([helix, bad]), "A" * 30, np.ones(29, bool))
    assert report.classes.shape == (2, 30)
    assert (report.classes[:, [0, -1]] == UNDEFINED).all()
    np.testing.assert_allclose(report.favoured, [1.0, 27 / 28])
    np.testing.assert_allclose(report.outliers, [0.0, 1 / 28])
    np.testing.assert_allclose(report.favoured + report.allowed + report.outliers, 1.0)
    assert report.classes[1, 14] == OUTLIER and ALLOWED not in report.classes
    assert np.isnan(ramachandran(helix[:1], "A", np.ones(0, bool)).favoured)
