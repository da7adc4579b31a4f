"""Scenes from atomic models: backbones or CA traces, side chains that are there, and all else as obstacles.

- `scene_of_model` makes a `ModelScene` of the first model of a structure; ``.scene`` is what the networks take.
- `atom14_of` reads one residue; `residue_type` names its row in the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..structure.atom_aliases import standard_name
from ..structure.force_field_names import force_field_parent
from ..structure.observed import ObservedChain, Source, observe_chains, preferred_altloc
from ..structure.polymer import AMINO_ACIDS
from .geometry_table import geometry_table
from .scene import Scene
from .templates import BACKBONE, MSE, N_SLOTS, RESIDUE_NAMES, TEMPLATES, UNKNOWN_TYPE

__all__ = ["ModelScene", "atom14_atoms", "atom14_of", "is_standard", "residue_type", "scene_of_model"]

_FAR_STEP = 2
"""Least step of the numbering across a chain break: residues one apart count as bonded."""


@dataclass(frozen=True)
class ModelScene:
    """The first model of a structure as a side-chain model sees it.

    Attributes
    ----------
    scene : Scene
        One example of N residues: those with a CA, in file order; side chains in view and known where whole, or where
        the residue is none of the 20 amino acids nor MSE and so keeps what it has.
    sources : tuple of Source, length N
        Where each residue stands in the first model of the structure.
    labels : tuple of (str, int, str), length N
        Chain, number and insertion code.
    names : tuple of str, length N
        Residue names as the file has them.
    whole : ndarray of bool, shape (N,)
        Residues with all the side-chain atoms that their type has.
    obstacles : Tensor, shape (M, 3)
        Heavy atoms that are no atoms of the scene, in angstrom: ligands, nucleic acids, glycans, ions, what modified
        residues have beyond their parents, residues without CA. No waters: programs move those.
    obstacle_elements : tuple of str, length M
    obstacle_serials : tuple of int, length M
        Serial numbers of these atoms in the structure.
    """

    scene: Scene
    sources: tuple[Source, ...]
    labels: tuple[tuple[str, int, str], ...]
    names: tuple[str, ...]
    whole: NDArray[np.bool_]
    obstacles: Tensor
    obstacle_elements: tuple[str, ...]
    obstacle_serials: tuple[int, ...]


def residue_type(name: str, code: str) -> int:
    """Row of `RESIDUE_NAMES` for a residue name and its one-letter code, modified residues as their parent."""
    if name == RESIDUE_NAMES[MSE]:
        return MSE
    return AMINO_ACIDS.index(code) if code in AMINO_ACIDS else UNKNOWN_TYPE


def is_standard(name: str) -> bool:
    """Whether a residue is one of the 20 amino acids or MSE, under its own or a force field's name."""
    return (force_field_parent(name) or name) in TEMPLATES and name != RESIDUE_NAMES[UNKNOWN_TYPE]


def atom14_of(residue: gemmi.Residue, row: int) -> NDArray[np.float64]:
    """Heavy atoms of a residue in atom14 order, of its most occupied conformer.

    Parameters
    ----------
    residue : gemmi.Residue
    row : int
        Its type, as `residue_type` gives it.

    Returns
    -------
    ndarray, shape (14, 3)
        In angstrom, NaN where absent.
    """
    atoms = np.full((N_SLOTS, 3), np.nan)
    for slot, atom in atom14_atoms(residue, row).items():
        atoms[slot] = atom.pos.tolist()
    return atoms


