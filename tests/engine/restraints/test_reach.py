from __future__ import annotations

import numpy as np
import pytest

from adp3d.restraints.reach import CB_MARGIN, known_atoms

HEAVY = {
    "A": 5,
    "R": 11,
    "N": 8,
    "D": 8,
    "C": 6,
    "Q": 9,
    "E": 9,
    "G": 4,
    "H": 10,
    "I": 8,
    "L": 8,
    "K": 9,
    "M": 8,
    "F": 11,
    "P": 7,
    "S": 6,
    "T": 7,
    "W": 14,
    "Y": 12,
    "V": 7,
}
"""Heavy atoms of each residue, C-terminal oxygen apart."""

HYDROGENS = {
    "A": 5,
    "R": 13,
    "N": 6,
    "D": 5,
    "C": 5,
    "Q": 8,
    "E": 7,
    "G": 3,
    "H": 8,
    "I": 11,
    "L": 11,
    "K": 13,
    "M": 9,
    "F": 9,
    "P": 7,
    "S": 5,
    "T": 7,
    "W": 10,
    "Y": 9,
    "V": 9,
}
"""Hydrogens with every side chain protonated once: H (not in proline), HA and the side chain."""


@pytest.mark.parametrize("residue", sorted(HEAVY))
def test_every_atom_of_every_residue_is_known(residue: str) -> None:
    atoms = set(known_atoms(residue)) - {"OXT", "H1", "H2", "H3"}
    assert sum(not name.startswith("H") for name in atoms) == HEAVY[residue]
    assert sum(name.startswith("H") for name in atoms) == HYDROGENS[residue]


@pytest.mark.parametrize("residue", sorted(HEAVY))
def test_backbone_is_exact_and_branches_reach_equally(residue: str) -> None:
    atoms = known_atoms(residue)
    for index, name in enumerate(("N", "CA", "C", "O")):
        assert atoms[name].anchor == index and atoms[name].distance == 0.0
    for name, reach in atoms.items():
        assert 0 <= reach.anchor <= 4 and 0 <= reach.distance < 7.5
        if residue != "P" and name[0] == "C" and name[1:2] == "G":
            assert reach.distance - CB_MARGIN == pytest.approx(1.6, abs=0.06)


def test_farthest_distances_follow_from_ideal_geometry() -> None:
    # Phenylalanine: CB-CG 1.50, ring radius 1.39, C-H 1.09.
    phe = known_atoms("F")
    assert phe["CZ"].distance - CB_MARGIN == pytest.approx(1.50 + 2 * 1.39, abs=0.15)
    assert phe["HZ"].distance - phe["CZ"].distance == pytest.approx(1.09, abs=0.01)
    # Lysine: CB, CG, CD, CE, NZ all trans, C-C 1.52, C-C-C 111.3: every second atom 2.51 apart.
    step = 2 * 1.52 * np.sin(np.deg2rad(111.3 / 2))
    assert known_atoms("K")["CD"].distance - CB_MARGIN == pytest.approx(step, abs=0.2)
    assert known_atoms("K")["NZ"].distance - CB_MARGIN == pytest.approx(2 * step, abs=0.2)
    # Valine methyl hydrogen trans to CA: 1-3 distance with 109.5 degrees.
    hydrogen = np.sqrt(1.52**2 + 1.09**2 - 2 * 1.52 * 1.09 * np.cos(np.deg2rad(109.5)))
    assert known_atoms("V")["HG11"].distance - CB_MARGIN == pytest.approx(hydrogen, abs=0.1)


def test_unknown_residues_have_a_backbone() -> None:
    assert {"N", "CA", "C", "O", "H", "HA"} <= set(known_atoms("X")) and "CB" not in known_atoms("X")
    assert known_atoms("?") == known_atoms("X")
