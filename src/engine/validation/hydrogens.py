"""Hydrogens of proteins, placed from the heavy atoms by ideal geometry.

Those of groups that turn (hydroxyls, thiols, ammonium groups, the methyl of methionine) and of histidine are put where
they clash least and bind best, as the program Reduce does (Word et al. 1999, J. Mol. Biol. 285, 1735); side chains are
not flipped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .amino_acids import AROMATIC_CARBONS, HYDROGENS
from .atoms import Atoms

__all__ = ["Hydrogens", "Rotor", "Site", "cross", "hydrogen_sites", "place", "rotor_candidates"]

Array = NDArray[np.float64]

# Distances in A from a hydrogen's nucleus-bearing neighbour to the centre of its electron cloud, as MolProbity has used
# them since 2012 (Deis et al. 2013, Comput. Cryst. Newsl. 4, 9): clashes are between electron clouds.
ALIPHATIC, AROMATIC, AMIDE, AMMONIUM, HYDROXYL, THIOL = 0.97, 0.93, 0.86, 0.89, 0.84, 1.20
_TETRAHEDRAL, _TRIGONAL, _THIOL_ANGLE = 109.5, 120.0, 96.0
TURN = 10.0
"""Degrees between the torsions that are tried for a group that turns."""


@dataclass(frozen=True)
class Site:
    """A heavy atom and the hydrogens that it should bear.

    Parameters
    ----------
    parent : int
    names : tuple of str
        Of the hydrogens.
    neighbours : tuple of int
        Heavy atoms bonded to the parent.
    beyond : int
        An atom bonded to the first neighbour, by which torsions are told; -1 where it is not needed.
    length : float
        A.
    kind : str
        ``opposite`` (one hydrogen away from all neighbours), ``pair`` (two on a tetrahedral atom), ``planar`` (two in
        the plane of the neighbour) or ``turning``.
    polar : bool
    """

    parent: int
    names: tuple[str, ...]
    neighbours: tuple[int, ...]
    beyond: int
    length: float
    kind: str
    polar: bool


@dataclass(frozen=True)
class Rotor:
    """Choices for the hydrogens of one site: positions (T, H, 3) in A, and which of them are there (T, H)."""

    site: Site
    choices: Array
    there: NDArray[np.bool_]


@dataclass(frozen=True)
class Hydrogens:
    """H hydrogens: positions (H, 3) in A, atom that bears each (H,), names (H,), and whether they are polar (H,)."""

    xyz: Array
    parent: NDArray[np.int64]
    names: NDArray[np.str_]
    polar: NDArray[np.bool_]
    aromatic: NDArray[np.bool_]


def hydrogen_sites(atoms: Atoms, bonds: NDArray[np.int64]) -> list[Site]:
    """Sites of the hydrogens of all protein residues.

    Where heavy atoms are missing that would say where a hydrogen points, it is left out. Of residues without a table
    of names (modified ones other than selenomethionine) only N and CA bear hydrogens. The first residue of a chain has
    an ammonium group, N behind a gap has none.
    """
    around: list[list[int]] = [[] for _ in range(len(atoms))]
    for a, b in bonds.tolist():
        around[a].append(b)
        around[b].append(a)
    sites = []
    for index, (residue, names) in enumerate(zip(atoms.residues, atoms.by_standard_name(), strict=True)):
        if not residue.protein:
            continue
        table = dict(HYDROGENS.get(residue.kind, {"CA": ("HA",)}))
        if "N" in names:
            table["N"] = _on_nitrogen(len(around[names["N"]]), bool(atoms.first[index]), residue.kind)
        for parent, hydrogens in table.items():
            if parent in names and hydrogens:
                site = _site(atoms, around, names[parent], hydrogens, residue.kind)
                if site is not None:
                    sites.append(site)
    return sites


def _on_nitrogen(bonded: int, first: bool, name: str) -> tuple[str, ...]:
    ring = name == "PRO"
    if bonded == 2 and not ring:
        return ("H",)
    if first and bonded == 1 and not ring:
        return ("H1", "H2", "H3")
    return ("H2", "H3") if first and bonded == 2 and ring else ()


def _site(atoms: Atoms, around: list[list[int]], parent: int, names: tuple[str, ...], residue: str) -> Site | None:
    """Site of the hydrogens of an atom; None if its heavy neighbours are not those of a complete residue."""
    element, name = str(atoms.elements[parent]), str(atoms.names[parent])
    near, count = around[parent], len(names)
    polar = element in ("N", "O", "S")
    aromatic = name in AROMATIC_CARBONS.get(residue, ())
    if element == "N":
        length = AMIDE if count < 3 else AMMONIUM
    else:
        length = {"O": HYDROXYL, "S": THIOL}.get(element, AROMATIC if aromatic else ALIPHATIC)
    if count == 1 and (len(near) == 3 or (len(near) == 2 and (element == "N" or aromatic))):
        kind, beyond = "opposite", -1
    elif count == 2 and len(near) == 2:
        kind, beyond = "pair", -1
    elif len(near) == 1:
        kind = "planar" if count == 2 and element == "N" else "turning"
        others = [atom for atom in around[near[0]] if atom != parent]
        if (count == 2 and element != "N") or (count == 1 and element not in ("O", "S")) or not others:
            return None
        beyond = others[0]
    else:
        return None
    return Site(parent, names, tuple(near), beyond, length, kind, polar)


def place(sites: Sequence[Site], xyz: Array) -> Array:
    """Positions (H, 3) in A of the hydrogens of all sites, in their order; of turning ones staggered."""
    counts = np.array([len(site.names) for site in sites], np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    placed = np.empty((int(starts[-1]), 3))
    groups: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for number, site in enumerate(sites):
        groups[(site.kind, len(site.names), len(site.neighbours))].append(number)
    for (kind, count, _), members in groups.items():
        mine = [sites[number] for number in members]
        rows = starts[members][:, None] + np.arange(count)
        if kind == "opposite":
            placed[rows] = _opposite(mine, xyz)
        elif kind == "pair":
            placed[rows] = _pairs(mine, xyz)
        else:
            torsions = np.array([0.0, 180.0] if kind == "planar" else [180.0, 60.0, -60.0][:count])
            placed[rows] = _turned(mine, xyz, torsions)
    return placed


def rotor_candidates(site: Site, xyz: Array, residue: str) -> Rotor | None:
    """Positions that a site's hydrogens may take, the usual one first; None where there is only one."""
    if residue == "HIS" and site.polar and site.names[0] in ("HD1", "HE2"):
        base = place([site], xyz)
        return Rotor(site, np.stack([base, base]), np.array([[True], [False]]))
    if site.kind != "turning" or not (site.polar or residue in ("MET", "MSE")):
        return None
    count = len(site.names)
    if residue == "TYR":
        starts = np.array([180.0, 0.0, 170.0, -170.0, 10.0, -10.0])  # the plane of the ring holds the hydroxyl
    else:
        starts = 180.0 + np.arange(0.0, 360.0 / count, TURN)
    turns = starts[:, None] + np.arange(count) * 360.0 / count
    choices = _turned([site], xyz, turns.reshape(-1)).reshape(*turns.shape, 3)
    return Rotor(site, choices, np.ones(turns.shape, bool))


