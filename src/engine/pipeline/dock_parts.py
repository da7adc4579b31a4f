"""What of models moves as one body: chains, their domains, and what belongs to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..fitting.body import Atoms
from ..fitting.placement import Place
from ..predictions.aligned_error import AlignedError
from ..predictions.domains import SHORTEST_DOMAIN, domains_by_contacts, domains_by_error
from ..structure.observed import ObservedChain, observe_chains
from ..validation.superpose import kabsch

__all__ = ["ModelChain", "Part", "Residue", "domain_parts", "errors_of_chains", "follow", "joined", "moved", "onto"]

Residue = tuple[int, int, int]
"""Indices of model, chain and residue."""

_SAME_SHAPE = 1.0
"""CA RMSD in angstrom of chains that are copies of one body: twice what a search leaves open."""


@dataclass(frozen=True, eq=False)
class Part:
    """Residues that move together.

    Attributes
    ----------
    name : str
    rows : tuple of Residue
        Its protein residues.
    codes : str
        One letter for each.
    ca : ndarray, shape (n, 3)
        Their CA atoms in angstrom, NaN where one is absent.
    atoms : Atoms
        Heavy atoms, one conformer of each residue, weighted by atomic number.
    """

    name: str
    rows: tuple[Residue, ...]
    codes: str
    ca: NDArray[np.float64]
    atoms: Atoms

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class ModelChain:
    """A protein chain of a model.

    Attributes
    ----------
    number : int
        Of its model.
    structure : gemmi.Structure
    observed : ObservedChain
    label : str
        What its model is called; empty for the only one.
    """

    number: int
    structure: gemmi.Structure
    observed: ObservedChain
    label: str = ""

    def __len__(self) -> int:
        return len(self.observed)

    @classmethod
    def of(cls, structures: Sequence[gemmi.Structure], labels: Sequence[str] = ()) -> list[ModelChain]:
        """Protein chains of the first model of each structure."""
        return [
            cls(number, structure, chain, labels[number] if labels else "")
            for number, structure in enumerate(structures)
            for chain in observe_chains(structure)
        ]

    @property
    def name(self) -> str:
        """Such as ``A``, or ``#3/A``."""
        return f"{self.label}/{self.observed.chain_id}" if self.label else self.observed.chain_id

    @property
    def rows(self) -> list[Residue]:
        """Its residues."""
        return [(self.number, *source.place) for source in self.observed.sources]

    @cached_property
    def part(self) -> Part:
        """All of it."""
        return self.some(self.name if self.label else f"chain {self.name}", np.arange(len(self)))

    def some(self, name: str, rows: NDArray[np.int64]) -> Part:
        """Some of its residues."""
        chosen = self.rows
        residues = tuple(chosen[row] for row in rows)
        codes = "".join(self.observed.codes[row] for row in rows)
        return Part(name, residues, codes, self.observed.xyz[rows, 1], _atoms(self.structure[0], residues))


def joined(chains: Sequence[ModelChain]) -> Part:
    """Several chains as one body."""
    if len(chains) == 1:
        return chains[0].part
    parts = [chain.part for chain in chains]
    labels = dict.fromkeys(chain.label for chain in chains)
    name = ", ".join(labels) if any(labels) else "chains " + ", ".join(chain.name for chain in chains)
    return Part(
        name,
        tuple(row for part in parts for row in part.rows),
        "".join(part.codes for part in parts),
        np.concatenate([part.ca for part in parts]),
        Atoms(
            np.concatenate([part.atoms.xyz for part in parts]), np.concatenate([part.atoms.weight for part in parts])
        ),
    )


def domain_parts(chain: ModelChain, error: NDArray[np.float32] | None) -> list[Part]:
    """Domains of a chain, the largest first; none if it is one.

    Parameters
    ----------
    chain : ModelChain
    error : ndarray, shape (n, n), or None
        Predicted aligned errors between its residues in angstrom; contacts tell domains without.
    """
    domain = domains_by_contacts(chain.observed.xyz[:, 1]) if error is None else domains_by_error(error)
    if domain.max() < 1:
        return []
    members = [np.flatnonzero(domain == number) for number in range(int(domain.max()) + 1)]
    return [chain.some(f"{chain.name} {_stretches(chain.observed, rows)}", rows) for rows in members]


def errors_of_chains(chains: Sequence[ModelChain], error: AlignedError) -> list[NDArray[np.float32]]:
    """Aligned errors within each chain; the file is for all of them together.

    Raises
    ------
    InputError
        If it is of another model.
    """
    values = error.of([(chain.observed.chain_id, number) for chain in chains for number, _ in chain.observed.numbers])
    ends = np.cumsum([len(chain) for chain in chains]).tolist()
    return [values[e - len(chain) : e, e - len(chain) : e] for chain, e in zip(chains, ends, strict=True)]


