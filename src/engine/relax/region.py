"""What of a model moves, what is held beside it, and what stands in the way: the plan of a relaxation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..structure.polymer import AMINO_ACIDS
from ..validation.amino_acids import SIDE_CHAIN_BONDS
from ..validation.atoms import Atoms, bonds_of

__all__ = ["AROUND", "LeftOut", "Region", "State", "plan_region"]

AROUND = 1.2
"""nm around atoms that move within which others are taken along: 2 A more than the reach of the interactions."""

_PEPTIDE_BOND_STRAINED = 2.4
"""A up to which two residues of successive numbers are bonded, if one of them moves: a bond to be mended. What is not
bonded is farther away."""

_METAL_REACH = 2.8
"""A from a metal within which N, O and S bind it: the longest usual bonds, those of K and Ca to O."""

_BACKBONE = ("N", "CA", "C", "O")
_STANDARD = frozenset(gemmi.expand_one_letter_sequence(AMINO_ACIDS, gemmi.ResidueKind.AA))


class State(IntEnum):
    """What becomes of a residue."""

    AWAY = 0
    """Too far from everything that moves."""
    OBSTACLE = 1
    """Its atoms are spheres that stay."""
    HELD = 2
    """Part of the molecule, in its place."""
    MOBILE = 3


@dataclass(frozen=True)
class LeftOut:
    """A residue that was to move and cannot.

    Parameters
    ----------
    residue : str
        As users know it, such as ``A 12 MSE``.
    reason : str
        What goes on after "it", such as ``has alternative conformers``.
    """

    residue: str
    reason: str


@dataclass(frozen=True)
class Region:
    """The plan.

    Parameters
    ----------
    atoms : Atoms
        Heavy atoms of the model, each residue in its most occupied conformer, under the names of the components.
    state : ndarray of int64, shape (R,)
        `State` of each residue.
    template : tuple of str
        For each residue, the amino acid whose parameters it gets; empty for what is not held or mobile. A residue
        without parameters of its own is held as the alanine, glycine or proline that is in it, so that the bonds to
        its neighbours are as good as others; its further atoms are obstacles.
    first : ndarray of bool, shape (R,)
        Residues with a charged N terminus.
    last : ndarray of bool, shape (R,)
        Residues with OXT at a true C terminus.
    peptides : ndarray of int64, shape (P, 2)
        Residues bonded by C and N, in that order.
    disulphides : ndarray of int64, shape (D, 2)
        Residues bonded by SG.
    metal_bonds : ndarray of int64, shape (B, 2)
        Atoms of protein and the metals that they bind.
    left_out : tuple of LeftOut
    """

    atoms: Atoms
    state: NDArray[np.int64]
    template: tuple[str, ...]
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]
    peptides: NDArray[np.int64]
    disulphides: NDArray[np.int64]
    metal_bonds: NDArray[np.int64]
    left_out: tuple[LeftOut, ...]

    @property
    def mobile(self) -> NDArray[np.bool_]:
        """Residues (R,) that move."""
        return np.asarray(self.state == State.MOBILE)

    @property
    def in_molecule(self) -> NDArray[np.bool_]:
        """Heavy atoms (A,) that have parameters of the force field."""
        kinds = [frozenset(template_atoms(name)) if name else frozenset[str]() for name in self.template]
        rows, names = self.atoms.residue.tolist(), self.atoms.names.tolist()
        own = [
            name in kinds[row] or (name == "OXT" and bool(self.last[row]))
            for row, name in zip(rows, names, strict=True)
        ]
        return np.array(own, bool) & (self.state[self.atoms.residue] >= State.HELD)


def template_atoms(name: str) -> tuple[str, ...]:
    """Heavy atoms of a standard amino acid, OXT apart."""
    return tuple(dict.fromkeys([*_BACKBONE, *(atom for bond in SIDE_CHAIN_BONDS[name] for atom in bond)]))


def plan_region(atoms: Atoms, wanted: NDArray[np.bool_], single: NDArray[np.bool_]) -> Region:
    """Decide what becomes of each residue.

    Parameters
    ----------
    atoms : Atoms
        Heavy atoms of the model.
    wanted : ndarray of bool, shape (R,)
        Residues that are to move.
    single : ndarray of bool, shape (R,)
        Residues that the file has in one conformer only.

    Returns
    -------
    Region
    """
    by_name = atoms.by_name()
    bonds = bonds_of(atoms)
    template = [_template(atoms, row, by_name[row]) for row in range(len(atoms.residues))]
    peptides = _peptides(atoms, by_name, bonds, wanted)
    disulphides = _disulphides(atoms, bonds, template)
    problem = _problems(atoms, by_name, bonds, single)
    for row, _ in _foreign_bonds(atoms, bonds):
        # a partner takes the place of one of its hydrogens, which the force field does not know
        template[row] = template[row] and ("ALA" if "CB" in by_name[row] else "GLY")
    problem |= _bound_to_bare(atoms, template, peptides, problem)
    wanted = wanted & np.array([residue.protein for residue in atoms.residues], bool)
    state = np.where([bool(name) for name in template], State.HELD, State.OBSTACLE).astype(np.int64)
    moving = wanted & ~np.isin(np.arange(len(state)), list(problem))
    state[moving] = State.MOBILE
    state[~_near(atoms, moving)] = State.AWAY
    follows = np.zeros(len(state), bool)
    follows[peptides[:, 1]] = True
    followed = np.zeros(len(state), bool)
    followed[peptides[:, 0]] = True
    oxt = np.array(["OXT" in names for names in by_name], bool)
    last = oxt & ~followed
    # both ends on one residue: the force field has no amino acids by themselves
    first = atoms.first & ~follows & ~last
    return Region(
        atoms=atoms,
        state=state,
        template=tuple(name if state[row] >= State.HELD else "" for row, name in enumerate(template)),
        first=first,
        last=last,
        peptides=peptides,
        disulphides=disulphides,
        metal_bonds=_metal_bonds(atoms),
        left_out=tuple(LeftOut(str(atoms.residues[row]), problem[row]) for row in sorted(problem) if wanted[row]),
    )


def _template(atoms: Atoms, row: int, names: Mapping[str, int]) -> str:
    residue = atoms.residues[row]
    if not residue.protein or not all(name in names for name in _BACKBONE):
        return ""
    if residue.kind in _STANDARD and all(name in names for name in template_atoms(residue.kind)):
        return residue.kind
    if all(name in names for name in ("CB", "CG", "CD")) and _apart(atoms, names["CD"], names["N"]) < 2.0:
        return "PRO"
    return "ALA" if "CB" in names else "GLY"


def _peptides(
    atoms: Atoms, by_name: list[dict[str, int]], bonds: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    bonded = {(int(a), int(b)) for a, b in bonds}
    found = []
    for row in range(1, len(atoms.residues)):
        before, names = by_name[row - 1], by_name[row]
        if "C" not in before or "N" not in names or atoms.residues[row - 1].chain != atoms.residues[row].chain:
            continue
        pair = tuple(sorted((before["C"], names["N"])))
        strained = (
            (wanted[row - 1] or wanted[row])
            and _successive(atoms.residues[row - 1].number, atoms.residues[row].number)
            and _apart(atoms, *pair) < _PEPTIDE_BOND_STRAINED
        )
        if pair in bonded or strained:
            found.append((row - 1, row))
    return np.array(found, np.int64).reshape(-1, 2)


def _successive(before: str, after: str) -> bool:
    try:
        return int(after) == int(before) + 1
    except ValueError:  # insertion codes
        return False


def _disulphides(atoms: Atoms, bonds: NDArray[np.int64], template: list[str]) -> NDArray[np.int64]:
    between = [
        (int(atoms.residue[a]), int(atoms.residue[b])) for a, b in bonds if atoms.names[a] == "SG" == atoms.names[b]
    ]
    both = [(a, b) for a, b in between if a != b and template[a] == "CYS" == template[b]]
    # a sulphur with two partners has none: the force field knows bonds of two
    count = {row: sum(row in pair for pair in both) for pair in both for row in pair}
    return np.array([pair for pair in both if count[pair[0]] == 1 == count[pair[1]]], np.int64).reshape(-1, 2)


def _problems(
    atoms: Atoms, by_name: list[dict[str, int]], bonds: NDArray[np.int64], single: NDArray[np.bool_]
) -> dict[int, str]:
    """Why residues cannot move, by residue."""
    found: dict[int, str] = {}
    for row, partner in _foreign_bonds(atoms, bonds):
        found.setdefault(row, f"is bonded to {atoms.residues[partner]}")
    for row, (residue, names) in enumerate(zip(atoms.residues, by_name, strict=True)):
        if not residue.protein:
            continue
        if not single[row]:
            found[row] = "has alternative conformers"
        elif residue.kind not in _STANDARD:
            found[row] = "has no parameters"
        else:
            lacking = [name for name in template_atoms(residue.kind) if name not in names]
            strange = [name for name in names if name not in (*template_atoms(residue.kind), "OXT")]
            if lacking:
                found[row] = f"lacks {', '.join(lacking)}"
            elif strange:
                found[row] = f"has the unknown atom {strange[0]}"
    return found


def _foreign_bonds(atoms: Atoms, bonds: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Bonds of protein residues to others that the force field does not know, from both sides."""
    for a, b in bonds.tolist():
        rows = int(atoms.residue[a]), int(atoms.residue[b])
        if rows[0] == rows[1]:
            continue
        names = str(atoms.names[a]), str(atoms.names[b])
        sulphur = all(name == "SG" and atoms.residues[row].kind == "CYS" for name, row in zip(names, rows, strict=True))
        peptide = names == ("C", "N") and rows[1] == rows[0] + 1
        if not (sulphur or peptide):
            for own, other in (rows, rows[::-1]):
                if atoms.residues[own].protein:
                    yield own, other


