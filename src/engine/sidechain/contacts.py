"""Atoms that are too near to one another: without hydrogens, so that it is quick enough for each sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .geometry_table import geometry_table
from .scene import Scene
from .templates import BACKBONE, N_SLOTS, RESIDUE_NAMES, TEMPLATES

__all__ = ["ClashFinder", "Obstacles"]

_NEAREST = {
    "CC": 3.15, "CN": 2.9, "CO": 2.8, "CS": 3.1, "NN": 2.95, "NO": 2.5, "NS": 3.2, "OO": 2.45, "OS": 3.2, "SS": 3.3,
}  # fmt: skip
"""Angstrom below which two heavy atoms of residues that are not neighbours in the chain clash: crystal structures at
1.9 A or better of the validation split (50 chains) have 0.2 such pairs in 1,000 atoms for each of these rows."""
_METAL = {"C": 2.8, "N": 1.9, "O": 1.9, "S": 2.1}
"""Likewise to metals, halides and the like, which coordinate all but carbon."""
_WITHIN = 2.2
"""Likewise between a side chain beyond CB and its own N and O: torsions bring them to 2.4 at least."""
_CLASSES = ("C", "N", "O", "S", "X")
_LIKE = {"SE": "S", "P": "S"}
"""Elements that count as others."""
_DISULFIDE = 2.5
"""Angstrom between two sulphurs that are bonded; an ideal bond has 2.03."""
_IN_REACH = 20.0
"""Angstrom between CA beyond which no atoms of two residues can clash: the furthest of a side chain, those of arginine,
are 7.5 from CA, which leaves 1 for what bends."""


@dataclass(frozen=True)
class Obstacles:
    """Heavy atoms that are in the way and stay where they are.

    Attributes
    ----------
    xyz : ndarray, shape (M, 3)
        In angstrom, in the frame of the scene.
    elements : tuple of str, length M
    """

    xyz: NDArray[np.float64]
    elements: tuple[str, ...]


class ClashFinder:
    """Finds residues of samples of a scene that clash with others.

    Pairs that nothing can be done about do not count: both atoms given, or bonded nearly directly.

    Parameters
    ----------
    scene : Scene
        Of its first example.
    obstacles : Obstacles, optional
    """

    def __init__(self, scene: Scene, obstacles: Obstacles | None = None) -> None:
        aatype = scene.aatype[0].cpu()
        exists = geometry_table().exists[aatype]
        # a residue that stays has the atoms that are in view, whatever its type has
        side = torch.where((scene.known[0] & scene.present[0]).cpu()[:, None], scene.shown[0].cpu() & exists, exists)
        there = torch.cat([torch.ones(len(aatype), len(BACKBONE), dtype=torch.bool), side], -1)
        there &= scene.present[0].cpu()[:, None]
        given = torch.cat([scene.has_backbone[0, :, None].expand(-1, 4), scene.known[0, :, None].expand(-1, 10)], -1)
        self._rows: NDArray[np.bool_] = there.numpy()
        self._residue: NDArray[np.int64] = there.nonzero()[:, 0].numpy()
        self._slot: NDArray[np.int64] = there.nonzero()[:, 1].numpy()
        self._row_of: NDArray[np.int64] = np.full(there.shape, -1)
        self._row_of[self._residue, self._slot] = np.arange(len(self._residue))
        self._drawn: NDArray[np.bool_] = ~given.cpu()[there].numpy()
        kinds = np.array([[_class_of(e) for e in _elements(t)] for t in aatype.tolist()]).reshape(-1, N_SLOTS)
        self._kind: NDArray[np.int64] = kinds[self._rows]
        self._sulphur: NDArray[np.bool_] = self._kind == _CLASSES.index("S")
        sides = self._drawn & (self._slot >= len(BACKBONE))
        rows = np.split(np.flatnonzero(sides), np.searchsorted(self._residue[sides], np.arange(1, len(aatype))))
        self._drawn_side: list[NDArray[np.int64]] = rows
        self._kept_limits: dict[tuple[int, ...], tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        self._proline: NDArray[np.bool_] = (aatype == RESIDUE_NAMES.index("PRO")).numpy()
        bonded = scene.bonded[0].cpu().numpy()
        self._follows = np.concatenate([bonded, [False]])[: len(bonded)]
        self._others = None
        if obstacles is not None and len(obstacles.xyz):
            self._others = cKDTree(obstacles.xyz)
            self._other_kinds = np.array([_class_of(e) for e in obstacles.elements])

    @property
    def n_atoms(self) -> int:
        """Atoms of the scene."""
        return len(self._residue)

    def find(self, atoms: NDArray[np.floating]) -> tuple[NDArray[np.bool_], int]:
        """Residues (N,) with an atom that was drawn and clashes, and the number of pairs that clash.

        Parameters
        ----------
        atoms : ndarray, shape (N, 14, 3)
            One sample, in angstrom.
        """
        xyz = np.asarray(atoms, np.float64)[self._rows]
        hit = np.zeros(len(self._rows), bool)
        tree = cKDTree(xyz)
        i, j = self._near(xyz, tree)
        for end in (i, j):
            hit[self._residue[end[self._drawn[end]]]] = True
        count = len(i)
        if self._others is not None:
            found = tree.sparse_distance_matrix(self._others, _FURTHEST, output_type="ndarray")
            own, other = found["i"], found["j"]
            near = self._drawn[own] & (found["v"] < _LIMIT[self._kind[own], self._other_kinds[other]])
            hit[self._residue[own[near]]] = True
            count += int(near.sum())
        return hit, count

    @property
    def drawn_peptides(self) -> NDArray[np.bool_]:
        """Residues (N,) that are bonded to the next one by a peptide group which is drawn as a whole."""
        drawn = np.zeros(len(self._rows), bool)
        own = self._drawn & (self._slot == BACKBONE.index("C"))
        drawn[self._residue[own]] = True
        after = np.append(drawn[1:], False)
        return np.asarray(drawn & after & self._follows)

    def backbones_that_meet(self, atoms: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Residues (N,) whose peptide group, to the next one, has an atom that clashes with a backbone or a CB.

        Parameters
        ----------
        atoms : ndarray, shape (N, 14, 3)
            One sample, in angstrom.
        """
        xyz = np.asarray(atoms, np.float64)[self._rows]
        i, j = self._near(xyz, cKDTree(xyz))
        skeleton = (self._slot[i] <= len(BACKBONE)) & (self._slot[j] <= len(BACKBONE))
        ends = np.concatenate([i[skeleton], j[skeleton]])
        of_next = self._slot[ends] == BACKBONE.index("N")
        group = self._residue[ends] - of_next
        hit = np.zeros(len(self._rows), bool)
        hit[group[group >= 0]] = True
        return hit

    def peptide_overlap(
        self, atoms: NDArray[np.float64], residue: int, tried: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """How much the peptide group from a residue to the next would overlap with backbones and CB.

        Parameters
        ----------
        atoms : ndarray, shape (N, 14, 3)
            One sample, in angstrom.
        residue : int
        tried : ndarray, shape (T, 3, 3)
            C and O of the residue and N of the next one in angstrom.

        Returns
        -------
        ndarray, shape (T,)
            As `overlap`.
        """
        where = [(residue, "C"), (residue, "O"), (residue + 1, "N")]
        own = np.array([self._row_of[row, BACKBONE.index(name)] for row, name in where])
        return self._overlap(atoms, own, tried, self._slot <= len(BACKBONE))

    def _near(self, xyz: NDArray[np.float64], tree: cKDTree) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs of atoms (P,) that clash, one of them drawn."""
        i, j = tree.query_pairs(_FURTHEST, output_type="ndarray").T
        distance = np.linalg.norm(xyz[i] - xyz[j], axis=-1)
        near = (distance < self._limit(i, j)) & (self._drawn[i] | self._drawn[j])
        near &= ~(self._sulphur[i] & self._sulphur[j] & (distance < _DISULFIDE))
        return i[near], j[near]

    def overlap(self, atoms: NDArray[np.float64], residue: int, tried: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much side chains of a residue would overlap with all else.

        Parameters
        ----------
        atoms : ndarray, shape (N, 14, 3)
            One sample, in angstrom.
        residue : int
        tried : ndarray, shape (T, 14, 3)
            The residue's atoms with each of its side chains, in angstrom.

        Returns
        -------
        ndarray, shape (T,)
            Sum over pairs of the square, in A^2, of what they are nearer than they may be; 0 where nothing clashes.
        """
        own = self._drawn_side[residue]
        return self._overlap(atoms, own, tried[:, self._slot[own]])

    def _overlap(
        self,
        atoms: NDArray[np.float64],
        own: NDArray[np.int64],
        moved: NDArray[np.float64],
        counts: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """Overlap (T,) of atoms ``own`` (m,), moved to (T, m, 3), with the others, or those of them that count."""
        if not own.size:
            return np.zeros(len(moved))
        centre = moved.reshape(-1, 3).mean(0)
        reach = np.linalg.norm(moved.reshape(-1, 3) - centre, axis=-1).max() + _FURTHEST
        rows, limits = self._limits_around(atoms, own)
        others = atoms[self._residue[rows], self._slot[rows]] - centre
        within = np.abs(others).max(-1) < reach
        if counts is not None:
            within &= counts[rows]
        near, limit = rows[within], limits[:, within]
        from_centre, others = moved - centre, others[within]
        square = np.square(from_centre).sum(-1)[..., None] + np.square(others).sum(-1) - 2 * from_centre @ others.T
        # few are too near: what follows is for these alone
        t, i, j = np.nonzero(square < np.square(limit))
        distance = np.sqrt(np.maximum(square[t, i, j], 0.0))
        bonded = self._sulphur[own[i]] & self._sulphur[near[j]] & (distance < _DISULFIDE)
        under = np.where(bonded, 0.0, limit[i, j] - distance)
        total = np.bincount(t, np.square(under), len(moved)).astype(np.float64)
        if self._others is not None:
            found = cKDTree(moved.reshape(-1, 3)).sparse_distance_matrix(self._others, _FURTHEST, output_type="ndarray")
            t, i = np.divmod(found["i"], len(own))
            under = np.maximum(_LIMIT[self._kind[own[i]], self._other_kinds[found["j"]]] - found["v"], 0.0)
            total += np.bincount(t, np.square(under), len(moved))
        return total

    def _limits_around(
        self, atoms: NDArray[np.float64], own: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Atoms (R,) that others, ``own`` (m,), may reach, and how near to each of them (m, R) they may be.

        Kept, as a residue is looked at again and again: CA stay where they are.
        """
        key = tuple(own.tolist())
        if key not in self._kept_limits:
            ca = atoms[:, BACKBONE.index("CA")]
            there = np.linalg.norm(ca - ca[self._residue[own[0]]], axis=-1) < _IN_REACH
            there = there[self._residue]
            there[own] = False
            rows = np.flatnonzero(there)
            self._kept_limits[key] = rows, self._limit(own[:, None], rows[None])
        return self._kept_limits[key]

    def _limit(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.float64]:
        """How near atoms i and j may be in angstrom; 0 for any distance. Of any shape.

        Any for neighbours in the chain that hang together by few bonds, and within a residue but for a side chain that
        meets its own N or O.
        """
        in_order = self._residue[i] <= self._residue[j]
        i, j = np.where(in_order, i, j), np.where(in_order, j, i)
        first, second = self._residue[i], self._residue[j]
        beta, oxygen, nitrogen = len(BACKBONE), BACKBONE.index("O"), BACKBONE.index("N")
        same = first == second
        following = (second == first + 1) & self._follows[first]
        both = (self._slot[i] <= beta) & (self._slot[j] <= beta)
        both &= (self._slot[i] != oxygen) | (self._slot[j] != oxygen)  # peptides that face each other meet there
        ring = self._proline[second] & (self._slot[i] < beta)
        limit = np.where(following & (both | ring), 0.0, _LIMIT[self._kind[i], self._kind[j]])
        low, high = np.minimum(self._slot[i], self._slot[j]), np.maximum(self._slot[i], self._slot[j])
        ends = ((low == nitrogen) | (low == oxygen)) & (high > beta) & ~self._proline[first]
        return np.where(same, np.where(ends, _WITHIN, 0.0), limit)


def _elements(row: int) -> tuple[str, ...]:
    own = TEMPLATES[RESIDUE_NAMES[row]].elements
    return own + ("C",) * (N_SLOTS - len(own))


def _class_of(element: str) -> int:
    name = element.upper()
    name = _LIKE.get(name, name)
    return _CLASSES.index(name) if name in _CLASSES else _CLASSES.index("X")


def _limits() -> NDArray[np.float64]:
    limit = np.zeros((len(_CLASSES), len(_CLASSES)))
    for a, one in enumerate(_CLASSES):
        for b, other in enumerate(_CLASSES):
            pair = "".join(sorted((one, other)))
            limit[a, b] = _NEAREST[pair] if "X" not in pair else _METAL.get(pair.replace("X", "", 1), 0.0)
    return limit


_LIMIT = _limits()
_FURTHEST = float(_LIMIT.max())
