from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adp3d.restraints.atom_names import anchors
from adp3d.restraints.reach import known_atoms
from adp3d.restraints.restraint import Wildcards

NEF, XPLOR = Wildcards.NEF, Wildcards.XPLOR
N, CA, CARBONYL_O, CB = 0, 1, 3, 4


def one(residue: str, name: str, wildcards: Wildcards = NEF) -> tuple[int, int, float]:
    (anchor,) = anchors(residue, name, wildcards)
    return anchor.atom, anchor.count, anchor.padding


@pytest.mark.parametrize(
    ("residue", "name", "like", "count"),
    [
        ("A", "HB%", "HB1", 3),
        ("L", "HB%", "HB2", 2),
        ("L", "HD1%", "HD11", 3),
        ("L", "HD%", "HD11", 6),
        ("L", "HDX%", "HD11", 3),
        ("L", "HDY%", "HD11", 3),
        ("L", "HBX", "HB2", 1),
        ("I", "HG1Y", "HG12", 1),
        ("V", "HGX%", "HG11", 3),
        ("F", "HD%", "HD1", 2),
        ("F", "HEX", "HE1", 1),
        ("Q", "HE2X", "HE21", 1),
        ("R", "HH%", "HH11", 4),
        ("R", "HHX%", "HH11", 2),
        ("K", "HZ%", "HZ1", 3),
        ("M", "HE%", "HE1", 3),
        ("T", "HG2%", "HG21", 3),
        ("D", "HB*", "HB2", 2),
        ("V", "CGX", "CG1", 1),
        ("F", "CD%", "CD1", 2),
    ],
)
def test_nef_wildcards(residue: str, name: str, like: str, count: int) -> None:
    reach = known_atoms(residue)[like]
    assert one(residue, name) == (reach.anchor, count, reach.distance)


@pytest.mark.parametrize(
    ("residue", "name", "like", "count"),
    [
        ("A", "HB#", "HB1", 3),
        ("A", "HB%", "HB1", 3),
        ("L", "HD1%", "HD11", 3),
        ("L", "HD*", "HD11", 6),
        ("L", "HD%", "HD11", 6),
        ("L", "HD#", "HD11", 6),
        ("V", "HG1+", "HG11", 3),
        ("F", "HD+", "HD1", 2),
        ("R", "HH++", "HH11", 4),
        ("Y", "HE%", "HE1", 2),
    ],
)
def test_xplor_wildcards(residue: str, name: str, like: str, count: int) -> None:
    reach = known_atoms(residue)[like]
    assert one(residue, name, XPLOR) == (reach.anchor, count, reach.distance)


def test_older_names_and_backbone() -> None:
    assert one("A", "HN")[0] == N and one("A", "HN") == one("A", "H")
    assert one("L", "HB1") == one("L", "HB3") and one("I", "HG11") == one("I", "HG13")
    assert one("I", "CD") == one("I", "CD1") and one("I", "HD2") == one("I", "HD11")
    assert one("G", "HA1") == one("G", "HA3") and one("G", "HA%")[:2] == (CA, 2)
    assert one("A", "O") == (CARBONYL_O, 1, 0.0) and one("A", "OT1") == (CARBONYL_O, 1, 0.0)
    assert one("P", "HD2")[0] == N and one("P", "HD%")[:2] == (N, 2)
    assert one("A", "H%")[:2] == (N, 3)


@pytest.mark.parametrize(
    ("residue", "name", "like"),
    [
        ("A", "QB", "HB1"),
        ("A", "MB", "HB1"),
        ("L", "QD1", "HD11"),
        ("L", "MD1", "HD11"),
        ("L", "QQD", "HD11"),
        ("V", "QQG", "HG11"),
        ("F", "QD", "HD1"),
        ("F", "QR", "HZ"),
        ("K", "QZ", "HZ1"),
        ("G", "QA", "HA2"),
        ("R", "QH1", "HH11"),
        ("N", "QD2", "HD21"),
    ],
)
def test_pseudo_atoms_are_single_points(residue: str, name: str, like: str) -> None:
    reach = known_atoms(residue)[like]
    assert one(residue, name) == (reach.anchor, 1, reach.distance)


@pytest.mark.parametrize(
    ("residue", "name"), [("A", "HG"), ("G", "CB"), ("P", "H"), ("X", "CB"), ("A", "FE"), ("S", "QD")]
)
def test_names_that_do_not_exist(residue: str, name: str) -> None:
    assert anchors(residue, name, NEF) == ()


def test_whole_residues_have_several_anchors() -> None:
    found = {anchor.atom: anchor for anchor in anchors("L", "*", XPLOR)}
    assert set(found) == {0, 1, 2, 3, 4}
    assert found[CB].padding == known_atoms("L")["HD11"].distance


@given(
    st.sampled_from("ARNDCQEGHILKMFPSTWYVX"),
    st.text(alphabet="HNCOQMABGDEZXY0123%#*+'()[\\", max_size=6),
    st.sampled_from(list(Wildcards)),
)
def test_any_name_is_harmless(residue: str, name: str, wildcards: Wildcards) -> None:
    for anchor in anchors(residue, name, wildcards):
        assert anchor.count >= 1 and 0 <= anchor.padding < 8
