from __future__ import annotations

import numpy as np
import pytest

from adp3d.structure.read import read_structure
from adp3d.validation.atoms import bonds_of, heavy_atoms
from adp3d.validation.hydrogens import cross, hydrogen_sites, place, rotor_candidates


@pytest.fixture(scope="module")
def placed(small):
    atoms = heavy_atoms(read_structure(small.deposited))
    sites = hydrogen_sites(atoms, bonds_of(atoms))
    return atoms, sites, place(sites, atoms.xyz)


def _each(placed):
    atoms, sites, xyz = placed
    start = 0
    for site in sites:
        count = len(site.names)
        yield site, xyz[start : start + count], atoms.xyz[site.parent], atoms.xyz[list(site.neighbours)]
        start += count
    assert start == len(xyz)


def angle(a, b, c):
    u, v = a - b, c - b
    return np.degrees(np.arccos((u @ v) / np.linalg.norm(u) / np.linalg.norm(v)))


def test_distances_are_those_of_electron_clouds(placed):
    for site, hydrogens, parent, _ in _each(placed):
        np.testing.assert_allclose(np.linalg.norm(hydrogens - parent, axis=1), site.length, atol=1e-9)
    assert {site.length for site in placed[1]} == {0.97, 0.93, 0.86, 0.89, 0.84} | {
        site.length for site in placed[1] if placed[0].elements[site.parent] == "S"
    }


def test_angles_are_tetrahedral_or_trigonal(placed):
    for site, hydrogens, parent, near in _each(placed):
        planar = site.kind == "planar" or (site.kind == "opposite" and len(near) == 2)
        wanted, slack = (120.0, 8.0) if planar else (109.5, 7.0)
        if site.length == 1.20:
            wanted = 96.0
        for hydrogen in hydrogens:
            for neighbour in near:
                assert abs(angle(hydrogen, parent, neighbour) - wanted) < slack, site
        for i in range(len(hydrogens)):
            for j in range(i):
                assert abs(angle(hydrogens[i], parent, hydrogens[j]) - wanted) < slack


def test_methyls_are_staggered(placed):
    atoms = placed[0]
    methyls = [(s, h) for s, h, *_ in _each(placed) if s.kind == "turning" and len(s.names) == 3 and not s.polar]
    assert methyls
    for site, hydrogens in methyls:
        near, parent, beyond = atoms.xyz[site.neighbours[0]], atoms.xyz[site.parent], atoms.xyz[site.beyond]
        axis = (parent - near) / np.linalg.norm(parent - near)
        flat = (beyond - near) - ((beyond - near) @ axis) * axis
        sides = hydrogens - parent - ((hydrogens - parent) @ axis)[:, None] * axis
        turns = np.degrees(
            np.arccos(np.clip(sides @ flat / np.linalg.norm(sides, axis=1) / np.linalg.norm(flat), -1, 1))
        )
        np.testing.assert_allclose(np.sort(turns), [60, 60, 180], atol=1e-4)


def test_only_groups_with_a_choice_turn(placed):
    atoms, sites, _ = placed
    turning = {
        (name, str(atoms.names[site.parent]))
        for site in sites
        for name in [atoms.residues[atoms.residue[site.parent]].name]
        if rotor_candidates(site, atoms.xyz, name) is not None
    }
    known = {("SER", "OG"), ("THR", "OG1"), ("TYR", "OH"), ("LYS", "NZ"), ("HIS", "ND1"), ("HIS", "NE2")}
    known |= {("MET", "CE"), ("CYS", "SG")}
    assert turning - {(name, "N") for name, _ in turning} <= known and ("TYR", "OH") in turning


def test_incomplete_side_chains_get_no_hydrogens_where_they_break_off(small):
    structure = read_structure(small.deposited)
    residue = next(r for r in structure[0]["A"] if r.name == "LEU")
    for name in ("CG", "CD1", "CD2"):
        residue.remove_atom(name, "\0")
    atoms = heavy_atoms(structure)
    row = next(i for i, r in enumerate(atoms.residues) if r.number == str(residue.seqid))
    sites = hydrogen_sites(atoms, bonds_of(atoms))
    assert sorted(n for s in sites if atoms.residue[s.parent] == row for n in s.names) == ["H", "HA"]


def test_cross_is_the_cross_product():
    a, b = np.random.default_rng(0).normal(size=(2, 4, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), atol=1e-12)
