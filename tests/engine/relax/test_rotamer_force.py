"""The force of likely side chains is the log density that validation has."""

from __future__ import annotations

import numpy as np
import pytest
from relax_models import piece

from adp3d.relax.molecule import build_molecule
from adp3d.relax.rotamer_force import rotamer_force
from adp3d.validation.amino_acids import CHI_PATHS
from adp3d.validation.rotamers import chi_angles, load_rotamers

FEW = {name for name, contours in load_rotamers().items() if contours.periods.size <= 2}


def system_of(openmm, count, force):
    system = openmm.System()
    for _ in range(count):
        system.addParticle(1.0)
    system.addForce(force)
    return system


def energy(openmm, system, xyz):
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(xyz / 10.0)
    return context.getState(energy=True).getPotentialEnergy().value_in_unit(openmm.unit.kilojoule_per_mole)


def test_it_is_the_log_density_of_what_has_two_torsions_or_one(openmm, scene_of):
    scene = scene_of(piece(range(20, 60)), None)
    built = build_molecule(scene, openmm)
    xyz = scene.points.xyz[built.point]
    whole = rotamer_force(built, 3.0, openmm)
    alone, wanted, names = openmm.CMAPTorsionForce(), [], []
    residues = {atom.index: atom.residue for atom in built.topology.atoms()}
    for i in range(whole.getNumTorsions()):
        table, *atoms = whole.getTorsionParameters(i)
        residue = residues[atoms[0]]
        names.append(residue.name)
        if residue.name not in FEW:
            continue
        size, values = whole.getMapParameters(table)
        alone.addTorsion(alone.addMap(size, values), *atoms)
        places = {atom.name: xyz[atom.index] for atom in residue.atoms()}
        wanted.append(-3.0 * float(load_rotamers()[residue.name].evaluate(chi_angles(residue.name, places))))
    assert len(wanted) > 10 and set(names) - FEW, "of both kinds"
    assert len(names) == sum(residue.name in load_rotamers() for residue in built.topology.residues())
    found = energy(openmm, system_of(openmm, len(xyz), alone), xyz)
    # splines here, straight lines there
    assert found == pytest.approx(sum(wanted), abs=0.1 * np.abs(wanted).sum())


def test_torsions_further_out_are_summed_over(openmm, scene_of):
    scene = scene_of(piece(range(20, 60)), None)
    built = build_molecule(scene, openmm)
    force = rotamer_force(built, 1.0, openmm)
    residues = {atom.index: atom.residue for atom in built.topology.atoms()}
    checked = set()
    for i in range(force.getNumTorsions()):
        table, *atoms = force.getTorsionParameters(i)
        name = residues[atoms[0]].name
        assert len(set(atoms)) == min(len(CHI_PATHS[name]), 5)
        size, values = force.getMapParameters(table)
        values = np.array([getattr(value, "_value", value) for value in values])
        # density relative to a uniform one has a mean of 1
        assert np.exp(-values).mean() == pytest.approx(1.0, abs=0.1), name
        assert size * size == len(values)
        checked.add(name)
    assert checked - FEW
