"""The heavy atoms of a model as flat arrays, one conformer of each residue, and who is bonded to whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..structure.atom_aliases import standard_name, standard_names
from ..structure.force_field_names import force_field_parent
from ..structure.residues import is_protein_residue, modified_parents, one_letter
from .amino_acids import SIDE_CHAIN_BONDS

__all__ = ["Atoms", "ResidueName", "bonds_of", "heavy_atoms"]

PEPTIDE_BOND_MAX = 2.0
"""A; an ideal bond between residues has 1.33, and what is not bonded is farther than 2.4."""

DISULFIDE_MAX = 2.5
"""A; an ideal one has 2.03."""

BOND_SLACK = 0.4
"""A by which a bond may exceed the sum of the covalent radii where no table knows it, as in the chemical components'
own rule."""

_BACKBONE_BONDS = (("N", "CA"), ("CA", "C"), ("C", "O"), ("C", "OXT"))


@dataclass(frozen=True)
class ResidueName:
    """A residue as the user knows it.

    Parameters
    ----------
    chain : str
    number : str
        With the insertion code, such as ``52B``.
    name : str
    kind : str
        Name under which the tables of amino acids have it: HIS for HIE and the like of force fields, else `name`.
    letter : str
        One-letter code, ``X`` for what is no amino acid.
    protein, water : bool
    """

    chain: str
    number: str
    name: str
    kind: str
    letter: str
    protein: bool
    water: bool

    def __str__(self) -> str:
        return f"{self.chain} {self.number} {self.name}"


@dataclass(frozen=True)
class Atoms:
    """A heavy atoms of R residues.

    Parameters
    ----------
    xyz : ndarray, shape (A, 3)
        A.
    names, elements : ndarray of str, shape (A,)
        Elements in capitals.
    residue : ndarray of int64, shape (A,)
        Index of the residue, rising.
    b_iso, occupancy : ndarray, shape (A,)
        A^2, and 0 to 1.
    residues : tuple of ResidueName
        R of them, in file order.
    first : ndarray of bool, shape (R,)
        Whether a residue is the first of the protein residues of its chain.
    connections : tuple of (int, int)
        Pairs of atoms that the file says are bonded between residues.
    """

    xyz: NDArray[np.float64]
    names: NDArray[np.str_]
    elements: NDArray[np.str_]
    residue: NDArray[np.int64]
    b_iso: NDArray[np.float64]
    occupancy: NDArray[np.float64]
    residues: tuple[ResidueName, ...]
    first: NDArray[np.bool_]
    connections: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.xyz)

    def by_name(self) -> list[dict[str, int]]:
        """Index of each atom by its name, for each residue."""
        table: list[dict[str, int]] = [{} for _ in self.residues]
        for index, (residue, name) in enumerate(zip(self.residue.tolist(), self.names.tolist(), strict=True)):
            table[residue][name] = index
        return table

    def by_standard_name(self) -> list[dict[str, int]]:
        """As `by_name`, under the names of the chemical components where files of force fields have others."""
        return [
            {standard_name(residue.kind, name): index for name, index in reversed(names.items())}
            for residue, names in zip(self.residues, self.by_name(), strict=True)
        ]

    def with_standard_names(self) -> Atoms:
        """The same atoms under the names of the chemical components, where those of a residue still differ."""
        names = self.names.tolist()
        for residue, own in zip(self.residues, self.by_name(), strict=True):
            for name, standard in standard_names(residue.kind, own).items():
                names[own[name]] = standard
        return replace(self, names=np.array(names, dtype=np.str_))


def heavy_atoms(structure: gemmi.Structure) -> Atoms:
    """Atoms of the first model of a structure but hydrogens, each residue in its most occupied conformer.

    Of several residue types at one position the most occupied one counts, too. Atoms of zero occupancy are there like
    the others: programs write them for what they have built but not seen.

    Parameters
    ----------
    structure : gemmi.Structure
        As `adp3d.structure.read.read_structure` returns it.
    """
    rows: list[tuple[float, float, float, str, str, int, float, float]] = []
    residues: list[ResidueName] = []
    first: list[bool] = []
    places: dict[tuple[str, str, str], int] = {}
    parents = modified_parents(structure)
    for chain in structure[0]:
        begun = False
        for residue in _chosen_residues(chain):
            info = gemmi.find_tabulated_residue(residue.name)
            protein = is_protein_residue(residue)
            letter = one_letter(residue.name, parents) if protein else "X"
            water = info.is_water()
            kind = force_field_parent(residue.name) if protein else None
            number = str(residue.seqid)
            residues.append(ResidueName(chain.name, number, residue.name, kind or residue.name, letter, protein, water))
            first.append(protein and not begun)
            begun |= protein
            for atom in _chosen_atoms(residue):
                places[(chain.name, str(residue.seqid), atom.name)] = len(rows)
                x, y, z = atom.pos.tolist()
                element = atom.element.name.upper()
                rows.append((x, y, z, atom.name, element, len(residues) - 1, atom.b_iso, atom.occ))
    numbers = np.array([(*row[:3], *row[6:]) for row in rows], np.float64).reshape(-1, 5)
    return Atoms(
        xyz=numbers[:, :3].copy(),
        names=np.array([row[3] for row in rows], dtype=np.str_),
        elements=np.array([row[4] for row in rows], dtype=np.str_),
        residue=np.array([row[5] for row in rows], dtype=np.int64),
        b_iso=numbers[:, 3].copy(),
        occupancy=numbers[:, 4].copy(),
        residues=tuple(residues),
        first=np.array(first, dtype=bool),
        connections=tuple(_connections(structure, places)),
    )


def bonds_of(atoms: Atoms) -> NDArray[np.int64]:
    """Covalent bonds as pairs of atoms; shape (B, 2), first index smaller, each once.

    Standard amino acids have those of their tables, so that two atoms that are too close are a clash and no bond; other
    residues have those that distances and covalent radii suggest. Residues are bonded by peptides, the links of nucleic
    acids, disulfides and what the file says, and where one of them is neither standard nor water, by distance.
    """
    found: list[tuple[int, int]] = list(atoms.connections)
    by_name = atoms.by_standard_name()
    odd = np.zeros(len(atoms.residues), bool)
    for index, (residue, names) in enumerate(zip(atoms.residues, by_name, strict=True)):
        table = SIDE_CHAIN_BONDS.get(residue.kind) if residue.protein else None
        odd[index] = table is None and not residue.water
        for a, b in (*(_BACKBONE_BONDS if residue.protein else ()), *(table or ())):
            if a in names and b in names:
                found.append((names[a], names[b]))
        if index and residue.chain == atoms.residues[index - 1].chain:
            found += _links(atoms, by_name[index - 1], names)
    if len(atoms):
        found += _bonds_by_distance(atoms, odd)
        found += _disulfides(atoms)
    pairs = np.sort(np.array(found, np.int64).reshape(-1, 2), axis=1)
    return np.unique(pairs, axis=0)


def _links(atoms: Atoms, before: dict[str, int], names: dict[str, int]) -> Iterator[tuple[int, int]]:
    for a, b in (("C", "N"), ("O3'", "P")):
        if a in before and b in names:
            apart = float(np.linalg.norm(atoms.xyz[before[a]] - atoms.xyz[names[b]]))
            if apart < PEPTIDE_BOND_MAX:
                yield before[a], names[b]


def _bonds_by_distance(atoms: Atoms, odd: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Bonds of residues without a table, inside them and to others, metals left out."""
    kinds, inverse = np.unique(atoms.elements, return_inverse=True)
    elements = [gemmi.Element(kind) for kind in kinds.tolist()]
    radius = np.array([0.0 if e.is_metal else e.covalent_r for e in elements])[inverse]
    mine = np.flatnonzero(odd[atoms.residue] & (radius > 0))
    if not mine.size:
        return []
    near = cKDTree(atoms.xyz[mine]).query_ball_tree(cKDTree(atoms.xyz), 2.0 * radius.max() + BOND_SLACK)
    water = np.array([residue.water for residue in atoms.residues])[atoms.residue]
    found = []
    for a, others in zip(mine.tolist(), near, strict=True):
        for b in others:
            if a == b or radius[b] == 0 or water[b]:
                continue
            # between residues a little less: a ligand may well be pressed against its pocket
            slack = BOND_SLACK if atoms.residue[a] == atoms.residue[b] else BOND_SLACK / 2
            if np.linalg.norm(atoms.xyz[a] - atoms.xyz[b]) < radius[a] + radius[b] + slack:
                found.append((a, b))
    return found


