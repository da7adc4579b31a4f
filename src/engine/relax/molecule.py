"""The atoms of a scene that have parameters, as a molecule of OpenMM: topology, and a template for each residue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..validation.amino_acids import HYDROGENS, SIDE_CHAIN_BONDS
from .region import Region
from .scene import Scene

__all__ = ["Molecule", "build_molecule", "unfit"]

_BACKBONE_BONDS = (("N", "CA"), ("CA", "C"), ("C", "O"), ("C", "OXT"))
_RING_STATES = {("HD1",): "HID", ("HE2",): "HIE", ("HD1", "HE2"): "HIP"}
"""What the force field calls histidines by the hydrogens of their nitrogens."""


@dataclass(frozen=True)
class Molecule:
    """The topology and what its M atoms are.

    Parameters
    ----------
    topology : openmm.app.Topology
        A chain for each stretch of bonded residues.
    point : ndarray of int64, shape (M,)
        Each atom's index in the scene.
    templates : dict
        Name of the force field's template for each of the topology's residues.
    """

    topology: Any
    point: NDArray[np.int64]
    templates: dict[Any, str]


def build_molecule(scene: Scene, openmm: Any) -> Molecule:
    """Put the held and mobile residues of a scene together.

    Ends of the protein are charged; at a break, N keeps one hydrogen and C its oxygen, as inside of a chain.
    """
    topology = openmm.app.Topology()
    region = scene.region
    linked = {int(b) for a, b in region.peptides if region.template[a] and region.template[b]}
    made: dict[int, dict[str, Any]] = {}
    templates: dict[Any, str] = {}
    order: list[int] = []
    chain = None
    for row, names in _residues(scene):
        if chain is None or row not in linked:
            chain = topology.addChain()
        residue = topology.addResidue(region.template[row], chain)
        made[row] = {}
        for name, point in names.items():
            symbol = "H" if scene.points.hydrogen[point] else str(region.atoms.elements[scene.heavy[point]])
            element = openmm.app.Element.getBySymbol(symbol.capitalize())
            made[row][name] = topology.addAtom(name, element, residue)
            order.append(point)
        for a, b in (*_BACKBONE_BONDS, *SIDE_CHAIN_BONDS[region.template[row]]):
            if a in names and b in names:
                topology.addBond(made[row][a], made[row][b])
        if row in linked:
            topology.addBond(made[row - 1]["C"], made[row]["N"])
        templates[residue] = _template_name(region, row, names)
    for a, b in region.disulphides.tolist():
        # a residue without room for its hydrogens has no side chain here
        if "SG" in made.get(a, {}) and "SG" in made.get(b, {}):
            topology.addBond(made[a]["SG"], made[b]["SG"])
    atoms = list(topology.atoms())
    number = {point: atom for point, atom in zip(order, atoms, strict=True)}
    for parent, own in scene.points.bonds.tolist():
        if scene.points.hydrogen[own] and own in number and parent in number:
            topology.addBond(number[parent], number[own])
    return Molecule(topology, np.array(order, np.int64), templates)


def unfit(scene: Scene) -> list[int]:
    """Rows of residues whose hydrogens are not those of any template: some could not be placed."""
    found = []
    for row, names in _residues(scene):
        kind = scene.region.template[row]
        placed = {name for name, point in names.items() if scene.points.hydrogen[point]}
        usual = {name for own in HYDROGENS[kind].values() for name in own}
        nitrogen = {"H1", "H2", "H3"} if scene.region.first[row] else {"H"}
        if kind == "PRO":
            nitrogen &= {"H2", "H3"}
        allowed = [usual | nitrogen]
        if kind == "HIS":
            allowed = [(usual - {"HD1", "HE2"}) | set(state) | nitrogen for state in _RING_STATES]
        elif kind == "CYS" and row in scene.region.disulphides:
            allowed = [(usual - {"HG"}) | nitrogen]
        if placed not in allowed:
            found.append(row)
    return found


def _residues(scene: Scene) -> list[tuple[int, dict[str, int]]]:
    """Residues with parameters in the order of the model: their row, and their atoms by name."""
    found: dict[int, dict[str, int]] = {}
    owner = scene.rows[scene.points.residue]
    for point in np.flatnonzero(scene.template).tolist():
        found.setdefault(int(owner[point]), {})[str(scene.points.names[point])] = point
    return sorted(found.items())


def _template_name(region: Region, row: int, names: dict[str, int]) -> str:
    kind = region.template[row]
    if kind == "HIS":
        kind = _RING_STATES[tuple(name for name in ("HD1", "HE2") if name in names)]
    elif kind == "CYS" and row in region.disulphides:
        kind = "CYX"
    return ("N" if region.first[row] else "C" if region.last[row] else "") + kind
