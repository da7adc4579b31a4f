"""The builder of the tests against internal coordinates and an experimental structure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal_backbone import build_backbone, place_atom, place_cb, place_oxygen


def angle(a, b, c):
    u, v = a - b, c - b
    return np.degrees(np.arccos(np.sum(u * v, -1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1)))


def dihedral(a, b, c, d):
    b0, b1, b2 = a - b, c - b, d - c
    b1 = b1 / np.linalg.norm(b1)
    v, w = b0 - (b0 @ b1) * b1, b2 - (b2 @ b1) * b1
    return np.degrees(np.arctan2(np.cross(b1, v) @ w, v @ w))


@settings(deadline=None, max_examples=40)
@given(st.floats(0.5, 3.0), st.floats(20, 160), st.floats(-179, 179), st.integers(0, 1000))
def test_place_atom_meets_internal_coordinates(length, bend, turn, seed):
    a, b, c = np.random.default_rng(seed).normal(scale=3, size=(3, 3))
    d = place_atom(a, b, c, length, float(np.deg2rad(bend)), float(np.deg2rad(turn)))
    assert np.linalg.norm(d - c) == pytest.approx(length, rel=1e-9)
    assert angle(b, c, d) == pytest.approx(bend, abs=1e-5)
    difference = (dihedral(a, b, c, d) - turn + 180) % 360 - 180
    assert difference == pytest.approx(0, abs=1e-5)


def test_oxygen_lies_in_the_peptide_plane_opposite_the_next_nitrogen():
    xyz = build_backbone([-57.8] * 6, [-47.0] * 6)
    n, ca, c = xyz[:, 0], xyz[:, 1], xyz[:, 2]
    o = place_oxygen(n[:-1], ca[:-1], c[:-1], n[1:])
    assert np.linalg.norm(o - c[:-1], axis=-1) == pytest.approx(1.231)
    assert angle(ca[:-1], c[:-1], o) == pytest.approx(120.4)
    for i in range(5):
        normal = np.cross(ca[i] - c[i], n[i + 1] - c[i])
        assert (o[i] - c[i]) @ normal == pytest.approx(0, abs=1e-9)
        assert np.linalg.norm(o[i] - n[i + 1]) > 2.1  # trans to the nitrogen side, ideal 2.25


def test_oxygen_without_next_residue_follows_psi():
    xyz = build_backbone([-57.8] * 3, [-47.0] * 3)
    n, ca, c = xyz[0, 0], xyz[0, 1], xyz[0, 2]
    o = place_oxygen(n, ca, c, psi=np.deg2rad(-47.0))
    assert dihedral(n, ca, c, o) == pytest.approx(133.0)
    # NaN in the next nitrogen falls back to the same, atom by atom.
    both = place_oxygen(xyz[:2, 0], xyz[:2, 1], xyz[:2, 2], np.stack([xyz[1, 0], np.full(3, np.nan)]))
    assert both[1] == pytest.approx(place_oxygen(xyz[1, 0], xyz[1, 1], xyz[1, 2]))
    assert both[0] == pytest.approx(place_oxygen(xyz[0, 0], xyz[0, 1], xyz[0, 2], xyz[1, 0]))


def test_cb_has_ideal_angles_and_l_handedness():
    xyz = build_backbone([-57.8] * 5, [-47.0] * 5)
    n, ca, c = xyz[:, 0], xyz[:, 1], xyz[:, 2]
    cb = place_cb(n, ca, c)
    assert np.linalg.norm(cb - ca, axis=-1) == pytest.approx(1.53)
    assert angle(n, ca, cb) == pytest.approx(110.5)
    assert angle(c, ca, cb) == pytest.approx(110.1)
    # Looking from H (opposite CB side of the other three) CO, R, N run clockwise in L residues.
    chirality = np.einsum("ij,ij->i", np.cross(n - ca, c - ca), cb - ca)
    assert (chirality > 0).all()


def test_ideal_places_agree_with_an_experimental_alanine():
    # Ala 923 and N of 924, PDB entry 8ok3 (X-ray, 1.5 A): an independent check of handedness and angles.
    n, ca, c, cb, o, next_n = np.array(
        [
            [21.153, 22.605, -3.624], [21.522, 23.540, -2.578], [20.268, 24.172, -1.981],
            [22.444, 24.601, -3.146], [19.477, 24.808, -2.702], [20.120, 24.042, -0.665],
        ]
    )  # fmt: skip
    assert np.linalg.norm(place_cb(n, ca, c) - cb) < 0.1
    assert np.linalg.norm(place_oxygen(n, ca, c, next_n) - o) < 0.1