def _metal_bonds(atoms: Atoms) -> NDArray[np.int64]:
    """Atoms of protein and the metals that they bind; (B, 2)."""
    metals = np.flatnonzero([gemmi.Element(element).is_metal for element in atoms.elements.tolist()])
    protein = np.array([residue.protein for residue in atoms.residues], bool)
    binding = np.flatnonzero(np.isin(atoms.elements, ["N", "O", "S"]) & protein[atoms.residue])
    if not metals.size or not binding.size:
        return np.zeros((0, 2), np.int64)
    near = cKDTree(atoms.xyz[metals]).query_ball_tree(cKDTree(atoms.xyz[binding]), _METAL_REACH)
    found = [(int(binding[i]), metal) for metal, others in zip(metals.tolist(), near, strict=True) for i in others]
    return np.array(found, np.int64).reshape(-1, 2)


def _bound_to_bare(
    atoms: Atoms, template: list[str], peptides: NDArray[np.int64], known: Mapping[int, str]
) -> dict[int, str]:
    """Residues with a peptide bond to one that not even has a backbone."""
    found = {}
    for a, b in peptides.tolist():
        for own, other in ((a, b), (b, a)):
            if not template[other] and own not in known:
                found[own] = f"is bonded to {atoms.residues[other]}"
    return found


def _near(atoms: Atoms, moving: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Residues (R,) with an atom near one that moves."""
    near = np.zeros(len(moving), bool)
    inside = moving[atoms.residue]
    if inside.any():
        apart, _ = cKDTree(atoms.xyz[inside]).query(atoms.xyz, distance_upper_bound=10 * AROUND)
        near[atoms.residue[np.isfinite(apart)]] = True
    return near


def _apart(atoms: Atoms, a: int, b: int) -> float:
    return float(np.linalg.norm(atoms.xyz[a] - atoms.xyz[b]))
