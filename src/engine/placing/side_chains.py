"""Side chains put into the residues of a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..structure.atom_aliases import C_TERMINAL, standard_name
from ..structure.backbone import transfer_rigidly
from ..structure.observed import BACKBONE_ATOMS

__all__ = ["PlacedSideChain", "put_side_chains"]

_BACKBONE_HYDROGENS = frozenset(
    f"{isotope}{rest}"
    for isotope in "HD"
    for rest in (
        "",
        "1",
        "2",
        "3",
        "A",
        "A2",
        "A3",
        "N",
        "N1",
        "N2",
        "N3",
        "T1",
        "T2",
        "T3",
    )
)
_TOO_NEAR = 1.75
"""Angstrom from a new atom within which a hydrogen is in its place: two bonds apart they are 2.0 and more, and 1.78
where the new atom is turned by half the way to the next hydrogen."""


@dataclass(frozen=True)
class PlacedSideChain:
    """Side-chain atoms of one residue, in the order of its chemical component.

    Attributes
    ----------
    names, elements : tuple of str
        K of them.
    xyz : ndarray, shape (K, 3)
        In angstrom.
    replaces : bool
        Whether all that the residue has beyond its backbone goes, hydrogens of the side chain and conformers included;
        otherwise only atoms that it lacks are added.
    terminal : ndarray, shape (3,), optional
        Second oxygen of a true C terminus, in angstrom.
    carries : bool
        Whether hydrogens of a side chain that is replaced go along and names stay: it is the same one in another place.
    """

    names: tuple[str, ...]
    elements: tuple[str, ...]
    xyz: NDArray[np.float64]
    replaces: bool
    terminal: NDArray[np.float64] | None = None
    carries: bool = False


def put_side_chains(
    model: gemmi.Model,
    labels: Sequence[tuple[str, int, str]],
    placed: Sequence[PlacedSideChain | None],
    b_of: Callable[[int, float | None], float],
) -> None:
    """Put side chains into residues of a model, in place.

    Atoms that were there under the same name keep their B-factor and, unless they had conformers, their occupancy; new
    ones have occupancy 1.

    Parameters
    ----------
    model : gemmi.Model
    labels : sequence of (str, int, str)
        Chain, number and insertion code of N residues of the model.
    placed : sequence of PlacedSideChain or None
        N of them; None leaves a residue as it is.
    b_of : callable
        B-factor of an atom from its residue, 0 to N - 1, and the value it had (None for a new one).
    """
    wanted = {label: row for row, label in enumerate(labels) if placed[row] is not None}
    for chain in model:
        for residue in chain:
            if residue.is_water() or residue.seqid.num is None:
                continue
            row = wanted.get((chain.name, residue.seqid.num, residue.seqid.icode.strip()))
            side = None if row is None else placed[row]
            if row is not None and side is not None:
                _put(residue, row, side, b_of)


def _put(residue: gemmi.Residue, row: int, side: PlacedSideChain, b_of: Callable[[int, float | None], float]) -> None:
    def called(atom: gemmi.Atom) -> str:
        return standard_name(residue.name, atom.name)

    old: dict[str, gemmi.Atom] = {}
    for atom in residue:
        old.setdefault(called(atom), atom.clone())
    backbone = [atom.clone() for atom in residue if called(atom) in BACKBONE_ATOMS]
    rest = [atom.clone() for atom in residue if called(atom) not in BACKBONE_ATOMS]
    ends = [atom for atom in rest if called(atom) in C_TERMINAL]
    if side.replaces:
        carried = _carried(residue, side) if side.carries else []
        backbone_hydrogens = [atom for atom in rest if atom.name in _BACKBONE_HYDROGENS and atom.is_hydrogen()]
        rest = _right(backbone_hydrogens, backbone, side.xyz) + carried
    else:
        rest = [atom for atom in rest if called(atom) not in C_TERMINAL]
    names = () if not side.replaces else side.names
    lacking = [name for name in side.names if name not in old] if not side.replaces else []
    new = {}
    for name, element, position in zip(side.names, side.elements, side.xyz.tolist(), strict=True):
        if name in names or name in lacking:
            new[name] = _atom(name, element, position, row, old.get(name), b_of)
            if side.carries and name in old:  # the same atom, under the name that the user's program gave it
                new[name].name = old[name].name
    if side.replaces:
        ordered = list(new.values())
    else:  # new atoms stand where the component has them, between those that are there
        own = {called(atom) for atom in rest if called(atom) in side.names}
        heavy = [atom for atom in rest if called(atom) in side.names]
        rest = [atom for atom in rest if called(atom) not in side.names]
        places = np.array([new[name].pos.tolist() for name in new], np.float64).reshape(-1, 3)
        rest = _right(rest, [*backbone, *heavy], places)
        ordered = []
        for name in side.names:
            ordered += [atom for atom in heavy if called(atom) == name] if name in own else [new[name]]
    if side.terminal is not None and not ends:
        ends = [_atom("OXT", "O", side.terminal.tolist(), row, None, b_of)]
    heavy_ends = [atom for atom in ends if not atom.is_hydrogen()]
    light_ends = [atom for atom in ends if atom.is_hydrogen()]
    del residue[:]
    for atom in (*backbone, *ordered, *heavy_ends, *rest, *light_ends):
        residue.add_atom(atom)


def _right(atoms: list[gemmi.Atom], heavy: list[gemmi.Atom], new: NDArray[np.float64]) -> list[gemmi.Atom]:
    """Those of some atoms that are no hydrogens in the place of new atoms (K, 3), such as the caps of a cut chain.

    What is left on an atom that lost hydrogens is named as components name it: HB of three, HB2 and HB3, or HB.
    """
    if not len(new):
        return atoms
    groups: dict[int, list[gemmi.Atom]] = {}
    wrong: set[int] = set()
    for number, atom in enumerate(atoms):
        if not atom.is_hydrogen():
            continue
        parent = min(range(len(heavy)), key=lambda k: heavy[k].pos.dist(atom.pos))
        if np.linalg.norm(new - atom.pos.tolist(), axis=-1).min() < _TOO_NEAR:
            wrong.add(number)
            groups.setdefault(parent, [])
        else:
            groups.setdefault(parent, []).append(atom)
    bearing = {
        min(range(len(heavy)), key=lambda k: heavy[k].pos.dist(atoms[number].pos)): atoms[number].name
        for number in wrong
    }
    for parent, name in bearing.items():
        left = groups[parent]
        stem = name.rstrip("123") if len(name) < 4 else name[:-1]
        if any(atom.has_altloc() for atom in left) or not all(_numbered(atom.name, stem) for atom in left):
            continue
        names = [stem] if len(left) == 1 else [f"{stem}{number}" for number in (2, 3)]
        if len(left) <= len(names):
            for atom, own in zip(left, names, strict=False):
                atom.name = own
    return [atom for number, atom in enumerate(atoms) if number not in wrong]


def _numbered(name: str, stem: str) -> bool:
    return name[:-1] == stem and name[-1] in "123"


def _carried(residue: gemmi.Residue, side: PlacedSideChain) -> list[gemmi.Atom]:
    """Hydrogens of the side chain, moved with the three heavy atoms that each is bonded to in a row."""
    heavy = {
        standard_name(residue.name, atom.name): np.array(atom.pos.tolist())
        for atom in residue
        if not atom.is_hydrogen()
    }
    moved = {name: np.asarray(place) for name, place in zip(side.names, side.xyz, strict=True) if name in heavy}
    there = {name: moved.get(name, place) for name, place in heavy.items()}
    if len(heavy) < 3 or not set(side.names) <= set(heavy):
        return []
    out = []
    for atom in residue:
        if not atom.is_hydrogen() or atom.name in _BACKBONE_HYDROGENS or atom.name in C_TERMINAL:
            continue
        place = np.array(atom.pos.tolist())
        # what holds it, what holds that, and one more along the bonds: HG, OG, CB, CA
        frame: list[str] = []
        for _ in range(3):
            left = {name: float(np.linalg.norm(at - place)) for name, at in heavy.items() if name not in frame}
            frame.append(min(left, key=left.__getitem__))
            place = heavy[frame[-1]]
        place = np.array(atom.pos.tolist())
        frame = [frame[1], frame[0], frame[2]]
        old, new = (np.array([xyz[name] for name in frame]) for xyz in (heavy, there))
        clone = atom.clone()
        clone.pos = gemmi.Position(*transfer_rigidly(place[None], old, new)[0].tolist())
        out.append(clone)
    return out


def _atom(
    name: str,
    element: str,
    position: list[float],
    row: int,
    old: gemmi.Atom | None,
    b_of: Callable[[int, float | None], float],
) -> gemmi.Atom:
    atom = gemmi.Atom()
    atom.name = name
    atom.element = gemmi.Element(element)
    atom.pos = gemmi.Position(*position)
    atom.b_iso = b_of(row, None if old is None else old.b_iso)
    if old is not None and not old.has_altloc() and old.occ > 0:
        atom.occ = old.occ
    return atom
