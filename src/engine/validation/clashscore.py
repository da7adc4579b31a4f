"""Clashes between all atoms, hydrogens included, and the clashscore."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .atoms import Atoms, bonds_of
from .contacts import ContactAtoms, Near, contact_atoms, near_along_bonds
from .hydrogens import Hydrogens, Rotor, cross, hydrogen_sites, place, rotor_candidates

__all__ = ["AtomClash", "Clashscore", "add_hydrogens", "all_atom_clashes", "clashscore"]

Array = NDArray[np.float64]

CLASH_OVERLAP = 0.4
"""A by which the spheres of two atoms that are not bonded overlap in a clash (Word et al. 1999)."""

HYDROGEN_BOND, SALT_BRIDGE = 0.6, 0.8
"""A by which a hydrogen bond may overlap more than that, without and with opposite charges (defaults of Probe)."""

LEAST_OCCUPANCY = 0.1
"""Atoms of a lower occupancy are not compared, as in MolProbity; where all of them have one, it means nothing."""

_RINGS = ((0.0, 1), (0.35, 6), (0.65, 10), (0.95, 14))
# Dots on the cap of one sphere that lies deep enough inside the other: part of the cap's angle, and their number.

_DOTS = np.array(
    [
        (part, np.cos(2 * np.pi * k / count), np.sin(2 * np.pi * k / count))
        for part, count in _RINGS
        for k in range(count)
    ]
)

_SPHERE_REACH = 4.0  # A around a group that turns within which atoms can touch it


@dataclass(frozen=True)
class AtomClash:
    """Two atoms that clash: residue index, atom name of both, and the overlap of their spheres in A."""

    residues: tuple[int, int]
    names: tuple[str, str]
    overlap: float


@dataclass(frozen=True)
class Clashscore:
    """Clashes of a model.

    Parameters
    ----------
    per_1000_atoms : float
        Clashing pairs per 1,000 atoms, hydrogens included, waters not counted; NaN without atoms.
    clashes : tuple of AtomClash
        Worst first.
    atoms, hydrogens : int
        Atoms that were compared, waters not counted, and how many of these are hydrogens that were placed for it.
    without_hydrogens : int
        Residues, waters apart, that got no hydrogens because nothing is known of where they would be.
    """

    per_1000_atoms: float
    clashes: tuple[AtomClash, ...]
    atoms: int
    hydrogens: int
    without_hydrogens: int


def clashscore(atoms: Atoms) -> Clashscore:
    """Number of pairs of atoms per 1,000 atoms that overlap by 0.4 A or more, as MolProbity defines it.

    Hydrogens are placed anew at their electron clouds. A pair counts if a dot on the sphere of one of the two atoms
    lies 0.4 A or deeper inside the other, is in no atom within three bonds (four, for hydrogens) of its own, and
    deeper in no third one. Hydrogen bonds may overlap by 0.6 A more, salt bridges by 0.8 A.

    Parameters
    ----------
    atoms : Atoms
        Heavy atoms; see `adp3d.validation.atoms.heavy_atoms`.

    Notes
    -----
    Word, Lovell, LaBean, Taylor, Zalis, Presley, Richardson & Richardson (1999), J. Mol. Biol. 285, 1711;
    Williams et al. (2018), Protein Sci. 27, 293. Unlike MolProbity, one conformer of each residue is looked at, ligands
    and nucleic acids have no hydrogens, and contacts with metals do not count.
    """
    atoms = _occupied(atoms)
    points, near = add_hydrogens(atoms)
    found = all_atom_clashes(points, near)
    counted = int((~points.water).sum())
    bare = {
        i
        for i, residue in enumerate(atoms.residues)
        if not residue.protein and not residue.water and (points.residue == i).any()
    }
    return Clashscore(
        per_1000_atoms=1000.0 * len(found) / counted if counted else float("nan"),
        clashes=found,
        atoms=counted,
        hydrogens=int(points.hydrogen.sum()),
        without_hydrogens=len(bare),
    )


def add_hydrogens(atoms: Atoms) -> tuple[ContactAtoms, Near]:
    """Place the hydrogens of a model; those with a choice where they clash least and bind best, one after the other."""
    bonds = bonds_of(atoms)
    sites = hydrogen_sites(atoms, bonds)
    kinds = [atoms.residues[atoms.residue[site.parent]].kind for site in sites]
    rotors: dict[int, Rotor] = {}
    for number, (site, kind) in enumerate(zip(sites, kinds, strict=True)):
        rotor = rotor_candidates(site, atoms.xyz, kind)
        if rotor is not None:
            rotors[number] = rotor
    counts = np.array([len(site.names) for site in sites], np.int64)
    aromatic = [site.length < 0.95 and not site.polar for site in sites]
    hydrogens = Hydrogens(
        xyz=place(sites, atoms.xyz),
        parent=np.repeat(np.array([site.parent for site in sites], np.int64), counts),
        names=np.array([name for site in sites for name in site.names], dtype=np.str_),
        polar=np.repeat(np.array([site.polar for site in sites], bool), counts),
        aromatic=np.repeat(np.array(aromatic, bool), counts),
    )
    points = contact_atoms(atoms, bonds, hydrogens)
    near = near_along_bonds(points.bonds, points.hydrogen)
    starts = len(atoms) + np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    there = _turn(points, near, [(int(starts[number]), rotor) for number, rotor in rotors.items()])
    if there.all():
        return points, near
    return _without(points, ~there)


def all_atom_clashes(points: ContactAtoms, near: Near) -> tuple[AtomClash, ...]:
    """Clashing pairs, worst overlap first; see `clashscore`."""
    if not len(points):
        return ()
    tree = cKDTree(points.xyz)
    reach = 2 * float(points.radius.max()) - CLASH_OVERLAP
    i, j = tree.query_pairs(reach, output_type="ndarray").reshape(-1, 2).T
    apart = np.sqrt(((points.xyz[i] - points.xyz[j]) ** 2).sum(-1))
    overlap = points.radius[i] + points.radius[j] - apart
    wanted = (
        (overlap >= CLASH_OVERLAP) & ~(points.ignored[i] | points.ignored[j]) & ~(points.water[i] & points.water[j])
    )
    i, j, overlap = i[wanted], j[wanted], overlap[wanted]
    apart_by_bonds = ~near.together(i, j)
    i, j, overlap = i[apart_by_bonds], j[apart_by_bonds], overlap[apart_by_bonds]
    bound = points.may_bond(i, j)
    spared = np.where(bound, np.where(points.charge[i] * points.charge[j] < 0, SALT_BRIDGE, HYDROGEN_BOND), 0.0)
    wanted = overlap - spared >= CLASH_OVERLAP
    found = []
    for a, b, deep, less in zip(*(x[wanted].tolist() for x in (i, j, overlap, spared)), strict=True):
        seen = max(_deepest_dot(points, near, tree, a, b), _deepest_dot(points, near, tree, b, a))
        if seen - less >= CLASH_OVERLAP:
            pair = (int(points.residue[a]), int(points.residue[b]))
            found.append(AtomClash(pair, (str(points.names[a]), str(points.names[b])), deep - less))
    return tuple(sorted(found, key=lambda clash: -clash.overlap))


def _deepest_dot(points: ContactAtoms, near: Near, tree: cKDTree, a: int, b: int) -> float:
    """How deep in atom b lies the deepest dot on the sphere of a that touches b and no closer atom, in A; 0 if none."""
    own, other = float(points.radius[a]), float(points.radius[b])
    way = points.xyz[b] - points.xyz[a]
    apart = float(np.sqrt((way**2).sum()))
    if apart < 1e-3:
        return other  # at one place: no direction to look in
    inner = max(other - CLASH_OVERLAP, 0.0)
    cosine = np.clip((own**2 + apart**2 - inner**2) / (2 * own * apart), -1.0, 1.0)
    dots = points.xyz[a] + own * _cap(way / apart, float(np.arccos(cosine)))
    depth = other - np.sqrt(((dots - points.xyz[b]) ** 2).sum(-1))
    around = np.array(tree.query_ball_point(points.xyz[a], own + float(points.radius.max())), np.int64)
    around = around[(around != a) & (around != b)]
    bonded = np.isin(around, near.of(a), kind="table")
    deeper = points.radius[around] - np.sqrt(((dots[:, None] - points.xyz[around]) ** 2).sum(-1))
    unseen = ((deeper > 0) & bonded).any(-1) | ((deeper > depth[:, None]) & ~bonded & ~points.ignored[around]).any(-1)
    seen = depth[~unseen]
    return float(seen.max()) if seen.size else 0.0


def _cap(axis: Array, angle: float) -> Array:
    """Directions within an angle (radians) of an axis; shape (dots, 3)."""
    side = cross(axis, np.eye(3)[np.abs(axis).argmin()])
    side /= np.sqrt((side**2).sum())
    bend = _DOTS[:, :1] * angle
    around = _DOTS[:, 1:2] * side + _DOTS[:, 2:] * cross(axis, side)
    return np.asarray(np.cos(bend) * axis + np.sin(bend) * around)


def _turn(points: ContactAtoms, near: Near, rotors: list[tuple[int, Rotor]]) -> NDArray[np.bool_]:
    """Put hydrogens with a choice to their best place, in `points`; which atoms are there after all."""
    there = np.ones(len(points), bool)
    if not rotors:
        return there
    parents = np.array([rotor.site.parent for _, rotor in rotors])
    around = cKDTree(points.xyz).query_ball_point(points.xyz[parents], _SPHERE_REACH)
    others = []
    for (start, rotor), listed in zip(rotors, around, strict=True):
        own = np.arange(start, start + len(rotor.site.names))
        candidates = np.array(listed, np.int64)
        others.append(candidates[~np.isin(candidates, near.of(start)) & ~np.isin(candidates, own)])
    for _ in range(2):  # once more, now that the others have turned
        for (start, rotor), neighbours in zip(rotors, others, strict=True):
            own = np.arange(start, start + len(rotor.site.names))
            present = neighbours[there[neighbours]]
            score = _scores(points, own, rotor, present)
            best = int(score.argmax())
            points.xyz[own] = rotor.choices[best]
            there[own] = rotor.there[best]
    return there


def _scores(points: ContactAtoms, own: NDArray[np.int64], rotor: Rotor, others: NDArray[np.int64]) -> Array:
    """How good the choices (T,) are: overlaps count against them, hydrogen bonds for them.

    The weights, 10 and 4 per A of overlap, stand in the relation that Reduce has for overlaps and hydrogen bonds.
    """
    apart = np.sqrt(((rotor.choices[:, :, None] - points.xyz[others]) ** 2).sum(-1))
    overlap = np.maximum(points.radius[own][None, :, None] + points.radius[others] - apart, 0.0)
    bound = points.may_bond(np.repeat(own, len(others)), np.tile(others, len(own))).reshape(len(own), len(others))
    gain = np.where(
        bound, 4.0 * np.minimum(overlap, HYDROGEN_BOND) - 10.0 * np.maximum(overlap - HYDROGEN_BOND, 0.0), 0.0
    )
    loss = np.where(bound, 0.0, overlap)
    bad = 10.0 * (loss + np.maximum(loss - CLASH_OVERLAP, 0.0) * 5.0)
    each = (gain - bad).sum(-1)
    # a histidine without this hydrogen scores nothing for it; two on one ring are for those that bind with both
    return np.asarray(np.where(rotor.there, each - 0.01 * ~rotor.there, 0.0).sum(-1))


def _without(points: ContactAtoms, gone: NDArray[np.bool_]) -> tuple[ContactAtoms, Near]:
    kept = ~gone
    number = np.cumsum(kept) - 1
    bonds = points.bonds[kept[points.bonds].all(1)]
    arrays = {
        name: getattr(points, name)[kept]
        for name in ("xyz", "radius", "residue", "names", "hydrogen", "water", "ignored", "donor", "acceptor", "charge")
    }
    fewer = replace(points, **arrays, bonds=number[bonds])
    return fewer, near_along_bonds(fewer.bonds, fewer.hydrogen)


def _occupied(atoms: Atoms) -> Atoms:
    kept = ~(atoms.occupancy < LEAST_OCCUPANCY)
    if kept.all() or not kept.any():
        return atoms
    number = np.cumsum(kept) - 1
    return replace(
        atoms,
        **{name: getattr(atoms, name)[kept] for name in ("xyz", "names", "elements", "residue", "b_iso", "occupancy")},
        connections=tuple((int(number[a]), int(number[b])) for a, b in atoms.connections if kept[a] and kept[b]),
    )
