"""The energy that is minimised: force field, map or positions, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..contract.errors import InputError
from ..structure.residue_templates import BACKBONE
from .map_potential import MapField, map_force
from .molecule import Molecule
from .ramachandran_force import ramachandran_force
from .rotamer_force import rotamer_force
from .scene import Scene
from .toolkit import reason_of

__all__ = ["BONDED", "CONTACTS", "GUIDES", "LIKELY", "NONBONDED", "Assembly", "Tether", "assemble"]

BONDED, CONTACTS, GUIDES, NONBONDED, LIKELY = range(5)
"""Force groups: bonds, angles and torsions; overlap of spheres; map and positions; van der Waals and charges; what
torsions are likely to be."""

FORCE_FIELD = "amber14/protein.ff14SB.xml"
"""ff14SB (Maier et al. 2015, J. Chem. Theory Comput. 11, 3696): its bonds and angles are those of the crystals that
ideal geometry comes from, and unlike ff19SB it needs no water around it."""

CUTOFF = 1.0
"""nm up to which charges and van der Waals forces reach, beyond which charges see water (reaction field)."""

DIELECTRIC = 4.0
"""Of what lies between two charges, as for the inside of proteins. There is no water: in vacuum, charged side chains
would stretch for each other; an implicit solvent costs ten times all the rest."""

BACKBONE_WEIGHT, SIDE_CHAIN_WEIGHT = 10.0, 2.5
"""kJ/mol for each nat of log density of backbone torsions, and of the first two of side chains; kT is 2.5. Chosen on
EMD-30342 (3.9 A), as it was refined without a third of its residues: favoured backbones 88.8 % with 0, 91.8 % with 2.5,
94.2 % with 5, 95.4 % with 10, for which CC_mask falls from 0.754 to 0.748; rotamer outliers 1.8 % with 0, 0.5 % with
2.5 and with 5, which costs contacts (clashscore 6.1 and 6.7). The deposited model at 1.75 A hardly notices."""

_OVERLAP = 0.025
"""nm by which spheres may overlap before they repel each other: less than the 0.4 A of a clash by what a hydrogen
bends."""

_BOUND_OVERLAP = 0.06
"""nm by which donor and acceptor of a hydrogen bond may overlap beyond that, as in `adp3d.validation.clashscore`."""

_STIFFNESS, _OBSTACLE_STIFFNESS = 20_000.0, 150_000.0
"""kJ/mol/nm^2 between atoms that get van der Waals forces afterwards, and with obstacles, which have nothing else: what
is pressed 0.3 A into a sphere pays 68 kJ/mol there, as oxygen atoms 2.25 A apart do in the force field. A map, which
shows what stands in the way as well, had drawn atoms that near to DNA with the smaller one."""

_METAL_STIFFNESS = 20_000.0
"""kJ/mol/nm^2 of the springs that keep the lengths of bonds to metals: these have no charge here that would do it."""

_CONTACT_CUTOFF = 0.45
"""nm, more than two of the largest spheres."""

_LEASH, _LEASH_STIFFNESS = 0.05, 100_000.0
"""nm that backbone atoms may go from where the map shows them, and kJ/mol/nm^2 beyond, some 40 % of a bond's. Relaxed
in their maps, deposited models move by 0.1 A (rms), but strands that others were laid across went up to 4 A; 50,000
held those within 1.1 A."""

_OVERLAPPING = 2.6
"""A: atoms that both stay and are nearer than that, without a bond, have a van der Waals energy beside which all others
would drown in rounding errors; it changes nothing."""


@dataclass(frozen=True)
class Tether:
    """Springs that hold heavy atoms where they are.

    Parameters
    ----------
    strength : ndarray, shape (R,)
        For each residue, kJ/mol/nm^2.
    in_map : float
        The same for all atoms that a map pulls at.
    leashed : ndarray of bool, shape (R,)
        Residues whose backbone atoms do not leave the density that they lie in, whatever pushes them.
    """

    strength: NDArray[np.float64]
    in_map: float
    leashed: NDArray[np.bool_]


@dataclass(frozen=True)
class Assembly:
    """A system of OpenMM.

    Parameters
    ----------
    system : openmm.System
        Its first M particles are the molecule, the others obstacles.
    point : ndarray of int64, shape (Q,)
        Index in the scene of each particle.
    """

    system: Any
    point: NDArray[np.int64]


def assemble(
    scene: Scene, molecule: Molecule, tether: Tether, field: MapField | None, weight: float, openmm: Any
) -> Assembly:
    """Build the system.

    Atoms that stay have no mass, by which OpenMM knows not to move them.

    Parameters
    ----------
    scene : Scene
    molecule : Molecule
    tether : Tether
    field : MapField, optional
    weight : float
        Of the field, see `map_force`.
    openmm : module

    Raises
    ------
    InputError
        If the force field lacks parameters.
    """
    nanometer = openmm.unit.nanometer
    try:
        system = openmm.app.ForceField(FORCE_FIELD).createSystem(
            molecule.topology,
            nonbondedMethod=openmm.app.CutoffNonPeriodic,
            nonbondedCutoff=CUTOFF * nanometer,
            constraints=None,
            rigidWater=False,
            removeCMMotion=False,
            residueTemplates=molecule.templates,
            ignoreExternalBonds=True,
        )
    except ValueError as error:  # a residue that no template fits, or a term without parameters
        raise InputError(
            f"The force field has no parameters for a part of this model ({reason_of(error)}); relax the rest of it, "
            "by residues."
        ) from error
    (nonbonded,) = (force for force in system.getForces() if isinstance(force, openmm.NonbondedForce))
    for force in system.getForces():
        force.setForceGroup(NONBONDED if isinstance(force, openmm.NonbondedForce) else BONDED)
    _screen(nonbonded)
    obstacles = np.setdiff1d(np.arange(len(scene.points)), molecule.point)
    point = np.concatenate([molecule.point, obstacles])
    for _ in obstacles:
        system.addParticle(0.0)
        nonbonded.addParticle(0.0, 1.0, 0.0)
    for particle in np.flatnonzero(~scene.mobile[point]).tolist():
        system.setParticleMass(particle, 0.0)
    _exclude(nonbonded, scene, point, len(molecule.point))
    system.addForce(_contacts(nonbonded, scene, point, openmm))
    for likely in (
        ramachandran_force(molecule, BACKBONE_WEIGHT, openmm),
        rotamer_force(molecule, SIDE_CHAIN_WEIGHT, openmm),
    ):
        likely.setForceGroup(LIKELY)
        system.addForce(likely)
    for guide in _guides(scene, point, tether, field, weight, openmm):
        guide.setForceGroup(GUIDES)
        system.addForce(guide)
    return Assembly(system, point)


def _screen(nonbonded: Any) -> None:
    scale = DIELECTRIC**-0.5
    for index in range(nonbonded.getNumParticles()):
        charge, sigma, epsilon = nonbonded.getParticleParameters(index)
        nonbonded.setParticleParameters(index, charge * scale, sigma, epsilon)
    for index in range(nonbonded.getNumExceptions()):
        a, b, product, sigma, epsilon = nonbonded.getExceptionParameters(index)
        nonbonded.setExceptionParameters(index, a, b, product * scale**2, sigma, epsilon)


def _exclude(nonbonded: Any, scene: Scene, point: NDArray[np.int64], molecule: int) -> None:
    """Leave out pairs that are near an obstacle along bonds, and those of atoms that stay in each other."""
    own = np.full(len(scene.points), -1, np.int64)
    own[point] = np.arange(len(point))
    pairs = set()
    for particle in range(molecule, len(point)):
        others = own[scene.near.of(int(point[particle]))]
        pairs |= {(min(particle, other), max(particle, other)) for other in others.tolist() if other != particle}
    still = np.flatnonzero(~scene.mobile[point[:molecule]])
    close = cKDTree(scene.points.xyz[point[still]]).query_pairs(_OVERLAPPING, output_type="ndarray")
    pairs |= {(int(still[a]), int(still[b])) for a, b in close.reshape(-1, 2)}
    there = set()
    for index in range(nonbonded.getNumExceptions()):
        a, b, *_ = nonbonded.getExceptionParameters(index)
        there.add((min(a, b), max(a, b)))
    for a, b in sorted(pairs - there):
        nonbonded.addException(a, b, 0.0, 1.0, 0.0)


def _contacts(nonbonded: Any, scene: Scene, point: NDArray[np.int64], openmm: Any) -> Any:
    """Overlap of spheres: always with obstacles; between all atoms only where the parameter ``soft`` is one."""
    force = openmm.CustomNonbondedForce(
        "0.5*stiffness*max(0, reach-r)^2;"
        f"stiffness=max({_OBSTACLE_STIFFNESS}*(obstacle1+obstacle2-2*obstacle1*obstacle2), {_STIFFNESS}*soft);"
        f"reach=radius1+radius2-{_OVERLAP}-{_BOUND_OVERLAP}*max(donor1*acceptor2, acceptor1*donor2)"
    )
    force.addGlobalParameter("soft", 0.0)
    for name in ("radius", "donor", "acceptor", "obstacle"):
        force.addPerParticleParameter(name)
    points = scene.points
    for index in point.tolist():
        # metals bind without a contact
        radius = 0.0 if points.ignored[index] else 0.1 * float(points.radius[index])
        roles = float(points.donor[index]), float(points.acceptor[index]), float(not scene.template[index])
        force.addParticle([radius, *roles])
    for index in range(nonbonded.getNumExceptions()):
        a, b, *_ = nonbonded.getExceptionParameters(index)
        force.addExclusion(a, b)
    force.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffNonPeriodic)
    force.setCutoffDistance(_CONTACT_CUTOFF)
    force.setForceGroup(CONTACTS)
    return force


def _guides(
    scene: Scene, point: NDArray[np.int64], tether: Tether, field: MapField | None, weight: float, openmm: Any
) -> list[Any]:
    """Map for the heavy atoms that move in it, springs for all."""
    heavy = scene.mobile[point] & (scene.heavy[point] >= 0)
    xyz = scene.points.xyz[point]
    inside = heavy & (field.covers(xyz) if field is not None else False)
    guides = []
    if field is not None and inside.any():
        particles = np.flatnonzero(inside)
        symbols = scene.region.atoms.elements[scene.heavy[point[particles]]]
        numbers = np.array([openmm.app.Element.getBySymbol(str(s).capitalize()).atomic_number for s in symbols])
        guides.append(map_force(field, particles, numbers, weight))
    springs = openmm.CustomExternalForce("0.5*strength*((x-x0)^2+(y-y0)^2+(z-z0)^2)")
    for name in ("strength", "x0", "y0", "z0"):
        springs.addPerParticleParameter(name)
    owner = scene.rows[scene.points.residue[point]]
    strength = np.where(inside, tether.in_map, tether.strength[owner])
    for particle in np.flatnonzero(heavy).tolist():
        springs.addParticle(particle, [float(strength[particle]), *(xyz[particle] / 10.0).tolist()])
    if field is not None:
        backbone = heavy & np.isin(scene.points.names[point], BACKBONE) & tether.leashed[owner]
        shown = np.flatnonzero(backbone)[field.shows(xyz[backbone])]
        guides.append(_leashes(shown, xyz[shown] / 10.0, openmm))
    return [*guides, springs, _metal_springs(scene, point, openmm)]


def _leashes(particles: NDArray[np.int64], start: NDArray[np.float64], openmm: Any) -> Any:
    """Nothing up to a length of way, then like a spring and ever firmer: smooth, and without a root at the start."""
    force = openmm.CustomExternalForce(
        f"{_LEASH_STIFFNESS / (8 * _LEASH**2)}*max(0, (x-x0)^2+(y-y0)^2+(z-z0)^2-{_LEASH**2})^2"
    )
    for name in ("x0", "y0", "z0"):
        force.addPerParticleParameter(name)
    for particle, place in zip(particles.tolist(), start.tolist(), strict=True):
        force.addParticle(particle, place)
    return force


def _metal_springs(scene: Scene, point: NDArray[np.int64], openmm: Any) -> Any:
    springs = openmm.HarmonicBondForce()
    number = {int(atom): particle for particle, atom in enumerate(scene.heavy[point].tolist()) if atom >= 0}
    for atom, metal in scene.region.metal_bonds.tolist():
        if atom in number and metal in number and scene.mobile[point[number[atom]]]:
            length = float(np.linalg.norm(scene.region.atoms.xyz[atom] - scene.region.atoms.xyz[metal])) / 10.0
            springs.addBond(number[atom], number[metal], length, _METAL_STIFFNESS)
    return springs
