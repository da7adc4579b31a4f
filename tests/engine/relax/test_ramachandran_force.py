"""The force of likely backbones is the log density that validation has."""

from __future__ import annotations

import numpy as np
import pytest
from relax_models import piece

from adp3d.contract.ramachandran import load_contours
from adp3d.relax.molecule import build_molecule
from adp3d.relax.ramachandran_force import ramachandran_force
from adp3d.validation.torsions import dihedral


@pytest.fixture
def molecule(openmm, scene_of):
    scene = scene_of(piece([*range(20, 32), *range(40, 52)]), None)
    return scene, build_molecule(scene, openmm)


def energies(openmm, molecule, force, xyz):
    system = openmm.System()
    for _ in molecule.point:
        system.addParticle(1.0)
    system.addForce(force)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(xyz[molecule.point] / 10.0)
    return context.getState(energy=True).getPotentialEnergy().value_in_unit(openmm.unit.kilojoule_per_mole)


def test_it_is_the_log_density_of_each_kind(openmm, molecule):
    scene, built = molecule
    xyz = scene.points.xyz
    force = ramachandran_force(built, 3.0, openmm)
    assert force.getNumTorsions() == 20, "the ends of two pieces have but one of the torsions"
    contours, wanted, spread = load_contours(), [], []
    own = xyz[built.point]
    for i in range(force.getNumTorsions()):
        kind, *atoms = force.getTorsionParameters(i)
        points = own[atoms]
        phi, psi = dihedral(*points[:4]), dihedral(*points[4:])
        wanted.append(-3.0 * float(contours.evaluate(phi, psi, kind)))
        spread.append(abs(wanted[-1] + 3.0 * float(contours.evaluate(psi, phi, kind))))
    assert energies(openmm, built, force, xyz) == pytest.approx(sum(wanted), abs=0.05 * sum(spread))


def test_kinds_are_those_of_validation(openmm, molecule):
    _, built = molecule
    force = ramachandran_force(built, 1.0, openmm)
    names = {atom.index: atom.residue for atom in built.topology.atoms()}
    for i in range(force.getNumTorsions()):
        kind, *atoms = force.getTorsionParameters(i)
        residue, following = names[atoms[1]].name, names[atoms[7]].name
        expected = {"GLY": 1, "PRO": 2}.get(residue, 3 if following == "PRO" else 0)
        assert kind == expected and names[atoms[0]].index + 2 == names[atoms[7]].index
        assert np.array_equal(atoms[1:4], atoms[4:7])