def _disulfides(atoms: Atoms) -> list[tuple[int, int]]:
    sulfur = np.flatnonzero((atoms.names == "SG") & (atoms.elements == "S"))
    if sulfur.size < 2:
        return []
    pairs = cKDTree(atoms.xyz[sulfur]).query_pairs(DISULFIDE_MAX, output_type="ndarray").reshape(-1, 2)
    return [(int(a), int(b)) for a, b in sulfur[pairs]]


def _chosen_residues(chain: gemmi.Chain) -> Iterator[gemmi.Residue]:
    """Residues of a chain; of several at one position the one of the highest occupancy."""
    for _, group in groupby(chain, key=lambda residue: (str(residue.seqid), residue.entity_type)):
        yield max(group, key=lambda residue: np.mean([atom.occ for atom in residue]) if len(residue) else -1.0)


def _chosen_atoms(residue: gemmi.Residue) -> Iterator[gemmi.Atom]:
    """Heavy atoms of the conformer with the highest summed occupancy, the first of equals."""
    weight: dict[str, float] = {}
    for atom in residue:
        if atom.has_altloc():
            weight[atom.altloc] = weight.get(atom.altloc, 0.0) + atom.occ
    chosen = max(weight, key=lambda altloc: weight[altloc]) if weight else "\0"
    seen: dict[str, gemmi.Atom] = {}
    for atom in residue:
        if atom.is_hydrogen() or (atom.name in seen and atom.altloc != chosen):
            continue
        seen[atom.name] = atom
    yield from seen.values()


def _connections(structure: gemmi.Structure, places: dict[tuple[str, str, str], int]) -> Iterator[tuple[int, int]]:
    for link in structure.connections:
        if link.type == gemmi.ConnectionType.MetalC or link.type == gemmi.ConnectionType.Hydrog:
            continue
        ends = [
            places.get((partner.chain_name, str(partner.res_id.seqid), partner.atom_name))
            for partner in (link.partner1, link.partner2)
        ]
        if link.asu != gemmi.Asu.Different and ends[0] is not None and ends[1] is not None:
            yield ends[0], ends[1]
