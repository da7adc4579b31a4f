"""The parts of the rival for flexible fitting that do not need it."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import gemmi
import numpy as np
import pytest

from adp3d.density.map import DensityMap

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def fitting(load):
    return load("flexible_fitting")


def _deposited() -> gemmi.Structure:
    demo = FOLDER.parent / "src" / "engine" / "pipeline" / "demo"
    structure = gemmi.read_structure(str(demo / "emd_20026_deposited.cif.gz"))
    structure.setup_entities()
    return structure


def test_chains_are_divided_where_they_are_broken_and_joined_again(fitting, tmp_path):
    """A force field would otherwise bond the residues beside a gap."""
    structure = _deposited()
    chain = structure[0][0]
    numbers = [residue.seqid.num for residue in chain.get_polymer()]
    del chain[50:60]
    fragments, names = fitting._fragments(structure)
    assert names == {"A": chain.name, "B": chain.name}
    assert [len(part) for part in fragments[0]] == [50, len(numbers) - 60]
    fragments.write_pdb(str(tmp_path / "parts.pdb"))
    fitting._join(tmp_path / "parts.pdb", names, tmp_path / "whole.cif")
    found = gemmi.read_structure(str(tmp_path / "whole.cif"))
    assert [c.name for c in found[0]] == [chain.name]
    assert [r.seqid.num for r in found[0][0]] == numbers[:50] + numbers[60:]


def test_helices_of_ferritin_are_held(fitting):
    """Four long helices and shorter ones: about three quarters of its residues."""
    residues = list(_deposited()[0][0].get_polymer())
    xyz, rows = [], []
    for residue in residues:
        rows.append({atom.name: len(xyz) + i for i, atom in enumerate(residue)})
        xyz += [atom.pos.tolist() for atom in residue]
    linked = list(pairwise(rows))
    phi = [None, *([a["C"], b["N"], b["CA"], b["C"]] for a, b in linked)]
    psi = [*([a["N"], a["CA"], a["C"], b["N"]] for a, b in linked), None]
    held = sorted(fitting._regular(np.array(xyz), phi, psi))
    assert len(set(held)) == len(held) and 0.65 < len(held) / len(rows) < 0.9
    runs = np.split(held, np.flatnonzero(np.diff(held) > 1) + 1)
    ends = [(residues[run[0]].seqid.num, residues[run[-1]].seqid.num) for run in runs if len(run) > 20]
    assert ends == [(14, 42), (49, 75), (96, 123), (138, 158)]


def test_the_map_pulls_where_it_is_dense(fitting):
    values = np.zeros((20, 20, 20), np.float32)
    values[10, 10, 10] = 5.0
    density = DensityMap(values, np.zeros(3), np.eye(3))
    around = np.zeros(values.shape, bool)
    around[8:13, 8:13, 8:13] = True
    sharp = fitting._map_potential(density, 0.0, around)
    assert sharp.min() == pytest.approx(-0.3 * 4.184) and sharp[0, 0, 0] == 0 and (sharp <= 0).all()
    soft = fitting._map_potential(density, 2.0, around)
    assert np.unravel_index(soft.argmin(), soft.shape) == (10, 10, 10)
    assert soft[10, 10, 13] < -0.1 < sharp[10, 10, 13], "a blurred map pulls from farther away"


def test_without_openmm_one_sentence_says_what_to_do(fitting, monkeypatch):
    from adp3d.contract.errors import InputError

    monkeypatch.setitem(sys.modules, "openmm", None)
    with pytest.raises(InputError, match="pip install openmm pdbfixer"):
        fitting._openmm()


def test_a_force_on_an_atom_is_the_slope_of_the_map(fitting):
    openmm = pytest.importorskip("openmm")
    from openmm import app, unit

    axes = np.array([[1.0, 0.0, 0.0], [0.2, 0.9, 0.0], [0.0, 0.1, 1.1]])
    i, j, k = np.meshgrid(*(np.arange(12.0),) * 3, indexing="ij")
    linear = 0.3 * i - 0.2 * j + 0.5 * k  # in indices; splines reproduce it
    density = DensityMap(linear.astype(np.float32), np.array([4.0, -3.0, 2.0]), axes)
    topology = app.Topology()
    residue = topology.addResidue("UNK", topology.addChain())
    for name in ("C", "H"):
        topology.addAtom(name, app.Element.getBySymbol(name), residue)
    force = fitting._map_force(openmm, topology, np.array([True, False]), density)
    force.getTabulatedFunction(0).setFunctionParameters(*fitting._table(openmm, linear).getFunctionParameters())
    system = openmm.System()
    for atom in topology.atoms():
        system.addParticle(atom.element.mass)
    system.addForce(force)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    point = density.to_points([5.3, 6.1, 4.7])
    context.setPositions(np.array([point, point]) / 10)
    state = context.getState(getEnergy=True, getForces=True)
    carbon = 12.01078
    energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
    assert energy == pytest.approx(carbon * (0.3 * 5.3 - 0.2 * 6.1 + 0.5 * 4.7), rel=1e-3)
    forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
    slope = 10 * np.linalg.inv(axes) @ np.array([0.3, -0.2, 0.5])
    np.testing.assert_allclose(forces, [-carbon * slope, np.zeros(3)], rtol=2e-3, atol=1e-6)
