"""Radii and roles of atoms in contacts, and which atoms are too few bonds apart to be in contact at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .amino_acids import AROMATIC_CARBONS, CARBONYL_CARBONS
from .atoms import Atoms
from .hydrogens import Hydrogens

__all__ = ["ContactAtoms", "Near", "contact_atoms", "near_along_bonds"]

RADII: Mapping[str, float] = MappingProxyType(
    {"C": 1.70, "N": 1.55, "O": 1.40, "S": 1.80, "P": 1.80, "SE": 1.90, "F": 1.30, "CL": 1.77, "BR": 1.95, "I": 2.10}
)
CARBONYL, AROMATIC, HYDROGEN, POLAR_HYDROGEN = 1.65, 1.75, 1.22, 1.05
"""Van der Waals radii in A with explicit hydrogens at the centres of their electron clouds, those of MolProbity's
program Probe (Word et al. 1999, J. Mol. Biol. 285, 1711; mostly from Gavezzotti 1983, J. Am. Chem. Soc. 105, 5220).
Hydrogens of aromatic rings are as small as polar ones."""

UNLISTED = 1.8
"""Radius in A of other elements that are no metals."""

_POSITIVE = frozenset({("LYS", "NZ"), ("ARG", "NE"), ("ARG", "NH1"), ("ARG", "NH2")})
_NEGATIVE = frozenset({("ASP", "OD1"), ("ASP", "OD2"), ("GLU", "OE1"), ("GLU", "OE2")})


@dataclass(frozen=True)
class ContactAtoms:
    """Heavy atoms and, behind them, hydrogens; P in all.

    Parameters
    ----------
    xyz : ndarray, shape (P, 3)
        A.
    radius : ndarray, shape (P,)
        A.
    residue : ndarray of int64, shape (P,)
    names : ndarray of str, shape (P,)
    hydrogen, water, ignored : ndarray of bool, shape (P,)
        ``ignored``: metals, whose bonds are no contacts.
    donor, acceptor : ndarray of bool, shape (P,)
        Of hydrogen bonds; heavy atoms are donors where their hydrogens are not there.
    charge : ndarray of int64, shape (P,)
        -1, 0 or 1.
    bonds : ndarray of int64, shape (B, 2)
    """

    xyz: NDArray[np.float64]
    radius: NDArray[np.float64]
    residue: NDArray[np.int64]
    names: NDArray[np.str_]
    hydrogen: NDArray[np.bool_]
    water: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    donor: NDArray[np.bool_]
    acceptor: NDArray[np.bool_]
    charge: NDArray[np.int64]
    bonds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.xyz)

    def may_bond(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether two atoms can share a hydrogen bond: donor and acceptor, not both of the same charge."""
        pair = (self.donor[i] & self.acceptor[j]) | (self.acceptor[i] & self.donor[j])
        allowed: NDArray[np.bool_] = pair & (self.charge[i] * self.charge[j] <= 0)
        return allowed


