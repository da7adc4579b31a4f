"""What a backmapping keeps and builds: found once from the first frame, followed for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.errors import InputError
from ..sidechain.build import terminal_oxygen
from ..sidechain.contacts import Obstacles
from ..sidechain.scene import Scene
from ..sidechain.scene_of_model import ModelScene, atom14_atoms, is_standard, scene_of_model
from ..sidechain.templates import BACKBONE, N_SLOTS, RESIDUE_NAMES, TEMPLATES, UNKNOWN_TYPE, ResidueTemplate
from ..structure.atom_aliases import standard_name
from ..structure.coarse_grained import Beads, ca_of_beads
from ..structure.missing_oxygen import place_missing_oxygen
from ..structure.residue_ranges import select_residues
from .backmap_types import ChainEnds

__all__ = ["BackmapPlan", "make_plan"]


@dataclass(frozen=True)
class BackmapPlan:
    """From the atoms of a frame to what the model sees, and from its samples to the atoms that are written.

    Attributes
    ----------
    found : ModelScene
        Of the first frame; its scene says what is known.
    index : ndarray of int64, shape (N, 14)
        Row of each atom14 slot among the atoms of a frame, -1 where absent.
    beads : Beads or None
        Backbone beads whose places CA have to be found from.
    oxygens : ndarray of bool, shape (N,)
        Residues that lack O only, which follows from the others.
    obstacle_rows : ndarray of int64, shape (M,)
        Obstacles among the atoms of a frame.
    structure : gemmi.Structure
        What is written, one model; its coordinates mean nothing.
    source : ndarray of int64, shape (n,)
        Of each atom that is written: its row among the atoms of a frame, then among built ones (A + 14 i + slot), then
        among terminal oxygens (A + 14 N + i).
    side_chains, backbones : ndarray of bool, shape (N,)
        Residues that get a new side chain, and a new backbone.
    bare : tuple of str
        Residues of no known type, of which only the backbone is built.
    given_atoms : int
        Atoms A of a frame.
    """

    found: ModelScene
    index: NDArray[np.int64]
    beads: Beads | None
    oxygens: NDArray[np.bool_]
    obstacle_rows: NDArray[np.int64]
    structure: gemmi.Structure
    source: NDArray[np.int64]
    side_chains: NDArray[np.bool_]
    backbones: NDArray[np.bool_]
    bare: tuple[str, ...]
    given_atoms: int

    @property
    def built_atoms(self) -> int:
        """Atoms of each sample that are not given, terminal oxygens included; at least one."""
        return int((self.source >= self.given_atoms).sum())

    def given(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Atoms (A, 3) of a frame with CA in place of beads."""
        if self.beads is None:
            return xyz
        xyz = xyz.copy()
        xyz[self.beads.rows] = ca_of_beads(xyz, self.beads)
        return xyz

    def atoms(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        """Atoms (N, 14, 3) of a frame as `given` gives it, zeros where absent."""
        return np.asarray(np.where(self.index[..., None] >= 0, given[self.index], 0.0))

    def scene(self, given: NDArray[np.float64]) -> tuple[Scene, NDArray[np.float64]]:
        """What the model sees of a frame, around the origin, and the centre (3,) in angstrom."""
        atoms = self.atoms(given)
        centre = atoms[:, 1].mean(0)
        if self.oxygens.any():
            atoms[:, 3] = np.where(
                self.oxygens[:, None], place_missing_oxygen(atoms, self.found.scene.bonded[0].numpy()), atoms[:, 3]
            )
        around = np.where((self.index >= 0)[..., None] | self.oxygens[:, None, None], atoms - centre, 0.0)
        return replace(self.found.scene, atoms=torch.from_numpy(around).float()[None]), centre

    def obstacles(self, given: NDArray[np.float64], centre: NDArray[np.float64]) -> Obstacles:
        """What is in the way in a frame, in the frame of its scene."""
        return Obstacles(given[self.obstacle_rows] - centre, self.found.obstacle_elements)

    def written(
        self, given: NDArray[np.float64], atoms: Tensor, centre: NDArray[np.float64]
    ) -> list[NDArray[np.float64]]:
        """Coordinates (n, 3) of the atoms that are written, for each of K samples (K, N, 14, 3) of a frame."""
        built = atoms.double().cpu()
        oxygen = terminal_oxygen(built[:, :, :4]).numpy() + centre
        placed = built.numpy() + centre
        k = len(placed)
        return [np.concatenate([given, placed[i].reshape(-1, 3), oxygen[i]])[self.source] for i in range(k)]


def make_plan(
    structure: gemmi.Structure,
    beads: Beads | None,
    given: NDArray[np.float64],
    ends: dict[str, ChainEnds],
    chains: tuple[str, ...] | None,
    rebuild: tuple[str, ...] | None,
) -> BackmapPlan:
    """Decide what is kept and what is built.

    Parameters
    ----------
    structure : gemmi.Structure
        One model; serial numbers of atoms are their rows in a frame.
    beads : Beads or None
        As `adp3d.structure.coarse_grained.take_beads` found them.
    given : ndarray, shape (A, 3)
        First frame, CA in place of beads.
    ends : mapping
        Of the chains, by their names.
    chains, rebuild : tuple of str or None
        As in the specification.

    Raises
    ------
    InputError
        If chains or residues are named that there are not, or nothing is to be built.
    """
    found = scene_of_model(structure)
    labels = found.labels
    wanted = _wanted(labels, chains)
    again = np.zeros(len(labels), bool)
    if rebuild is not None:
        again = select_residues(rebuild, labels)
        wanted &= again
    model = structure[0]
    residues = [model[source.chain][source.residue] for source in found.sources]
    types = found.scene.aatype[0].tolist()
    index = np.full((len(labels), N_SLOTS), -1, np.int64)
    for i, (residue, kind, source) in enumerate(zip(residues, types, found.sources, strict=True)):
        if source.parts == 1 and not source.suffix:
            for slot, atom in atom14_atoms(residue, kind).items():
                index[i, slot] = atom.serial
        else:
            for slot, name in enumerate(BACKBONE):
                if name + source.suffix in residue:
                    index[i, slot] = residue[name + source.suffix][0].serial
    trunk = (index[:, :3] >= 0).all(1)
    oxygens = trunk & (index[:, 3] < 0)
    plain = np.array([is_standard(residue.name) for residue in residues])
    known = (found.whole & trunk & ~again) | ~plain | ~wanted
    whole_scene = replace(
        found.scene,
        has_backbone=torch.from_numpy(trunk)[None],
        known=torch.from_numpy(known)[None],
        shown=torch.from_numpy(known[:, None] & (index[:, 4:] >= 0))[None],
    )
    found = replace(found, scene=whole_scene)
    side_chains = plain & wanted & ~known & np.array([len(TEMPLATES[RESIDUE_NAMES[t]].side_chain) > 0 for t in types])
    backbones = wanted & ~trunk
    count = len(given)
    bare: list[str] = []
    for i, residue in enumerate(residues):
        if backbones[i] and not plain[i]:
            # of a residue with other atoms nothing is known to be wrong
            backbones[i] = len(residue) == 1
            if backbones[i]:
                bare.append(f"{labels[i][0]} {labels[i][1]}{labels[i][2]} {residue.name}")
        if not (side_chains[i] or backbones[i] or (oxygens[i] and wanted[i])):
            continue
        anew = bool(side_chains[i] or backbones[i])
        template = TEMPLATES[RESIDUE_NAMES[types[i] if plain[i] else UNKNOWN_TYPE]]
        kept = {slot: row for slot, row in enumerate(index[i].tolist()) if row >= 0 and (slot < 4 or not anew)}
        if backbones[i]:
            kept = {slot: row for slot, row in kept.items() if slot == 1}
        made = {slot: count + N_SLOTS * i + slot for slot in range(len(template.names))}
        _fill(residue, template, made | kept, anew)
    for i in _last_residues(found):
        end = ends[labels[i][0]].true_end
        residue = residues[i]
        if wanted[i] and plain[i] and not _terminal_oxygens(residue) and (end or (end is None and backbones[i])):
            residue.add_atom(_atom("OXT", "O", count + N_SLOTS * len(labels) + i, residue["CA"][0]))
    rows = np.array([atom.serial for chain in model for residue in chain for atom in residue], np.int64)
    if (rows < count).all():
        raise InputError(
            "The model has all of its atoms, so that nothing is to be built; name residues under 'rebuild' to have "
            "their side chains drawn anew."
        )
    obstacle_rows = np.array(found.obstacle_serials, np.int64)
    return BackmapPlan(
        found, index, beads, oxygens, obstacle_rows, structure, rows, side_chains, backbones, tuple(bare), count
    )


def _wanted(labels: Sequence[tuple[str, int, str]], chains: tuple[str, ...] | None) -> NDArray[np.bool_]:
    """Residues of the chains to work on."""
    if chains is None:
        return np.ones(len(labels), bool)
    there = list(dict.fromkeys(chain for chain, _, _ in labels))
    for name in chains:
        if name not in there:
            raise InputError(f"'chains' names {name}, but the protein chains of the model are {', '.join(there)}.")
    return np.array([chain in chains for chain, _, _ in labels])


def _last_residues(found: ModelScene) -> list[int]:
    """Last residue of each chain, unless a peptide bond or a cap follows."""
    names = [chain for chain, _, _ in found.labels]
    last = [i for i, name in enumerate(names) if name not in names[i + 1 :]]
    return [i for i in last if found.sources[i].parts == 1]


def _fill(residue: gemmi.Residue, template: ResidueTemplate, rows: Mapping[int, int], anew: bool) -> None:
    """Give a residue the atoms of its template, those of its own as they are; ``anew`` drops all others.

    New atoms get the B-factor of CA.
    """
    own = {atom.serial: atom.clone() for atom in residue}
    centre = residue["CA"][0].clone()
    atoms = [
        own[rows[slot]] if rows[slot] in own else _atom(name, element, rows[slot], centre)
        for slot, (name, element) in enumerate(zip(template.names, template.elements, strict=True))
    ]
    if anew:
        end = [own[atom.serial] for atom in _terminal_oxygens(residue) if rows[2] in own]
        for atom in (*atoms, *end):
            # what is left is one conformer of several
            atom.altloc, atom.occ = "\0", 1.0
    else:
        chosen = {atom.serial for atom in atoms}
        end = [atom for atom in own.values() if atom.serial not in chosen]
    for k in reversed(range(len(residue))):
        del residue[k]
    for atom in (*atoms, *end):
        residue.add_atom(atom)


def _terminal_oxygens(residue: gemmi.Residue) -> list[gemmi.Atom]:
    """Second oxygens of a C terminus, under whatever name."""
    return [atom for atom in residue if standard_name(residue.name, atom.name) == "OXT"]


def _atom(name: str, element: str, serial: int, like: gemmi.Atom) -> gemmi.Atom:
    made = gemmi.Atom()
    made.name, made.element, made.serial = name, gemmi.Element(element), serial
    made.b_iso, made.occ, made.pos = like.b_iso, 1.0, like.pos
    return made