def _opposite(sites: Sequence[Site], xyz: Array) -> Array:
    parent, near = _ends(sites, xyz)
    length = np.array([site.length for site in sites])
    return np.asarray(parent - length[:, None] * _unit(_unit(near - parent[:, None]).sum(1)))[:, None]


def _pairs(sites: Sequence[Site], xyz: Array) -> Array:
    parent, near = _ends(sites, xyz)
    length = np.array([site.length for site in sites])[:, None]
    outward = -_unit(_unit(near - parent[:, None]).sum(1))
    across = _unit(cross(near[:, 0] - parent, near[:, 1] - parent))
    half = np.radians(_TETRAHEDRAL / 2)
    up, side = length * np.cos(half) * outward, length * np.sin(half) * across
    # which of the two has which name does not matter for contacts
    return np.stack([parent + up + side, parent + up - side], 1)


def _turned(sites: Sequence[Site], xyz: Array, torsions: Array) -> Array:
    """Hydrogens at torsions (T,) in degrees about the bond from the first neighbour to the parent; (sites, T, 3)."""
    parent, near = _ends(sites, xyz)
    beyond = xyz[[site.beyond for site in sites]]
    along = _unit(parent - near[:, 0])
    normal = _unit(cross(near[:, 0] - beyond, along))
    flat = cross(normal, along)
    angle = [_TRIGONAL if s.kind == "planar" else _THIOL_ANGLE if s.length == THIOL else _TETRAHEDRAL for s in sites]
    bend, turn = np.radians(angle)[:, None, None], np.radians(torsions)[:, None]
    sideways = np.cos(turn) * flat[:, None] + np.sin(turn) * normal[:, None]
    step = -np.cos(bend) * along[:, None] + np.sin(bend) * sideways
    return np.asarray(parent[:, None] + np.array([site.length for site in sites])[:, None, None] * step)


def _ends(sites: Sequence[Site], xyz: Array) -> tuple[Array, Array]:
    """Positions of the parents (S, 3) and of their neighbours (S, K, 3)."""
    return xyz[[site.parent for site in sites]], xyz[[site.neighbours for site in sites]]


def cross(a: Array, b: Array) -> Array:
    """Cross products of vectors (..., 3); for small arrays much faster than numpy's own."""
    x, y, z = (a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1)))
    return np.stack([x, y, z], -1)


def _unit(v: Array) -> Array:
    unit: Array = v / np.maximum(np.sqrt((v**2).sum(-1, keepdims=True)), 1e-9)
    return unit
