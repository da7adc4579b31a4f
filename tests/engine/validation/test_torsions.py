from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal_backbone import build_backbone

from adp3d.structure.polymer import Polymer
from adp3d.validation.torsions import angle, backbone_torsions, dihedral, distance, linked_residues


def test_closed_forms() -> None:
    x, y, z, o = np.eye(3)[0], np.eye(3)[1], np.eye(3)[2], np.zeros(3)
    assert distance(x, y) == pytest.approx(np.sqrt(2))
    assert angle(x, o, y) == pytest.approx(90.0)
    assert angle(x, o, -x) == pytest.approx(180.0)
    # Looking from b to c along +z, the far bond is turned a quarter clockwise.
    assert dihedral(x, o, z, z - y) == pytest.approx(-90.0)
    assert abs(dihedral(x, o, z, z - x)) == pytest.approx(180.0)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-179, 179), min_size=6, max_size=6),
    st.lists(st.floats(-179, 179), min_size=6, max_size=6),
)
def test_torsions_are_those_built_in(phi: list[float], psi: list[float]) -> None:
    found = backbone_torsions(build_backbone(phi, psi, 175.0), np.ones(5, bool))
    for values, expected in (
        (found.phi[1:], phi[1:]),
        (found.psi[:-1], psi[:-1]),
        (found.omega[:-1], [175.0] * 5),
    ):
        np.testing.assert_allclose((values - expected + 180) % 360 - 180, 0.0, atol=1e-6)
    assert np.isnan([found.phi[0], found.psi[-1], found.omega[-1]]).all()


def test_breaks_chains_and_missing_atoms(helix: np.ndarray) -> None:
    polymer = Polymer(
        "A" * 30, np.repeat([0, 1], 15), np.r_[np.arange(10), np.arange(20, 25), np.arange(15)], ("A", "B")
    )
    linked = linked_residues(polymer)
    assert np.flatnonzero(~linked).tolist() == [9, 14]
    broken = helix.copy()
    broken[3, 0] = np.nan
    torsions = backbone_torsions(np.stack([helix, broken]), linked)
    assert torsions.phi.shape == (2, 30)
    assert np.flatnonzero(np.isnan(torsions.phi[0])).tolist() == [0, 10, 15]
    assert np.flatnonzero(np.isnan(torsions.phi[1])).tolist() == [0, 3, 10, 15]
    assert np.flatnonzero(np.isnan(torsions.psi[1])).tolist() == [2, 3, 9, 14, 29]
    # Reflection reverses every torsion.
    np.testing.assert_allclose(backbone_torsions(-helix, linked).phi, -torsions.phi[0])