@dataclass(frozen=True)
class Near:
    """Pairs of atoms too few bonds apart to be in contact: up to three, or four if one of them is a hydrogen."""

    neighbours: csr_array

    def together(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether atoms i and j are such a pair, or the same."""
        if not len(i):
            return np.zeros(0, bool)
        found: NDArray[np.bool_] = np.asarray(self.neighbours[i, j]).reshape(-1) != 0
        return found

    def of(self, i: int) -> NDArray[np.int64]:
        """All atoms that are near i along bonds, itself among them."""
        start, end = self.neighbours.indptr[i : i + 2]
        return np.asarray(self.neighbours.indices[start:end], np.int64)


def contact_atoms(atoms: Atoms, bonds: NDArray[np.int64], hydrogens: Hydrogens) -> ContactAtoms:
    """Atoms of a model with their hydrogens, ready to be compared."""
    residues = atoms.residues
    kinds, inverse = np.unique(atoms.elements, return_inverse=True)
    metals = np.array([gemmi.Element(kind).is_metal for kind in kinds.tolist()], bool)[inverse]
    radius = np.array([RADII.get(kind, UNLISTED) for kind in kinds.tolist()], np.float64)[inverse]
    halogens = np.isin(atoms.elements, ["F", "CL", "BR", "I"])
    acceptor = np.isin(atoms.elements, ["O", "S"]) | halogens
    charge = -halogens.astype(np.int64)
    for index, (row, name) in enumerate(zip(atoms.residue.tolist(), atoms.names.tolist(), strict=True)):
        residue = residues[row]
        kind = residue.kind
        if not residue.protein:
            acceptor[index] |= atoms.elements[index] == "N"  # its hydrogens are not known
            continue
        if name == "C" or name in CARBONYL_CARBONS.get(kind, ()):
            radius[index] = CARBONYL
        elif name in AROMATIC_CARBONS.get(kind, ()):
            radius[index] = AROMATIC
            acceptor[index] = kind != "HIS"  # the faces of six-membered rings
        elif kind == "HIS" and name in ("ND1", "NE2"):
            acceptor[index] = True
        if (kind, name) in _POSITIVE:
            charge[index] = 1
        elif (kind, name) in _NEGATIVE or name == "OXT":
            charge[index] = -1
    bearing = np.zeros(len(atoms), bool)
    bearing[hydrogens.parent] = True
    water = np.array([residue.water for residue in residues], bool)[atoms.residue]
    protein = np.array([residue.protein for residue in residues], bool)[atoms.residue]
    unseen = np.isin(atoms.elements, ["N", "O"]) & ~bearing & (~protein | water)
    small = hydrogens.polar | hydrogens.aromatic
    own = np.arange(len(hydrogens.parent)) + len(atoms)
    ammonium = hydrogens.polar & (np.char.str_len(hydrogens.names) == 2) & np.isin(hydrogens.names, ["H1", "H2", "H3"])
    return ContactAtoms(
        xyz=np.concatenate([atoms.xyz, hydrogens.xyz]),
        radius=np.concatenate([radius, np.where(small, POLAR_HYDROGEN, HYDROGEN)]),
        residue=np.concatenate([atoms.residue, atoms.residue[hydrogens.parent]]),
        names=np.concatenate([atoms.names, hydrogens.names]),
        hydrogen=np.arange(len(atoms) + len(own)) >= len(atoms),
        water=np.concatenate([water, np.zeros(len(own), bool)]),
        ignored=np.concatenate([metals, np.zeros(len(own), bool)]),
        donor=np.concatenate([unseen, hydrogens.polar]),
        acceptor=np.concatenate([acceptor, np.zeros(len(own), bool)]),
        charge=np.concatenate([charge, np.where(ammonium, 1, charge[hydrogens.parent])]),
        bonds=np.concatenate([bonds, np.stack([hydrogens.parent, own], 1)]),
    )


def near_along_bonds(bonds: NDArray[np.int64], hydrogen: NDArray[np.bool_]) -> Near:
    """Pairs up to three bonds apart, four where one of them is a hydrogen, as Probe leaves them out of contacts."""
    size = len(hydrogen)
    i, j = np.asarray(bonds, np.int64).reshape(-1, 2).T
    own = np.arange(size)
    rows, columns = np.concatenate([i, j, own]), np.concatenate([j, i, own])
    one = csr_array(coo_array((np.ones(len(rows), np.float32), (rows, columns)), shape=(size, size)))
    two = one @ one
    three, four = (two @ one).tocoo(), (two @ two).tocoo()
    light = hydrogen[four.coords[0]] | hydrogen[four.coords[1]]
    rows = np.concatenate([three.coords[0], four.coords[0][light]])
    columns = np.concatenate([three.coords[1], four.coords[1][light]])
    return Near(csr_array(coo_array((np.ones(len(rows), np.float32), (rows, columns)), shape=(size, size))))
