from __future__ import annotations

import numpy as np
import pytest

from adp3d.validation.clashes import backbone_clashes

LINKED = np.ones(29, bool)


def test_ideal_helix_and_strand_have_none(helix: np.ndarray, strand: np.ndarray) -> None:
    for x in (helix, strand):
        found = backbone_clashes(x, LINKED)
        assert found.count == 0 and found.per_1000_atoms == 0.0


def test_two_chains_on_top_of_each_other(helix: np.ndarray) -> None:
    linked = np.ones(59, bool)
    linked[29] = False
    both = np.concatenate([helix, helix + np.array([0.0, 0.0, 1.0])])
    found = backbone_clashes(both, linked)
    assert found.count >= 120
    assert found.per_1000_atoms == pytest.approx(1000 * found.count / 240)
    assert (np.diff(found.overlap) <= 0).all() and (found.pairs[:, 0, 0] <= found.pairs[:, 1, 0]).all()
    assert backbone_clashes(np.concatenate([helix, helix + 60.0]), linked).count == 0


def test_overlap_is_radii_minus_distance_and_hydrogen_bonds_are_spared() -> None:
    x = np.full((2, 4, 3), np.nan)
    x[0, 1], x[1, 2] = [0.0, 0, 0], [2.5, 0, 0]
    found = backbone_clashes(x, np.zeros(1, bool))
    assert found.count == 1 and found.overlap[0] == pytest.approx(0.9)
    np.testing.assert_array_equal(found.pairs[0], [[0, 1], [1, 2]])
    bond = np.full((2, 4, 3), np.nan)
    bond[0, 0], bond[1, 3] = [0.0, 0, 0], [2.5, 0, 0]
    assert backbone_clashes(bond, np.zeros(1, bool)).count == 0
    bond[1, 3] = [2.4, 0, 0]
    assert backbone_clashes(bond, np.zeros(1, bool)).count == 1


def test_bonded_neighbours_do_not_count_but_a_chain_break_makes_them_strangers(helix: np.ndarray) -> None:
    linked = LINKED.copy()
    linked[10] = False
    found = backbone_clashes(helix, linked)
    assert found.count > 0
    assert set(found.pairs[:, 0, 0]) | set(found.pairs[:, 1, 0]) <= {9, 10, 11, 12}


def test_nothing_to_judge() -> None:
    assert np.isnan(backbone_clashes(np.full((3, 4, 3), np.nan), np.ones(2, bool)).per_1000_atoms)
