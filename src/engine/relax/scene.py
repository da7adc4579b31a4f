"""All atoms that take part in a relaxation, with hydrogens: those that have parameters, and spheres that stay."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ..validation.atoms import Atoms, bonds_of
from ..validation.clashscore import add_hydrogens
from ..validation.contacts import POLAR_HYDROGEN, ContactAtoms, Near, contact_atoms, near_along_bonds
from ..validation.hydrogens import Hydrogens
from .region import Region, State

__all__ = ["Scene", "amide_hydrogen", "dress"]

_N_H, _CA_N_H = 1.01, 119.0
"""A, and degrees: hydrogen of an amide, in ff14SB."""

_NONE = Hydrogens(
    xyz=np.zeros((0, 3)),
    parent=np.zeros(0, np.int64),
    names=np.zeros(0, np.str_),
    polar=np.zeros(0, bool),
    aromatic=np.zeros(0, bool),
)


@dataclass(frozen=True)
class Scene:
    """P atoms: heavy ones, then hydrogens.

    Hydrogens are those of `adp3d.validation.clashscore`, so that what the clashscore counts is what is relaxed; they
    are placed with regard to ligands and waters, the same way each time, and forty times faster than OpenMM's Modeller
    does it.

    Parameters
    ----------
    points : ContactAtoms
        Positions, radii and roles. ``residue`` counts the rows of `rows`.
    near : Near
        Which atoms are three bonds or fewer apart.
    rows : ndarray of int64, shape (S,)
        Residue of the region that each residue of the scene is part of.
    heavy : ndarray of int64, shape (P,)
        Index of a heavy atom in the region's atoms; -1 for hydrogens.
    template : ndarray of bool, shape (P,)
        Atoms with parameters of the force field.
    mobile : ndarray of bool, shape (P,)
        Atoms that move: those of mobile residues, and hydrogens of held ones.
    region : Region
    """

    points: ContactAtoms
    near: Near
    rows: NDArray[np.int64]
    heavy: NDArray[np.int64]
    template: NDArray[np.bool_]
    mobile: NDArray[np.bool_]
    region: Region


def dress(region: Region) -> Scene:
    """Give the atoms of a region hydrogens.

    A residue that is held as another one (see `Region.template`) gets the hydrogens of that; its further atoms stand
    behind all others.
    """
    atoms, rows, index = _taking_part(region)
    known = region.in_molecule[index]
    # atoms beyond a template bear no hydrogens, and must not take the places of those that it has
    beyond = ~known & np.array([bool(region.template[row]) for row in rows[atoms.residue].tolist()], bool)
    bonds = bonds_of(_apart(atoms, beyond))
    core, rest = _some(atoms, ~beyond), _some(atoms, beyond)
    points, _ = add_hydrogens(core)
    points = _with(points, _missing(core, rows, region, points))
    count = len(core)
    hydrogens = len(points) - count
    points = _joined(points, contact_atoms(rest, np.zeros((0, 2), np.int64), _NONE))
    number = np.empty(len(atoms), np.int64)
    number[~beyond], number[beyond] = np.arange(count), np.arange(len(rest)) + count + hydrogens
    points = replace(points, bonds=np.concatenate([points.bonds[points.hydrogen[points.bonds[:, 1]]], number[bonds]]))
    heavy = np.concatenate([index[~beyond], np.full(hydrogens, -1, np.int64), index[beyond]])
    owner = rows[points.residue]
    held = np.array([bool(region.template[row]) for row in owner.tolist()], bool)
    template = np.where(points.hydrogen, held, np.isin(heavy, np.flatnonzero(region.in_molecule)))
    mobile = template & (region.mobile[owner] | points.hydrogen)
    return Scene(points, near_along_bonds(points.bonds, points.hydrogen), rows, heavy, template, mobile, region)


def _taking_part(region: Region) -> tuple[Atoms, NDArray[np.int64], NDArray[np.int64]]:
    """Residues of the region that take part under the names of their templates, their rows, and the atoms' indices."""
    atoms = region.atoms
    rows = np.flatnonzero(region.state != State.AWAY)
    index = np.flatnonzero(region.state[atoms.residue] != State.AWAY)
    number = np.full(len(atoms), -1, np.int64)
    number[index] = np.arange(len(index))
    renamed = [
        replace(atoms.residues[row], kind=region.template[row] or atoms.residues[row].kind) for row in rows.tolist()
    ]
    picked = Atoms(
        xyz=atoms.xyz[index],
        names=atoms.names[index],
        elements=atoms.elements[index],
        residue=np.searchsorted(rows, atoms.residue[index]).astype(np.int64),
        b_iso=atoms.b_iso[index],
        occupancy=atoms.occupancy[index],
        residues=tuple(renamed),
        first=region.first[rows],
        connections=tuple(
            (int(number[a]), int(number[b])) for a, b in atoms.connections if number[a] >= 0 and number[b] >= 0
        ),
    )
    return picked, rows, index


