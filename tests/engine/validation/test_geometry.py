from __future__ import annotations

import json

import numpy as np
import pytest
from ideal_backbone import place_cb

from adp3d.validation.geometry import (
    ANGLES,
    BONDS,
    backbone_geometry,
    ca_breaks,
    chiral_volume,
    z_scores,
)

LINKED = np.ones(29, bool)


def test_ideal_backbone_has_tiny_z_scores(helix: np.ndarray) -> None:
    report = backbone_geometry(helix, "A" * 30, LINKED)
    assert report.rmsz_bonds < 0.15 and report.rmsz_angles < 0.4
    assert report.outliers == 0
    assert not (report.breaks or report.cis_other or report.cis_proline or report.twisted or report.d_residues)
    assert json.loads(json.dumps(report.to_dict()))["breaks"] == []


def test_z_scores_are_deviations_over_sigma(helix: np.ndarray) -> None:
    moved = helix.copy()
    direction = moved[5, 3] - moved[5, 2]
    moved[5, 3] = moved[5, 2] + direction / np.linalg.norm(direction) * (1.229 + 5 * 0.019)
    z = z_scores(moved, "A" * 30, LINKED)
    assert z["C-O"][5] == pytest.approx(5.0)
    assert backbone_geometry(moved, "A" * 30, LINKED).outliers == 1
    assert set(z) == {*BONDS, *ANGLES}


def test_glycine_and_proline_have_their_own_values(helix: np.ndarray) -> None:
    z = z_scores(helix, "A" * 10 + "G" + "A" * 9 + "P" + "A" * 9, LINKED)
    assert z["N-CA-C"][10] == pytest.approx((111.0 - 113.1) / 2.5, abs=1e-6)
    assert z["N-CA-C"][20] == pytest.approx((111.0 - 112.1) / 2.6, abs=1e-6)
    assert z["C-N-CA"][9] == pytest.approx((121.7 - 122.3) / 2.1, abs=1e-6)
    assert z["C-N-CA"][19] == pytest.approx((121.7 - 119.3) / 1.5, abs=1e-6)
    assert z["C-N"][19] == pytest.approx((1.336 - 1.338) / 0.019, abs=1e-6)
    assert z["C-N"][20] == pytest.approx(0.0, abs=1e-6)


def test_cis_and_twisted_peptides(build) -> None:
    omega = np.full(12, 180.0)
    omega[[2, 5, 8]] = 0.0, 5.0, 90.0
    x = build([-70.0] * 12, [140.0] * 12, omega)
    report = backbone_geometry(x, "AAAPAAAAAAAA", np.ones(11, bool))
    assert report.cis_proline == (2,) and report.cis_other == (5,) and report.twisted == (8,)
    assert z_scores(x, "AAAPAAAAAAAA", np.ones(11, bool))["C-N-CA"][2] == pytest.approx((121.7 - 127.0) / 2.4, abs=1e-6)


def test_breaks_only_where_residues_should_be_linked(helix: np.ndarray) -> None:
    apart = helix.copy()
    apart[12:] += 6.0
    assert backbone_geometry(apart, "A" * 30, LINKED).breaks == (11,)
    linked = LINKED.copy()
    linked[11] = False
    assert backbone_geometry(apart, "A" * 30, linked).breaks == ()
    assert np.flatnonzero(ca_breaks(np.stack([helix, apart])[:, :, 1], LINKED)[1]).tolist() == [11]


def test_hand_of_alpha_carbons(helix: np.ndarray) -> None:
    cb = place_cb(helix[:, 0], helix[:, 1], helix[:, 2])
    assert chiral_volume(helix, cb).mean() == pytest.approx(2.5, abs=0.15)
    np.testing.assert_allclose(chiral_volume(-helix, -cb), -chiral_volume(helix, cb))
    cb[4] = 2 * helix[4, 1] - cb[4]
    cb[7] = np.nan
    assert backbone_geometry(helix, "A" * 30, LINKED, cb).d_residues == (4,)


def test_missing_atoms_leave_out_what_they_belong_to(helix: np.ndarray) -> None:
    x = helix.copy()
    x[3, 3] = np.nan
    x[8] = np.nan
    z = z_scores(x, "A" * 30, LINKED)
    assert np.flatnonzero(np.isnan(z["C-O"])).tolist() == [3, 8]
    assert np.flatnonzero(np.isnan(z["C-N"])).tolist() == [7, 8, 29]
    empty = backbone_geometry(np.full((2, 4, 3), np.nan), "AA", np.ones(1, bool))
    assert np.isnan(empty.rmsz_bonds) and empty.breaks == ()
