"""Hand-made contacts, and models whose clashes are known to be few or many."""

from __future__ import annotations

import time
from pathlib import Path

import gemmi
import numpy as np
import pytest
from shared_data import shared_file

import adp3d
from adp3d.structure.read import read_structure
from adp3d.validation.atoms import heavy_atoms
from adp3d.validation.clashscore import CLASH_OVERLAP, add_hydrogens, clashscore

ATOM = "HETATM{:5d} {:4s} {:3s} {}{:4d}    {:8.3f}{:8.3f}{:8.3f}{:6.2f} 20.00          {:>2s}"


def model(*atoms: tuple):
    """Atoms, each of a residue of its own, as (residue name, element, x, y, z[, occupancy])."""
    lines = []
    for i, (name, element, x, y, z, *occupancy) in enumerate(atoms):
        atom_name = element if len(element) == 2 else f" {element}"
        lines.append(ATOM.format(i + 1, atom_name, name, "A", i + 1, x, y, z, *(occupancy or [1.0]), element))
    structure = gemmi.read_pdb_string("\n".join([*lines, "END"]))
    structure.setup_entities()
    return heavy_atoms(structure)


def test_overlap_is_that_of_the_spheres():
    # fluorine: 1.30 A each
    found = clashscore(model(("LIG", "F", 0, 0, 0), ("LIG", "F", 2.19, 0, 0)))
    assert len(found.clashes) == 1 and found.clashes[0].overlap == pytest.approx(0.41)
    assert found.per_1000_atoms == 500.0 and found.atoms == 2 and found.without_hydrogens == 2
    assert clashscore(model(("LIG", "F", 0, 0, 0), ("LIG", "F", 2.21, 0, 0))).clashes == ()


def test_hydrogen_bonds_may_overlap_more_and_metals_do_not_clash():
    # 1.40 A each: as water and ligand they may share a hydrogen that is not seen
    assert clashscore(model(("HOH", "O", 0, 0, 0), ("LIG", "O", 1.85, 0, 0))).clashes == ()
    near = clashscore(model(("HOH", "O", 0, 0, 0), ("LIG", "O", 1.75, 0, 0)))
    assert [clash.overlap for clash in near.clashes] == [pytest.approx(1.05 - 0.6)]
    assert near.per_1000_atoms == 1000.0, "waters are not counted"
    assert clashscore(model(("HOH", "O", 0, 0, 0), ("HOH", "O", 1.0, 0, 0))).clashes == ()
    assert clashscore(model(("ZN", "ZN", 0, 0, 0), ("LIG", "O", 1.6, 0, 0))).clashes == ()


def test_atoms_that_are_hardly_there_do_not_count():
    atoms = (("LIG", "F", 0, 0, 0), ("LIG", "F", 2.0, 0, 0, 0.05), ("LIG", "F", 20, 0, 0))
    assert clashscore(model(*atoms)).clashes == ()
    assert len(clashscore(model(*((*atom[:5], 0.0) for atom in atoms))).clashes) == 1, "0 everywhere says nothing"


def test_what_a_closer_atom_hides_is_no_clash():
    # the third atom is deeper in the first than the second is, wherever the first meets the second
    pair = (("LIG", "S", 0, 0, 0), ("LIG", "S", 3.15, 0, 0))
    assert len(clashscore(model(*pair)).clashes) == 1
    found = clashscore(model(*pair, ("LIG", "S", 2.6, 0, 0)))
    named = {frozenset(clash.residues) for clash in found.clashes}
    assert frozenset({0, 2}) in named and frozenset({0, 1}) not in named


def test_nothing_to_compare():
    structure = gemmi.Structure()
    structure.add_model(gemmi.Model(1))
    found = clashscore(heavy_atoms(structure))
    assert np.isnan(found.per_1000_atoms) and found.clashes == () and found.atoms == 0


@pytest.fixture(scope="module")
def deposited(small):
    return read_structure(small.deposited)


