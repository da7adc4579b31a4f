"""What atoms a residue has, how they are bonded, and which torsions turn its side chain.

Names and their order are those of the PDB's chemical components without hydrogens, at most 14 for a residue
(``atom14``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["BACKBONE", "TEMPLATES", "AtomTemplate", "ResidueTemplate"]

BACKBONE = ("N", "CA", "C", "O")


@dataclass(frozen=True)
class AtomTemplate:
    """One side-chain atom, placed from three atoms that come before it.

    Attributes
    ----------
    name, element : str
    references : tuple of str
        Atoms a, b, c: the atom x is bonded to c, makes the angle b-c-x and the torsion a-b-c-x.
    chi : int
        Number k of the torsion chi_k that turns the atom, so that a-b-c-x is chi_k plus an offset; 0 where
        a-b-c-x is the same in all conformations.
    """

    name: str
    element: str
    references: tuple[str, str, str]
    chi: int


@dataclass(frozen=True)
class ResidueTemplate:
    """Atoms, bonds and torsions of a residue type.

    Attributes
    ----------
    name : str
        Three-letter code.
    side_chain : tuple of AtomTemplate
        In atom14 order; the first one that a chi turns defines it (offset 0).
    closures : tuple of pairs of str
        Bonds that close rings, beside those to the references.
    symmetric_chi : int
        Number of the chi that half a turn leaves as it was but for names; 0 for none.
    swaps : tuple of pairs of str
        Atoms that exchange names in that half turn.
    """

    name: str
    side_chain: tuple[AtomTemplate, ...]
    closures: tuple[tuple[str, str], ...] = ()
    symmetric_chi: int = 0
    swaps: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Atom names in atom14 order."""
        return (*BACKBONE, *(atom.name for atom in self.side_chain))

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements in atom14 order."""
        return (*(name[0] for name in BACKBONE), *(atom.element for atom in self.side_chain))

    @property
    def bonds(self) -> tuple[tuple[str, str], ...]:
        """All bonds between heavy atoms of the residue."""
        own = [(atom.references[2], atom.name) for atom in self.side_chain]
        return (("N", "CA"), ("CA", "C"), ("C", "O"), *own, *self.closures)

    @property
    def n_chi(self) -> int:
        """Number of side-chain torsions."""
        return max((atom.chi for atom in self.side_chain), default=0)

    def chi_atoms(self, k: int) -> tuple[str, str, str, str]:
        """The four atoms that define chi_k."""
        first = next(atom for atom in self.side_chain if atom.chi == k)
        return (*first.references, first.name)


_CB = "CB C N CA 0"
_GAMMA = f"{_CB}, CG N CA CB 1"
_DELTA = f"{_GAMMA}, CD CA CB CG 2"
_RING = f"{_GAMMA}, CD1 CA CB CG 2, CD2 CA CB CG 2, CE1 CB CG CD1 0, CE2 CB CG CD2 0, CZ CG CD1 CE1 0"
_ATOMS = {
    "ALA": _CB,
    "ARG": f"{_DELTA}, NE CB CG CD 3, CZ CG CD NE 4, NH1 CD NE CZ 0, NH2 CD NE CZ 0",
    "ASN": f"{_GAMMA}, OD1 CA CB CG 2, ND2 CA CB CG 2",
    "ASP": f"{_GAMMA}, OD1 CA CB CG 2, OD2 CA CB CG 2",
    "CYS": f"{_CB}, SG N CA CB 1",
    "GLN": f"{_DELTA}, OE1 CB CG CD 3, NE2 CB CG CD 3",
    "GLU": f"{_DELTA}, OE1 CB CG CD 3, OE2 CB CG CD 3",
    "GLY": "",
    "HIS": f"{_GAMMA}, ND1 CA CB CG 2, CD2 CA CB CG 2, CE1 CB CG ND1 0, NE2 CB CG CD2 0",
    "ILE": f"{_CB}, CG1 N CA CB 1, CG2 N CA CB 1, CD1 CA CB CG1 2",
    "LEU": f"{_GAMMA}, CD1 CA CB CG 2, CD2 CA CB CG 2",
    "LYS": f"{_DELTA}, CE CB CG CD 3, NZ CG CD CE 4",
    "MET": f"{_GAMMA}, SD CA CB CG 2, CE CB CG SD 3",
    "PHE": _RING,
    "PRO": _DELTA,
    "SER": f"{_CB}, OG N CA CB 1",
    "THR": f"{_CB}, OG1 N CA CB 1, CG2 N CA CB 1",
    "TRP": f"{_GAMMA}, CD1 CA CB CG 2, CD2 CA CB CG 2, NE1 CB CG CD1 0, CE2 CB CG CD2 0, CE3 CB CG CD2 0, "
    "CZ2 CG CD2 CE2 0, CZ3 CG CD2 CE3 0, CH2 CD2 CE2 CZ2 0",
    "TYR": f"{_RING}, OH CD1 CE1 CZ 0",
    "VAL": f"{_CB}, CG1 N CA CB 1, CG2 N CA CB 1",
    "UNK": "",
    "MSE": f"{_GAMMA}, SE CA CB CG 2, CE CB CG SE 3",
}
"""Atom, its three references, and the chi that turns it."""

_CLOSURES = {
    "HIS": (("CE1", "NE2"),),
    "PHE": (("CE2", "CZ"),),
    "PRO": (("CD", "N"),),
    "TRP": (("NE1", "CE2"), ("CZ3", "CH2")),
    "TYR": (("CE2", "CZ"),),
}
_SYMMETRIC = {
    "ASP": (2, (("OD1", "OD2"),)),
    "GLU": (3, (("OE1", "OE2"),)),
    "PHE": (2, (("CD1", "CD2"), ("CE1", "CE2"))),
    "TYR": (2, (("CD1", "CD2"), ("CE1", "CE2"))),
}
"""Half turns that only rename atoms. NH1 and NH2 of arginine are told apart by their torsions (IUPAC 1970)."""


def _template(name: str) -> ResidueTemplate:
    atoms = []
    for row in filter(None, _ATOMS[name].split(", ")):
        atom, a, b, c, chi = row.split()
        atoms.append(AtomTemplate(atom, "Se" if atom == "SE" else atom[0], (a, b, c), int(chi)))
    symmetric, swaps = _SYMMETRIC.get(name, (0, ()))
    return ResidueTemplate(name, tuple(atoms), _CLOSURES.get(name, ()), symmetric, swaps)


TEMPLATES: Mapping[str, ResidueTemplate] = MappingProxyType({name: _template(name) for name in _ATOMS})
"""Templates of the 20 amino acids, of MSE, and of UNK, which has a backbone only."""
