"""Scatterers beside the residues of an example: the rest of its entry, waters, neighbours, nucleic acid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .dataset import ELEMENTS, AtomCloud

__all__ = ["Scatterers", "double_helix", "join", "ordered_waters", "place_beside", "scatterers_of"]

PHOSPHORUS = len(ELEMENTS)
"""Number of phosphorus behind the elements of proteins."""

_WATER_DISTANCE = 2.8
_LEAST_WATER_GAP = 2.5
_CONTACT = 3.6
"""Shortest distance in angstrom of a neighbour put beside a protein, hydrogens not counted."""

_PROBE = 4
"""Every how many-th atom of a neighbour is tested for contacts."""

_NUCLEOTIDE = (
    ("P", 8.9, 95.0, 2.1), ("O", 10.2, 91.0, 1.9), ("O", 8.8, 103.0, 3.3), ("O", 7.7, 88.0, 1.8),
    ("C", 7.7, 80.0, 2.8), ("C", 7.6, 70.0, 2.0), ("O", 6.2, 66.0, 1.8), ("C", 8.2, 70.0, 0.6),
    ("O", 8.8, 81.0, 0.0), ("C", 7.0, 73.0, -0.2), ("C", 5.9, 67.0, 0.5), ("N", 4.6, 77.0, 0.4),
    ("C", 4.8, 93.0, 0.5), ("N", 4.0, 105.0, 0.4), ("C", 2.7, 95.0, 0.3), ("C", 1.8, 130.0, 0.2),
    ("N", 0.9, 50.0, 0.1), ("C", 2.2, 38.0, 0.2), ("N", 3.2, 52.0, 0.3),
)  # fmt: skip
"""Element, radius (A), angle (degrees) and height (A) of the atoms of one nucleotide about the helix axis:
B-form DNA rounded to the accuracy that a blob of foreign density needs (after the fibre models of Arnott)."""
_TWIST, _RISE = 36.0, 3.4


@dataclass(frozen=True)
class Scatterers:
    """Atoms that make a map.

    Attributes
    ----------
    xyz : ndarray of float32, shape (M, 3)
        In angstrom.
    element : ndarray of uint8, shape (M,)
        Index into `ELEMENTS`, or `PHOSPHORUS`.
    residue : ndarray of int64, shape (M,)
        Atoms with the same number belong to one residue.
    relative_b : ndarray of float32, shape (M,)
        B-factor over the chain's median.
    """

    xyz: NDArray[np.float32]
    element: NDArray[np.uint8]
    residue: NDArray[np.int64]
    relative_b: NDArray[np.float32]


def scatterers_of(cloud: AtomCloud, rng: np.random.Generator) -> Scatterers:
    """Atoms of a chain, with B-factors from its entry where those say something, else smooth random ones."""
    residues, inverse = np.unique(cloud.residue, return_inverse=True)
    given = cloud.b_factor
    middle = float(np.median(given))
    if middle > 5.0 and given.std() > 0.1 * middle:
        relative = given / middle
    else:
        waves = rng.standard_normal(len(residues) // 12 + 3)
        smooth = np.interp(np.arange(len(residues)) / 12.0, np.arange(len(waves)), waves)
        relative = np.exp(0.4 * smooth)[inverse]
    return Scatterers(
        cloud.xyz, cloud.element, cloud.residue.astype(np.int64), np.clip(relative, 0.3, 4.0).astype(np.float32)
    )


def join(parts: list[Scatterers]) -> Scatterers:
    """All atoms of several groups; residues stay apart."""
    offsets = np.cumsum([0, *(int(p.residue.max()) + 1 if len(p.residue) else 0 for p in parts)])
    return Scatterers(
        np.concatenate([p.xyz for p in parts]),
        np.concatenate([p.element for p in parts]),
        np.concatenate([p.residue + o for p, o in zip(parts, offsets, strict=False)]),
        np.concatenate([p.relative_b for p in parts]),
    )


def ordered_waters(atoms: Scatterers, count: int, rng: np.random.Generator) -> Scatterers:
    """Up to ``count`` oxygens 2.8 A from nitrogens and oxygens, where nothing else is."""
    polar = np.flatnonzero(np.isin(atoms.element, [ELEMENTS.index("N"), ELEMENTS.index("O")]))
    if count == 0 or not len(polar):
        return _alone(np.zeros((0, 3), np.float32), np.zeros(0, np.uint8))
    direction = rng.standard_normal((3 * count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    xyz = atoms.xyz[rng.choice(polar, 3 * count)] + _WATER_DISTANCE * direction
    distance, _ = cKDTree(atoms.xyz).query(xyz, distance_upper_bound=_LEAST_WATER_GAP)
    xyz = xyz[~np.isfinite(distance)][:count].astype(np.float32)
    return _alone(xyz, np.full(len(xyz), ELEMENTS.index("O"), np.uint8))


def double_helix(pairs: int) -> Scatterers:
    """A straight piece of double-stranded nucleic acid along z, centred."""
    names, radius, angle, height = zip(*_NUCLEOTIDE, strict=True)
    element = np.array([PHOSPHORUS if n == "P" else ELEMENTS.index(n) for n in names], np.uint8)
    strands = []
    for sense in (1, -1):
        for k in range(pairs):
            phi = np.deg2rad(sense * np.array(angle) + _TWIST * k)
            z = sense * np.array(height) + _RISE * (k - (pairs - 1) / 2)
            strands.append(np.stack([np.array(radius) * np.cos(phi), np.array(radius) * np.sin(phi), z], -1))
    xyz = np.concatenate(strands).astype(np.float32)
    residue = np.repeat(np.arange(2 * pairs), len(element))
    return Scatterers(xyz, np.tile(element, 2 * pairs), residue, np.ones(len(xyz), np.float32))


def place_beside(guest: Scatterers, host: NDArray[np.float32], rng: np.random.Generator) -> Scatterers:
    """A group turned at random and put against the atoms of a host (H, 3), without overlap."""
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    turn[:, 0] *= np.sign(np.linalg.det(turn))
    xyz = (guest.xyz - guest.xyz.mean(0)) @ turn.T.astype(np.float32)
    direction = rng.standard_normal(3)
    direction /= np.linalg.norm(direction)
    tree = cKDTree(host)
    # against a random atom of the surface on that side, then away until it fits
    start = host[rng.integers(len(host))]
    for step in np.arange(0.0, 200.0, 2.0):
        moved = xyz + (start + step * direction).astype(np.float32)
        distance, _ = tree.query(moved[::_PROBE], distance_upper_bound=_CONTACT)
        if not np.isfinite(distance).any():
            break
    return Scatterers(moved, guest.element, guest.residue, guest.relative_b)


def _alone(xyz: NDArray[np.float32], element: NDArray[np.uint8]) -> Scatterers:
    return Scatterers(xyz, element, np.arange(len(xyz)), np.ones(len(xyz), np.float32))