def _some(atoms: Atoms, which: NDArray[np.bool_]) -> Atoms:
    number = np.where(which, np.cumsum(which) - 1, -1)
    return replace(
        atoms,
        **{name: getattr(atoms, name)[which] for name in ("xyz", "names", "elements", "residue", "b_iso", "occupancy")},
        connections=tuple((int(number[a]), int(number[b])) for a, b in atoms.connections if which[a] and which[b]),
    )


def _apart(atoms: Atoms, beyond: NDArray[np.bool_]) -> Atoms:
    """The same atoms, those beyond a template in residues of their own, whose bonds are found by distance."""
    others = np.unique(atoms.residue[beyond])
    own = np.searchsorted(others, atoms.residue) + len(atoms.residues)
    strangers = [replace(atoms.residues[row], protein=False, kind="") for row in others.tolist()]
    return replace(
        atoms,
        residue=np.where(beyond, own, atoms.residue),
        residues=(*atoms.residues, *strangers),
        first=np.concatenate([atoms.first, np.zeros(len(others), bool)]),
    )


def _joined(first: ContactAtoms, second: ContactAtoms) -> ContactAtoms:
    arrays = {
        field.name: np.concatenate([getattr(first, field.name), getattr(second, field.name)])
        for field in fields(ContactAtoms)
        if field.name != "bonds"
    }
    return ContactAtoms(**arrays, bonds=np.concatenate([first.bonds, second.bonds + len(first)]))


def _missing(
    atoms: Atoms, rows: NDArray[np.int64], region: Region, points: ContactAtoms
) -> dict[int, tuple[str, NDArray[np.float64]]]:
    """Hydrogens that a template needs and none were placed of, by the atom that bears them: name and (3,) in A.

    N behind a gap, where nothing says where its hydrogen points, and histidines of which both nitrogens are in the way
    of something: they get the more common one of the two hydrogens.
    """
    bearing = set(points.bonds[points.hydrogen[points.bonds[:, 1]], 0].tolist())
    found = {}
    for row, names in zip(rows.tolist(), atoms.by_name(), strict=True):
        kind = region.template[row]
        places = {name: atoms.xyz[index] for name, index in names.items()}
        if kind not in ("", "PRO") and names["N"] not in bearing:
            found[names["N"]] = "H", amide_hydrogen(places["N"], places["CA"], places["C"])
        if kind == "HIS" and not {names["ND1"], names["NE2"]} & bearing:
            found[names["NE2"]] = "HE2", _outward(places["NE2"], places["CD2"], places["CE1"])
    return found


def _with(points: ContactAtoms, placed: dict[int, tuple[str, NDArray[np.float64]]]) -> ContactAtoms:
    if not placed:
        return points
    parent = np.array(list(placed), np.int64)
    count = len(parent)
    yes, no = np.ones(count, bool), np.zeros(count, bool)
    added = ContactAtoms(
        xyz=np.array([xyz for _, xyz in placed.values()]),
        radius=np.full(count, POLAR_HYDROGEN),
        residue=points.residue[parent],
        names=np.array([name for name, _ in placed.values()]),
        hydrogen=yes,
        water=no,
        ignored=no,
        donor=yes,
        acceptor=no,
        charge=np.zeros(count, np.int64),
        bonds=np.zeros((0, 2), np.int64),
    )
    own = np.arange(count) + len(points)
    joined = _joined(points, added)
    return replace(joined, bonds=np.concatenate([joined.bonds, np.stack([parent, own], 1)]))


def _outward(n: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place the hydrogen of a ring's N, away from its neighbours; (3,) in A."""
    away = (n - a) / np.linalg.norm(n - a) + (n - b) / np.linalg.norm(n - b)
    site: NDArray[np.float64] = n + _N_H * away / np.linalg.norm(away)
    return site


def amide_hydrogen(n: NDArray[np.float64], ca: NDArray[np.float64], c: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place the hydrogen of an N behind a gap, opposite to C as far as the bonds let it; (3,) in A."""
    axis = (n - ca) / np.linalg.norm(n - ca)
    away = (ca - c) - ((ca - c) @ axis) * axis
    size = float(np.linalg.norm(away))
    if size < 1e-6:
        away = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
        size = float(np.linalg.norm(away))
    bend = np.radians(_CA_N_H)
    site: NDArray[np.float64] = n + _N_H * (-np.cos(bend) * axis + np.sin(bend) * away / size)
    return site
