"""Relaxation of a model: the parts of this room, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..density.map import DensityMap
from ..structure.residues import is_protein_residue
from ..validation.atoms import Atoms, heavy_atoms
from .forces import Tether, assemble
from .map_potential import MapField, map_field
from .minimise import descend
from .molecule import build_molecule, unfit
from .region import LeftOut, Region, State, plan_region
from .report import RelaxationReport
from .scene import Scene, dress
from .toolkit import load_openmm
from .write_back import moved_structure

__all__ = ["FIRM", "MAP_WEIGHT", "WEAK", "InMap", "relax"]

WEAK, FIRM = 200.0, 2000.0
"""kJ/mol/nm^2 of the springs on heavy atoms outside of a map, of residues that were built anew and of others: the force
that parts two atoms of a clash, some 10 kJ/mol/A, moves the former by 0.5 A and the latter by 0.05 A."""

MAP_WEIGHT, IN_MAP = 5.5, 2000.0
"""kJ/mol of a carbon atom per standard deviation of the map and A of its resolution, and kJ/mol/nm^2 of the springs
beside it. The slopes of a map fall as its resolution does: with the same weight at all resolutions, EMD-30342 (3.9 A)
held its atoms half as firmly as EMD-20026 (1.75 A), and the force field had its way (deposited model: CC_mask 0.802,
0.795 relaxed with weight 10, 0.806 with 20; Q-score 0.457, 0.438, 0.452; favoured 93.3 %, 94.6 %, 93.1 %). At 1.75 A,
10 is the smallest weight with which neither correlation nor Q-score of the deposited model falls; twice as much costs a
third of the quality of the bonds. Springs of 1,000 let go of contacts that the map cannot hold at 3.9 A, those of 4,000
leave clashes (2.1; 1.8 with 2,000)."""


@dataclass(frozen=True)
class InMap:
    """A map that pulls, its resolution in A, and how much for each A of it (see `adp3d.relax.map_potential`)."""

    density: DensityMap
    resolution: float
    weight: float = MAP_WEIGHT


def relax(
    structure: gemmi.Structure,
    mobile: NDArray[np.bool_],
    in_map: InMap | None = None,
    rebuilt: NDArray[np.bool_] | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[gemmi.Structure, RelaxationReport]:
    """Bring residues of a model to the nearest minimum of a force field, with all else in its place.

    Parameters
    ----------
    structure : gemmi.Structure
        As `adp3d.structure.read.read_structure` returns it; not changed.
    mobile : ndarray of bool, shape (R,)
        Which of all residues of the first model, in file order, may move. What is no protein stays in any case, as do
        residues that the force field does not know; all of these are obstacles.
    in_map : InMap, optional
        Holds the atoms that lie in it; the others, or all without a map, are held by springs to where they are.
    rebuilt : ndarray of bool, shape (R,), optional
        Mobile residues whose springs are weak; all by default. The backbones of others do not leave the density that
        they lie in.
    told : callable
        Receives how many of how many iterations are done at most; what it raises ends the relaxation.

    Returns
    -------
    structure : gemmi.Structure
        A copy; atoms that did not move are bit by bit where they were.
    report : RelaxationReport

    Raises
    ------
    InputError
        If OpenMM is missing, or no residue can move.
    """
    openmm = load_openmm()
    begun = time.monotonic()
    atoms = heavy_atoms(structure).with_standard_names()
    places, single = _places(structure, atoms)
    region = plan_region(atoms, np.asarray(mobile, bool)[places], single)
    region, scene = _complete(region)
    if not region.mobile.any():
        raise InputError(_nothing(region))
    weak = region.mobile if rebuilt is None else np.asarray(rebuilt, bool)[places]
    tether = Tether(np.where(weak, WEAK, FIRM), IN_MAP, ~weak)
    molecule = build_molecule(scene, openmm)
    assembly = assemble(scene, molecule, tether, _field(scene, in_map), _pull(in_map), openmm)
    descent = descend(assembly, scene.points.xyz[assembly.point], openmm, told)
    xyz = scene.points.xyz.copy()
    xyz[assembly.point] = descent.xyz
    heavy = scene.mobile & (scene.heavy >= 0)
    way = np.linalg.norm(xyz[heavy] - scene.points.xyz[heavy], axis=-1)
    report = RelaxationReport(
        residues=int(region.mobile.sum()),
        left_out=region.left_out,
        largest_move=float(way.max()),
        rms_move=float(np.sqrt((way**2).mean())),
        energy_before=descent.before,
        energy_after=descent.after,
        in_map=in_map is not None,
        steps=descent.steps,
        seconds=time.monotonic() - begun,
    )
    return moved_structure(structure, places, scene, xyz), report


def _complete(region: Region) -> tuple[Region, Scene]:
    """Scene in which every residue with parameters has all its hydrogens; where one has not, less of it is known.

    That is so where something that is no amino acid is bonded in a hydrogen's place.
    """
    while True:
        scene = dress(region)
        lacking = unfit(scene)
        if not lacking:
            return region, scene
        region = _less_known(region, lacking)


def _less_known(region: Region, rows: list[int]) -> Region:
    """Region in which residues are held as alanine, then as glycine, then not at all but in the way."""
    by_name = region.atoms.by_name()
    template, state = list(region.template), region.state.copy()
    stay = dict.fromkeys(rows, "has no room for its hydrogens")
    for row in rows:
        smaller = {"GLY": "", "ALA": "GLY"}.get(template[row], "ALA" if "CB" in by_name[row] else "GLY")
        template[row] = smaller
        state[row] = min(state[row], State.HELD if smaller else State.OBSTACLE)
        if not smaller:
            for pair in region.peptides[(region.peptides == row).any(1)].tolist():
                (other,) = set(pair) - {row}
                stay.setdefault(other, f"is bonded to {region.atoms.residues[row]}")
    names = {one.residue for one in region.left_out}
    left_out = list(region.left_out)
    for row, reason in stay.items():
        was_mobile = region.state[row] == State.MOBILE
        state[row] = min(state[row], State.HELD)
        if was_mobile and str(region.atoms.residues[row]) not in names:
            left_out.append(LeftOut(str(region.atoms.residues[row]), reason))
    return replace(region, template=tuple(template), state=state, left_out=tuple(left_out))


def _pull(in_map: InMap | None) -> float:
    """kJ/mol of a carbon atom per standard deviation of the map."""
    return 0.0 if in_map is None else in_map.weight * in_map.resolution


def _field(scene: Scene, in_map: InMap | None) -> MapField | None:
    if in_map is None:
        return None
    moving = scene.points.xyz[scene.mobile & (scene.heavy >= 0)]
    return map_field(in_map.density, in_map.resolution, scene.region.atoms.xyz, moving)


def _nothing(region: Region) -> str:
    if not region.left_out:
        return "There is nothing to relax: none of the residues chosen is protein."
    first = region.left_out[0]
    return f"Nothing can be relaxed: none of the residues chosen can move; {first.residue}, for one, {first.reason}."


def _places(structure: gemmi.Structure, atoms: Atoms) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Number of each residue among those of the first model, and whether it is there in one conformer only."""
    numbers: dict[tuple[str, str, str], list[int]] = {}
    at: dict[tuple[str, str], int] = {}
    plain = []
    for number, (chain, residue) in enumerate((c, r) for c in structure[0] for r in c):
        numbers.setdefault((chain.name, str(residue.seqid), residue.name), []).append(number)
        if is_protein_residue(residue):  # waters and ligands may have the numbers of residues of the protein
            at[chain.name, str(residue.seqid)] = at.get((chain.name, str(residue.seqid)), 0) + 1
        names = [atom.name for atom in residue]
        plain.append(len(set(names)) == len(names) and not any(atom.has_altloc() for atom in residue))
    places, single = [], []
    for named in atoms.residues:
        found = numbers[named.chain, named.number, named.name]
        places.append(found.pop(0) if len(found) > 1 else found[0])
        single.append(plain[places[-1]] and at.get((named.chain, named.number), 0) <= 1)
    return np.array(places, np.int64), np.array(single, bool)
