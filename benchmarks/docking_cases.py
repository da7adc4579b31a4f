"""Proteins and maps for docking: validation chains in simulated maps, and models of experimental maps moved away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from starting_models import smooth_field

from adp3d.contract.errors import InputError
from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.fitting.body import Atoms, Body
from adp3d.fitting.field import Field
from adp3d.fitting.pose import Poses, climb
from adp3d.pipeline.dock_parts import ModelChain
from adp3d.structure.read import read_structure
from adp3d.training.dataset import ELEMENTS, AtomCloud, load_chains
from adp3d.training.map_conditions import draw_conditions
from adp3d.training.simulated_map import simulate_map
from adp3d.training.surroundings import Scatterers, scatterers_of
from adp3d.validation.superpose import kabsch

__all__ = [
    "CASES",
    "Case",
    "Guest",
    "ca_positions",
    "calibration_chains",
    "moved_away",
    "read_case",
    "simulated",
    "true_places",
]

_ATOMIC_NUMBERS = {"C": 6.0, "N": 7.0, "O": 8.0, "S": 16.0}
_MARGIN = 25.0
"""Angstrom of a simulated map around its protein: room for wrong places, as maps of whole particles have."""
_SHORTEST, _LONGEST = 80, 400


@dataclass(frozen=True)
class Case:
    """A model for an experimental map.

    Attributes
    ----------
    name : str
        Folder below ``maps``.
    model : str
        File in that folder, or below the data folder for a protein that the map does not show.
    resolution : float
        In angstrom.
    truth : bool
        Whether the model lies right in the map.
    exact : bool
        Whether it does so exactly; otherwise the nearest best fit of each chain is the truth.
    present : bool
        Whether the map shows the protein.
    """

    name: str
    model: str
    resolution: float
    truth: bool = True
    exact: bool = True
    present: bool = True


CASES = (
    Case("emd-20026", "deposited.pdb", 1.75),
    Case("emd-30342", "deposited.cif", 3.9),
    Case("3j9s-a", "alphafold_docked.pdb", 2.6),
    Case("3isr-5A", "alphafold.pdb", 5.0, exact=False),
    Case("emd-2513", "alphafold_unplaced.pdb", 3.4, truth=False),
    Case("emd-20026", "maps/3j9s-a/alphafold_docked.pdb", 1.75, present=False),
    Case("3j9s-a", "maps/emd-20026/deposited.pdb", 2.6, present=False),
    Case("emd-30342", "targets/7pzt.cif", 3.9, present=False),
)
"""What is to be found, and three proteins that their maps do not show."""


@dataclass(frozen=True)
class Guest:
    """A chain of the validation split.

    Attributes
    ----------
    name : str
    scatterers : Scatterers
        What makes its map.
    atoms : Atoms
        The same as a body.
    ca : ndarray, shape (n, 3)
        Of its backbone, in angstrom.
    bend : float
        By how much ``atoms`` are bent, in angstrom.
    """

    name: str
    scatterers: Scatterers
    atoms: Atoms
    ca: NDArray[np.float64]
    bend: float = 0.0

    def bent(self, rms: float, seed: int) -> Atoms:
        """Its atoms moved by a smooth random field, as a whole where they were."""
        xyz = self.atoms.xyz + smooth_field(self.atoms.xyz, rms, np.random.default_rng(seed))
        motion = kabsch(xyz, self.atoms.xyz)
        return Atoms(motion.apply(xyz), self.atoms.weight)


def calibration_chains(data: Path, count: int, seed: int) -> list[Guest]:
    """Random chains of the validation split, 80 to 400 residues, with all their atoms, one of each entry.

    Raises
    ------
    InputError
        If there are fewer than ``count``.
    """
    rng = np.random.default_rng(seed)
    usable: dict[str, tuple[AtomCloud, NDArray[np.float64]]] = {}
    for chain in sorted(load_chains(data / "structures", "val"), key=lambda c: (c.entry, c.source)):
        if chain.atoms is not None and not chain.ca_only and _SHORTEST <= len(chain.xyz) <= _LONGEST:
            usable.setdefault(chain.entry.split("_")[0], (chain.atoms, chain.xyz[:, 1].astype(float)))
    if len(usable) < count:
        raise InputError(f"{data} has {len(usable)} usable validation chains, but {count} are needed.")
    names = [sorted(usable)[i] for i in rng.permutation(len(usable))[:count]]
    guests = []
    for name in names:
        cloud, ca = usable[name]
        weight = np.array([_ATOMIC_NUMBERS[ELEMENTS[e]] for e in cloud.element])
        guests.append(Guest(name, scatterers_of(cloud, rng), Atoms(cloud.xyz.astype(float), weight), ca))
    return guests


def simulated(guest: Guest, resolution: float, rng: np.random.Generator) -> DensityMap:
    """Map of a protein under random conditions: noise of 3 to 70 % of the signal, sharpening, masks, solvent."""
    conditions = draw_conditions(rng, resolution)
    xyz = guest.scatterers.xyz
    low, high = xyz.min(0) - _MARGIN, xyz.max(0) + _MARGIN
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    made = simulate_map(guest.scatterers, low, high, conditions, xyz, generator)
    return DensityMap(made.values.numpy().astype(np.float32), made.origin.astype(float), np.eye(3))


def moved_away(structure: gemmi.Structure, rng: np.random.Generator, together: bool) -> gemmi.Structure:
    """Copy of a structure, turned and shifted at random: all of it, or each chain in its own way."""
    away = structure.clone()
    motion: gemmi.Transform | None = None
    for chain in away[0]:
        if motion is None or not together:
            turn, shift = Rotation.random(rng=rng).as_matrix(), rng.normal(size=3) * 40
            motion = gemmi.Transform(gemmi.Mat33(turn.tolist()), gemmi.Vec3(*shift.tolist()))
        for residue in chain:
            for atom in residue:
                atom.pos = gemmi.Position(motion.apply(atom.pos))
    return away


def read_case(data: Path, case: Case) -> tuple[DensityMap, gemmi.Structure]:
    """Map and model of a case."""
    folder = data / "maps" / case.name
    return read_map(folder / "map.mrc"), read_structure(folder / case.model if case.present else data / case.model)


def true_places(density: DensityMap, structure: gemmi.Structure, case: Case) -> list[NDArray[np.float64]]:
    """CA atoms (n, 3) of each chain where it belongs: where the model has it, or at the best fit near that."""
    if case.exact:
        return list(ca_positions(structure))
    field = Field.of(density, case.resolution, case.resolution, case.resolution / 3)
    places = []
    for chain in ModelChain.of([structure]):
        body = Body.of(chain.part.atoms, case.resolution)
        centre = chain.part.atoms.centre
        start = Poses(torch.eye(3)[None], torch.as_tensor(centre, dtype=torch.float32)[None])
        poses, _ = climb(field, body, start, step=case.resolution / 6)
        turn, shift = poses.rotation[0].double().numpy(), poses.shift[0].double().numpy()
        places.append((chain.part.ca - centre) @ turn.T + shift)
    return places


def ca_positions(structure: gemmi.Structure) -> Iterator[NDArray[np.float64]]:
    """CA atoms (n, 3) of each chain of the first model that has any."""
    for chain in structure[0]:
        found = [r.find_atom("CA", "*", gemmi.Element("C")) for r in chain]
        places = [atom.pos.tolist() for atom in found if atom is not None]
        if places:
            yield np.array(places)
