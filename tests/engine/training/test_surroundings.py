"""What a map holds beside the residues of an example."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from adp3d.training.dataset import ELEMENTS, AtomCloud
from adp3d.training.surroundings import (
    PHOSPHORUS,
    Scatterers,
    double_helix,
    join,
    ordered_waters,
    place_beside,
    scatterers_of,
)


def cloud(n=30, b=None):
    rng = np.random.default_rng(0)
    xyz = np.cumsum(rng.normal(size=(4 * n, 3)), 0).astype(np.float32)
    element = np.tile([1, 0, 0, 2], n).astype(np.uint8)
    residue = np.repeat(np.arange(n), 4).astype(np.int32)
    given = np.zeros(n) if b is None else b
    return AtomCloud(xyz, element, residue, given[residue].astype(np.float32))


def test_b_factors_of_the_entry_are_used_where_they_say_something():
    b = np.linspace(10, 50, 30)
    made = scatterers_of(cloud(b=b), np.random.default_rng(1))
    np.testing.assert_allclose(made.relative_b, np.repeat(b, 4) / np.median(b), rtol=1e-5)
    for none in (None, np.full(30, 20.0), np.full(30, 1.0)):
        drawn = scatterers_of(cloud(b=none), np.random.default_rng(1)).relative_b
        assert drawn.std() > 0.05 and drawn.min() >= 0.3 and drawn.max() <= 4.0
        # alike within a residue, smooth along the chain
        assert (drawn.reshape(30, 4) == drawn.reshape(30, 4)[:, :1]).all()
        assert np.abs(np.diff(drawn[::4])).max() < 0.5


def test_joined_groups_keep_their_residues_apart():
    parts = [scatterers_of(cloud(), np.random.default_rng(2)), double_helix(3)]
    both = join(parts)
    assert len(both.xyz) == sum(len(p.xyz) for p in parts)
    assert len(np.unique(both.residue)) == 30 + 6


def test_waters_touch_polar_atoms_and_nothing_else():
    atoms = scatterers_of(cloud(), np.random.default_rng(3))
    waters = ordered_waters(atoms, 20, np.random.default_rng(4))
    assert 0 < len(waters.xyz) <= 20
    distance = cdist(waters.xyz, atoms.xyz)
    assert distance.min() > 2.49
    polar = np.isin(atoms.element, [ELEMENTS.index("N"), ELEMENTS.index("O")])
    np.testing.assert_allclose(np.abs(distance[:, polar] - 2.8).min(1), 0, atol=1e-4)
    assert len(ordered_waters(atoms, 0, np.random.default_rng(4)).xyz) == 0


def test_double_helix_has_the_size_of_b_dna():
    helix = double_helix(10)
    phosphorus = helix.xyz[helix.element == PHOSPHORUS]
    assert len(phosphorus) == 20
    np.testing.assert_allclose(np.linalg.norm(phosphorus[:, :2], axis=1), 8.9, atol=1e-4)
    rises = np.diff(phosphorus[:10, 2])
    np.testing.assert_allclose(rises, 3.4, atol=1e-4)
    # neighbours along a strand are 6.5 to 7 A apart, as in DNA
    assert np.linalg.norm(np.diff(phosphorus[:10], axis=0), axis=1) == pytest.approx(np.full(9, 6.6), abs=0.3)
    # no two atoms on top of each other
    gaps = cdist(helix.xyz, helix.xyz)[~np.eye(len(helix.xyz), dtype=bool)]
    assert gaps.min() > 0.9


def test_a_neighbour_touches_without_overlap():
    host = np.random.default_rng(5).uniform(-12, 12, (800, 3)).astype(np.float32)
    guest = double_helix(8)
    placed = place_beside(guest, host, np.random.default_rng(6))
    assert isinstance(placed, Scatterers)
    np.testing.assert_allclose(cdist(placed.xyz, placed.xyz), cdist(guest.xyz, guest.xyz), atol=1e-3)
    gap = cdist(placed.xyz[::4], host).min()
    assert 3.5 < gap < 12.0
