"""A complex of copies of a small protein about an axis, with its simulated map."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np

from adp3d.contract.symmetry import parse_symmetry
from adp3d.density.map import DensityMap
from adp3d.density.write import write_map
from adp3d.placing.symmetric_model import with_copies
from adp3d.structure.read import read_structure
from adp3d.structure.symmetric_copies import Orbit
from adp3d.structure.symmetry import Symmetry, symmetry_of_symbol
from adp3d.validation.atoms import heavy_atoms
from adp3d.validation.map_correlation import model_density

CENTRE = (3.0, -2.0, 5.0)
AXIS = (0.2, 0.1, 1.0)


def assembled(path: Path, group: str, distance: float) -> tuple[gemmi.Structure, Symmetry]:
    """Copies of the chain of a file under a group about `AXIS` through `CENTRE`."""
    single = read_structure(path)
    symmetry = symmetry_of_symbol(parse_symmetry(group), AXIS, CENTRE)
    places = np.array([atom.atom.pos.tolist() for atom in single[0].all()])
    shift = np.array(CENTRE) + distance * np.array([1.0, 0.3, 0.0]) - places.mean(0)
    for atom in single[0].all():
        atom.atom.pos += gemmi.Position(*shift.tolist())
    chain = single[0][0].name
    made, _ = with_copies(single, [Orbit(chain, (chain, *[None] * (len(symmetry) - 1)))], symmetry)
    return made, symmetry


def simulated_map(structure: gemmi.Structure, path: Path, resolution: float = 3.0) -> DensityMap:
    """Its noise-free map, written to a file."""
    atoms = heavy_atoms(structure)
    low, high = atoms.xyz.min(0) - 8, atoms.xyz.max(0) + 8
    shape = tuple(int(n) for n in np.ceil((high - low) / 1.0) + 1)
    empty = DensityMap(np.zeros(shape, np.float32), low, np.eye(3))
    density = empty.with_values(model_density(empty, atoms, resolution, np.full(len(atoms), 40.0)))
    write_map(density, path)
    return density