def onto(copy: Part, part: Part) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Rotation and shift that lay a part upon another that is the same body; None if it is not."""
    if copy.codes != part.codes:
        return None
    both = np.isfinite(copy.ca).all(1) & np.isfinite(part.ca).all(1)
    if both.sum() < SHORTEST_DOMAIN:
        return None
    motion = kabsch(copy.ca[both], part.ca[both])
    apart = np.square(motion.apply(copy.ca[both]) - part.ca[both]).sum(-1).mean() ** 0.5
    return (motion.rotation, motion.translation) if apart < _SAME_SHAPE else None


def follow(structures: Sequence[gemmi.Structure], motion: Mapping[Residue, int]) -> dict[Residue, int]:
    """Motion of every residue, from those of the protein.

    Ligands and waters go with the protein residue of their model nearest to them; strands of nucleic acid, peptides
    that are too short to be docked, and glycans stay in one piece and go where most of them would. Further residue
    types of a protein chain, and residues of it that are no amino acid, go with the nearest of that chain. What is in
    a model without protein goes with what is nearest in all models: such a model was put beside them by hand.
    """
    trees = _Trees(structures, motion)
    complete = dict(motion)
    for number, structure in enumerate(structures):
        for group in _groups(structure[0], number, motion):
            votes = Counter(trees.nearest(row, _is_polymer(structure[0], row)) for row in group)
            complete |= dict.fromkeys(group, votes.most_common(1)[0][0])
    return complete


class _Trees:
    """Protein residues by place: of a chain, of a model, or of all models."""

    def __init__(self, structures: Sequence[gemmi.Structure], motion: Mapping[Residue, int]) -> None:
        self._structures, self._motion = structures, motion
        self._members: dict[tuple[int, ...], list[Residue]] = {}
        for row in motion:
            for key in (row[:2], row[:1], ()):
                self._members.setdefault(key, []).append(row)
        self._trees: dict[tuple[int, ...], cKDTree] = {}

    def nearest(self, row: Residue, in_chain: bool) -> int:
        """Motion of the protein residue nearest to another one, of its chain or its model as far as they have any."""
        key = next(key for key in (row[:2] if in_chain else row[:1], row[:1], ()) if key in self._members)
        if key not in self._trees:
            self._trees[key] = cKDTree(np.array([self._centre(member) for member in self._members[key]]))
        return self._motion[self._members[key][int(self._trees[key].query(self._centre(row))[1])]]

    def _centre(self, row: Residue) -> NDArray[np.float64]:
        number, c, r = row
        return np.asarray(np.mean([atom.pos.tolist() for atom in self._structures[number][0][c][r]], axis=0))


def _groups(model: gemmi.Model, number: int, done: Mapping[Residue, int]) -> Iterator[list[Residue]]:
    """Residues beside the protein: in pieces that stay together."""
    protein = {row[1] for row in done if row[0] == number}
    pieces: dict[object, list[Residue]] = {}
    for c, chain in enumerate(model):
        for r, residue in enumerate(chain):
            row = (number, c, r)
            if row not in done and len(residue):
                branched = residue.entity_type == gemmi.EntityType.Branched
                together = branched or (_is_polymer(model, row) and c not in protein)
                pieces.setdefault((c, residue.subchain) if together else row, []).append(row)
    yield from pieces.values()


def _is_polymer(model: gemmi.Model, row: Residue) -> bool:
    return bool(model[row[1]][row[2]].entity_type == gemmi.EntityType.Polymer)


def moved(
    structures: Sequence[gemmi.Structure], motion: Mapping[Residue, int], places: Sequence[Place]
) -> list[gemmi.Structure]:
    """Copies of structures with each residue moved by the place of that number; those of number 0 stay."""
    results = [structure.clone() for structure in structures]
    for (number, c, r), which in motion.items():
        if which:
            _apply(results[number][0][c][r], places[which])
    return results


def _atoms(model: gemmi.Model, rows: Sequence[Residue]) -> Atoms:
    xyz: list[list[float]] = []
    weight: list[float] = []
    for _, chain, residue in dict.fromkeys(rows):
        for atom in model[chain][residue].first_conformer():
            if not atom.is_hydrogen():
                xyz.append(atom.pos.tolist())
                weight.append(atom.element.atomic_number)
    return Atoms(np.array(xyz), np.array(weight, dtype=float))


def _stretches(chain: ObservedChain, rows: NDArray[np.int64]) -> str:
    """Residue numbers of a domain, such as ``1 to 145, 335 to 397``."""
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    names = ["".join(map(str, number)) for number in chain.numbers]
    return ", ".join(f"{names[run[0]]} to {names[run[-1]]}" for run in runs)


def _apply(residue: gemmi.Residue, place: Place) -> None:
    """Move atoms, and turn their anisotropic B-factors along."""
    turn = gemmi.Mat33(place.rotation.tolist())
    motion = gemmi.Transform(turn, gemmi.Vec3(*place.shift.tolist()))
    for atom in residue:
        atom.pos = gemmi.Position(motion.apply(atom.pos))
        if atom.aniso.nonzero():
            atom.aniso = gemmi.SMat33f(*atom.aniso.transformed_by(turn).elements_pdb())
