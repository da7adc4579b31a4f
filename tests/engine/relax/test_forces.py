"""The system: OpenMM's own terms, springs, obstacles, and what has no mass."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from relax_models import add_residue, piece, place

from adp3d.relax import forces
from adp3d.relax.forces import BONDED, CONTACTS, GUIDES, NONBONDED, Tether, assemble
from adp3d.relax.molecule import build_molecule


@pytest.fixture
def assembled(openmm, scene_of):
    def make(structure, wanted=None, strength=100.0):
        scene = scene_of(structure, wanted)
        molecule = build_molecule(scene, openmm)
        tether = Tether(np.full(len(scene.region.state), strength), 0.0, np.zeros(len(scene.region.state), bool))
        return scene, molecule, assemble(scene, molecule, tether, None, 0.0, openmm)

    return make


def context_of(openmm, assembly, xyz):
    context = openmm.Context(
        assembly.system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    context.setPositions(np.asarray(xyz) / 10.0)
    return context


def energy(openmm, context, group):
    state = context.getState(energy=True, groups={group})
    return state.getPotentialEnergy().value_in_unit(openmm.unit.kilojoule_per_mole)


def group_forces(openmm, context, group):
    unit = openmm.unit.kilojoule_per_mole / openmm.unit.nanometer
    return np.array(context.getState(forces=True, groups={group}).getForces(asNumpy=True).value_in_unit(unit))


def test_bonded_terms_are_those_of_openmm(openmm, assembled):
    scene, molecule, assembly = assembled(piece([*range(20, 26), *range(30, 36)]))
    xyz = scene.points.xyz[assembly.point]
    plain = openmm.app.ForceField(forces.FORCE_FIELD).createSystem(
        molecule.topology,
        constraints=None,
        rigidWater=False,
        residueTemplates=molecule.templates,
        ignoreExternalBonds=True,
    )
    for force in plain.getForces():
        force.setForceGroup(NONBONDED if isinstance(force, openmm.NonbondedForce) else BONDED)
    alone = forces.Assembly(plain, molecule.point)
    assert energy(openmm, context_of(openmm, assembly, xyz), BONDED) == pytest.approx(
        energy(openmm, context_of(openmm, alone, scene.points.xyz[molecule.point]), BONDED), rel=1e-9
    )


def test_a_break_is_not_bonded_and_bears_no_charge(openmm, assembled):
    _, molecule, assembly = assembled(piece([*range(20, 26), *range(30, 36)]))
    residues = list(molecule.topology.residues())
    linked = {tuple(sorted((a.residue.index, b.residue.index))) for a, b in molecule.topology.bonds()}
    assert {pair for pair in linked if pair[0] != pair[1]} == {pair for pair in pairwise(range(12)) if pair != (5, 6)}
    assert [len(list(chain.residues())) for chain in molecule.topology.chains()] == [6, 6]
    assert [molecule.templates[r][0] for r in residues[:1]] == ["N"]
    assert molecule.templates[residues[5]] == residues[5].name and molecule.templates[residues[6]] == residues[6].name
    (nonbonded,) = (f for f in assembly.system.getForces() if isinstance(f, openmm.NonbondedForce))
    charged = {"ASP": -1, "GLU": -1, "LYS": 1, "ARG": 1}
    for residue in residues[1:]:
        charges = [nonbonded.getParticleParameters(atom.index)[0]._value for atom in residue.atoms()]
        assert forces.DIELECTRIC**0.5 * sum(charges) == pytest.approx(charged.get(residue.name, 0), abs=1e-4)


def test_springs_draw_back_by_their_strength(openmm, assembled):
    scene, _, assembly = assembled(piece(range(20, 24)), strength=300.0)
    xyz = scene.points.xyz[assembly.point]
    heavy = scene.heavy[assembly.point] >= 0
    context = context_of(openmm, assembly, xyz + np.array([0.5, 0.0, 0.0]))
    assert energy(openmm, context, GUIDES) == pytest.approx(heavy.sum() * 0.5 * 300.0 * 0.05**2, rel=1e-6)
    pull = group_forces(openmm, context, GUIDES)
    assert pull[heavy] == pytest.approx(np.tile([-300.0 * 0.05, 0.0, 0.0], (heavy.sum(), 1)), abs=1e-6)
    assert np.abs(pull[~heavy]).max() == 0.0


def test_a_leash_is_loose_and_then_as_firm_as_said(openmm):
    """Against the closed form, and at its end as a spring of that strength."""
    system = openmm.System()
    start = np.array([[0.1, 0.2, 0.3], [0.5, 0.0, -0.2], [1.0, 1.0, 1.0]])
    for _ in start:
        system.addParticle(1.0)
    system.addForce(forces._leashes(np.arange(3), start, openmm))
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference"))
    length, firm = forces._LEASH, forces._LEASH_STIFFNESS
    direction = np.array([2.0, -1.0, 2.0]) / 3.0
    for way in (0.0, 0.9 * length, length, 1.01 * length, 2.0 * length):
        context.setPositions(start + way * direction)
        state = context.getState(energy=True, forces=True)
        expected = firm / (8 * length**2) * max(0.0, way**2 - length**2) ** 2
        pull = firm / (2 * length**2) * max(0.0, way**2 - length**2) * way
        assert state.getPotentialEnergy()._value == pytest.approx(3 * expected, rel=1e-6, abs=1e-9)
        found = state.getForces(asNumpy=True)._value
        np.testing.assert_allclose(found, np.tile(-pull * direction, (3, 1)), rtol=1e-6, atol=1e-6)
        if way == 1.01 * length:
            assert pull == pytest.approx(firm * (way - length), rel=0.02)


def test_what_stays_has_no_mass(openmm, assembled):
    wanted = np.zeros(12, bool)
    wanted[4:7] = True
    scene, _, assembly = assembled(piece(range(20, 32)), wanted)
    mass = np.array([assembly.system.getParticleMass(i)._value for i in range(len(assembly.point))])
    assert np.array_equal(mass > 0, scene.mobile[assembly.point])


def with_ligand(distance):
    """Twelve residues and a carbon atom ``distance`` A from an O of the backbone, straight ahead."""
    structure = piece(range(20, 32))
    oxygen = place(structure, 31, "O")
    out = oxygen - place(structure, 31, "C")
    add_residue(structure, "L", 1, "LIG", {"C1": ("C", oxygen + distance * out / np.linalg.norm(out))})
    return structure


def test_obstacles_repel_what_enters_them_and_nothing_else(openmm, assembled):
    for distance in (1.9, 2.4, 3.3):
        scene, _, assembly = assembled(with_ligand(distance))
        xyz = scene.points.xyz[assembly.point]
        context = context_of(openmm, assembly, xyz)
        own = int(np.flatnonzero((scene.heavy[assembly.point] >= 0) & ~scene.template[assembly.point])[0])
        force = group_forces(openmm, context, CONTACTS)
        # against the closed form, pair by pair: the other spheres near it are those of its neighbours
        points = scene.points
        expected = 0.0
        for particle, index in enumerate(assembly.point.tolist()):
            if particle != own:
                apart = np.linalg.norm(xyz[particle] - xyz[own])
                reach = points.radius[index] + points.radius[assembly.point[own]] - 0.25
                expected += 0.5 * forces._OBSTACLE_STIFFNESS * max(0.0, (reach - apart) / 10.0) ** 2
        assert energy(openmm, context, CONTACTS) == pytest.approx(expected, rel=1e-5, abs=1e-6)
        assert (expected > 0) == (distance < 3.0)
        if distance < 3.0:
            oxygen = int(np.flatnonzero((points.names[assembly.point] == "O") & (np.abs(force).max(-1) > 0))[0])
            assert force[oxygen] @ (xyz[oxygen] - xyz[own]) > 0


def test_bonded_obstacles_are_no_contacts(openmm, assembled):
    structure = piece(range(20, 32))
    (own,) = structure[0]["A"]["26"]
    own.name = "XYZ"  # held as alanine; CG and beyond are obstacles, a bond's length from CB
    scene, _, assembly = assembled(structure)
    context = context_of(openmm, assembly, scene.points.xyz[assembly.point])
    force = group_forces(openmm, context, CONTACTS)
    named = {
        str(n): i
        for i, n in enumerate(scene.points.names[assembly.point])
        if scene.rows[scene.points.residue[assembly.point[i]]] == 6
    }
    assert np.abs(force[named["CB"]]).max() < 1e-6 and np.abs(force[named["CA"]]).max() < 1e-6


def test_bonds_to_metals_keep_their_lengths(openmm, assembled):
    structure = piece(range(20, 32))
    oxygen = place(structure, 31, "O")
    out = oxygen - place(structure, 31, "C")
    out /= np.linalg.norm(out)
    add_residue(structure, "M", 1, "MG", {"MG": ("Mg", oxygen + 2.1 * out)})
    scene, _, assembly = assembled(structure, strength=0.0)
    xyz = scene.points.xyz[assembly.point].copy()
    assert energy(openmm, context_of(openmm, assembly, xyz), GUIDES) == pytest.approx(0.0, abs=1e-9)
    atom = int(np.flatnonzero(scene.heavy[assembly.point] == scene.region.metal_bonds[0, 0])[0])
    xyz[atom] -= 0.2 * out
    stiff = 0.5 * 20_000.0 * 0.02**2
    bonds = len(scene.region.metal_bonds)
    found = energy(openmm, context_of(openmm, assembly, xyz), GUIDES)
    assert found == pytest.approx(stiff, rel=0.05) if bonds == 1 else found > stiff * 0.9