def test_a_deposited_model_has_few_clashes(deposited):
    found = clashscore(heavy_atoms(deposited))
    assert found.per_1000_atoms < 6 and 0.9 < found.hydrogens / (found.atoms - found.hydrogens) < 1.05
    assert all(clash.overlap >= CLASH_OVERLAP for clash in found.clashes)


def test_a_side_chain_moved_into_another_clashes(deposited):
    before = clashscore(heavy_atoms(deposited))
    moved = deposited.clone()
    atoms = heavy_atoms(moved)
    chain = moved[0]["A"]
    big = next(r for r in chain if r.name in ("PHE", "TYR", "LEU"))
    far = [r for r in chain if abs(r.seqid.num - big.seqid.num) > 4]
    other = min(far, key=lambda r: r["CA"][0].pos.dist(big["CA"][0].pos))
    shift = other["CA"][0].pos - big["CB"][0].pos
    for atom in big:
        if atom.name not in ("N", "CA", "C", "O"):
            atom.pos = gemmi.Position(*(atom.pos + shift).tolist())
    after = clashscore(heavy_atoms(moved))
    assert len(after.clashes) > len(before.clashes) + 3
    names = {str(atoms.residues[i]) for clash in after.clashes[:3] for i in clash.residues}
    assert f"A {big.seqid} {big.name}" in names


def test_score_does_not_depend_on_the_frame(deposited):
    atoms = heavy_atoms(deposited)
    turned = deposited.clone()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    for site in turned[0].all():
        site.atom.pos = gemmi.Position(*(rotation @ np.array(site.atom.pos.tolist()) + 30.0).tolist())
    first, second = clashscore(atoms), clashscore(heavy_atoms(turned))
    # dots are spread about axes that do not turn with the model: what just touches may differ
    assert abs(len(first.clashes) - len(second.clashes)) <= 1


def test_hydroxyls_point_to_their_acceptors():
    demo = Path(adp3d.__file__).parent / "pipeline" / "demo" / "emd_20026_deposited.cif.gz"
    points, _ = add_hydrogens(heavy_atoms(read_structure(demo)))
    bound = 0
    for h in np.flatnonzero(points.donor & np.isin(points.names, ["HG", "HG1", "HH"])):
        acceptors = points.xyz[points.acceptor & (points.residue != points.residue[h])]
        bound += np.linalg.norm(acceptors - points.xyz[h], axis=1).min() < 2.4
    assert bound >= 10, "of 26; the others are on the surface"


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("targets/8ok3.cif", 0.0, 3.0),  # X-ray at 1.5 A
        ("targets/7pzt.cif", 0.0, 3.0),
        ("targets/7pzt_MA_2.0A.cif", 25.0, 80.0),  # not refined yet
        ("maps/emd-20026/deposited.pdb", 0.0, 6.0),
        ("maps/emd-30342/deposited.cif", 10.0, 28.0),  # 3.9 A
        ("backmapping/1ab1/1ab1_A.pdb", 0.0, 2.0),  # X-ray at 0.89 A
    ],
)
def test_known_models(name, low, high):
    assert low <= clashscore(heavy_atoms(read_structure(shared_file(name)))).per_1000_atoms <= high


@pytest.mark.slow
def test_large_models_take_seconds(deposited):
    many = deposited.clone()
    source = deposited[0]["A"]
    for copy in range(1, 114):
        chain = source.clone()
        chain.name = f"A{copy}"
        for residue in chain:
            for atom in residue:
                x, y, z = atom.pos.tolist()
                atom.pos = gemmi.Position(x + 80.0 * copy, y, z)
        many[0].add_chain(chain)
    atoms = heavy_atoms(many)
    assert len(atoms.residues) > 5000
    start = time.perf_counter()
    score = clashscore(atoms)
    assert time.perf_counter() - start < 60, "some seconds on an idle core"
    assert score.per_1000_atoms == pytest.approx(clashscore(heavy_atoms(deposited)).per_1000_atoms)
