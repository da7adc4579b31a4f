from __future__ import annotations

import numpy as np
import pytest

from adp3d.rotamers.backbone_library import backbone_rotamers
from adp3d.rotamers.library import chi_log_density, contours_of
from adp3d.sidechain.templates import RESIDUE_NAMES

HELIX, STRAND = (-63.0, -43.0), (-120.0, 130.0)


def rotamers(name, place):
    return backbone_rotamers()[RESIDUE_NAMES.index(name)].at(*place)


def share(name, place, chi1):
    """Probability of all rotamers whose chi1 is within 40 degrees."""
    local = rotamers(name, place)
    off = np.rad2deg(local.chi[:, 0]) - chi1
    return float(local.probability[np.abs((off + 180.0) % 360.0 - 180.0) < 40.0].sum())


def test_each_type_with_torsions_has_probabilities_that_sum_to_one():
    assert set(backbone_rotamers()) == set(contours_of())
    for table in backbone_rotamers().values():
        np.testing.assert_allclose(table.probability.sum(-1), 1.0, atol=1e-12)
        local = table.at(-179.0, 179.0)
        assert local.probability.sum() == pytest.approx(1.0)


def test_what_is_known_of_helices_and_strands():
    """In helices the gauche+ rotamers of branched side chains run into the backbone before."""
    assert share("LEU", HELIX, 60.0) < 0.02
    assert share("ILE", HELIX, 60.0) < share("ILE", STRAND, 60.0) / 2
    assert share("VAL", HELIX, 180.0) > share("VAL", STRAND, 180.0)
    assert share("THR", HELIX, 180.0) < share("THR", STRAND, 180.0) / 2


def test_the_grid_closes_and_is_met_at_its_points():
    table = backbone_rotamers()[RESIDUE_NAMES.index("ILE")]
    np.testing.assert_allclose(table.at(-180.0, 60.0).probability, table.at(180.0, 60.0).probability)
    np.testing.assert_allclose(table.at(-60.0, -45.0).probability, table.probability[8, 9])


def test_probability_is_that_of_being_within_thirty_degrees_and_knows_no_turns():
    local = rotamers("VAL", STRAND)
    chi = local.likeliest(3)
    # narrower than that: all of a rotamer is within reach of its middle
    np.testing.assert_allclose(np.exp(local.log_density(chi)), np.sort(local.probability)[::-1], atol=1e-3)
    chi[:, 0] += 0.1
    np.testing.assert_allclose(local.log_density(chi), local.log_density(chi - np.array([2 * np.pi, 0, 0, 0])))


def test_half_a_turn_of_a_symmetric_ring_is_no_turn():
    local = rotamers("PHE", STRAND)
    chi = local.likeliest(1)
    np.testing.assert_allclose(local.log_density(chi), local.log_density(chi + np.array([0, np.pi, 0, 0])))


def test_likeliest_rotamers_come_first_and_are_likely_anywhere_too():
    local = rotamers("LYS", HELIX)
    chi = local.likeliest(5)
    order = np.sort(local.probability)[::-1][:5]
    assert chi.shape == (5, 4) and order[0] > order[-1]
    kinds = np.full(5, RESIDUE_NAMES.index("LYS"))
    assert np.all(chi_log_density(kinds, chi) > np.log(1e-4))