def scene_of_model(
    structure: gemmi.Structure,
    rebuild: Callable[[int, tuple[str, int, str]], bool] = lambda row, label: False,
    observed: Sequence[ObservedChain] | None = None,
) -> ModelScene:
    """Scene of the first model of a structure.

    Parameters
    ----------
    structure : gemmi.Structure
        As `adp3d.structure.read.read_structure` returns it; not changed.
    rebuild : callable
        Whether the side chain of a residue counts as unknown although it is whole, by its row among the residues with
        a CA, and its label.
    observed : sequence of ObservedChain, optional
        What `observe_chains` says of the structure, if that is at hand.

    Returns
    -------
    ModelScene

    Raises
    ------
    ValueError
        If no residue has a CA.
    """
    model = structure[0]
    table = geometry_table()
    rows: list[tuple[NDArray[np.float64], int, int, int, bool]] = []
    sources: list[Source] = []
    labels: list[tuple[str, int, str]] = []
    taken: dict[tuple[int, int], set[str]] = {}
    for number, chain in enumerate(observe_chains(structure) if observed is None else observed):
        bonded = [False, *chain.bonded.tolist()]
        index = 0
        for i, source in enumerate(chain.sources):
            step = 1 if bonded[i] else max(_FAR_STEP, chain.numbers[i][0] - chain.numbers[i - 1][0] if i else 0)
            index += step
            if not np.isfinite(chain.xyz[i, 1]).all():
                continue
            residue = model[source.chain][source.residue]
            kind = residue_type(residue.name, chain.codes[i])
            found = atom14_atoms(residue, kind) if source.parts == 1 else {}
            own = np.full((N_SLOTS, 3), np.nan)
            for slot, atom in found.items():
                own[slot] = atom.pos.tolist()
            own[: len(BACKBONE)] = chain.xyz[i]
            names_here = taken.setdefault(source.place, set())
            names_here |= {atom.name for atom in found.values()} | {name + source.suffix for name in BACKBONE}
            rows.append((own, kind, number, index, is_standard(residue.name) and source.parts == 1))
            sources.append(source)
            labels.append((chain.chain_id, *chain.numbers[i]))
    if not rows:
        raise ValueError("no residue has a CA atom")
    atoms = torch.from_numpy(np.array([row[0] for row in rows]))
    there = atoms.isfinite().all(-1)
    aatype, chain_index, residue_index = (torch.tensor([row[k] for row in rows]) for k in (1, 2, 3))
    plain = torch.tensor([row[4] for row in rows])
    exists = table.exists[aatype]
    complete = (there[:, 4:] | ~exists).all(-1)
    again = torch.tensor([rebuild(i, label) for i, label in enumerate(labels)])
    whole_backbone = there[:, :4].all(-1)
    known = (complete & whole_backbone & ~again) | ~plain
    scene = Scene(
        atoms=atoms.nan_to_num(0.0).float()[None],
        has_backbone=whole_backbone[None],
        shown=(there[:, 4:] & exists & known[:, None])[None],
        known=known[None],
        aatype=aatype[None],
        chain_index=chain_index[None],
        residue_index=residue_index[None],
        present=torch.ones(1, len(rows), dtype=torch.bool),
    )
    obstacles = _obstacles(model, taken)
    place = torch.tensor([atom.pos.tolist() for atom in obstacles], dtype=torch.float32).reshape(-1, 3)
    elements = tuple(atom.element.name for atom in obstacles)
    serials = tuple(atom.serial for atom in obstacles)
    names = tuple(source.name for source in sources)
    return ModelScene(scene, tuple(sources), tuple(labels), names, complete.numpy(), place, elements, serials)


def atom14_atoms(residue: gemmi.Residue, row: int) -> dict[int, gemmi.Atom]:
    """Atom of each atom14 slot that is there, in the most occupied conformer; as `atom14_of`."""
    name = RESIDUE_NAMES[row]
    slots = {atom: slot for slot, atom in enumerate(TEMPLATES[name].names)}
    altloc = preferred_altloc(residue)
    found: dict[int, gemmi.Atom] = {}
    for atom in residue:
        slot = slots.get(standard_name(name, atom.name))
        if slot is None or (atom.has_altloc() and atom.altloc != altloc and slot in found):
            continue
        if slot not in found or atom.altloc == altloc or not found[slot].has_altloc():
            found[slot] = atom
    return found


def _obstacles(model: gemmi.Model, taken: Mapping[tuple[int, int], Collection[str]]) -> list[gemmi.Atom]:
    """Heavy atoms but those of the names that the scene has taken from each residue."""
    found: list[gemmi.Atom] = []
    for c, chain in enumerate(model):
        for r, residue in enumerate(chain):
            if residue.is_water():
                continue
            names, altloc = taken.get((c, r), ()), preferred_altloc(residue)
            for atom in residue:
                other = atom.has_altloc() and atom.altloc != altloc
                if not (atom.is_hydrogen() or other or atom.name in names):
                    found.append(atom)
    return found
