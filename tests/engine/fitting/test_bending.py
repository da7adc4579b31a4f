"""Which places known residues are left for."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.fitting.bending import ask_of_moves, least_move, merit_of_places


def test_a_place_is_left_for_a_clearly_better_one_only():
    known, loose = np.array([True, True, True, False]), np.array([True, True, False, False])
    fit = np.array([[0.5, 0.5, 0.5, np.nan], [0.9, 0.51, 0.9, np.nan]])
    far = np.array([[0.0] * 4, [1.0] * 4])
    merit = merit_of_places(fit, far, known, loose, 0.99, 3.0)
    assert (merit[1] > merit[0]).tolist() == [True, False, False, False]
    assert merit[1, 0] == pytest.approx(0.9 - 0.04) and merit[0, 0] == pytest.approx(0.5 + 0.02)
    assert (merit[:, 3] == 0).all()


def test_more_is_asked_for_in_coarse_maps_and_of_long_ways():
    fit, far, all_known = np.array([[0.5], [0.6]]), np.zeros((2, 1)), np.ones(1, bool)
    fine, coarse = (merit_of_places(fit, far, all_known, all_known, 0.6, d)[0, 0] for d in (3.0, 8.0))
    assert coarse > fine > 0.5
    assert ask_of_moves(np.array([0.0, 1.0, 50.0])).tolist() == pytest.approx([0.0, 0.04, 0.4])
    assert least_move(1.5) == 0.3 and least_move(4.0) == pytest.approx(0.6)
