"""What moved from one model to another of the same residues: rigid bodies, and what is left inside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from .superpose import Superposition, kabsch

__all__ = ["Displacement", "DomainMotion", "Screw", "displacement", "screw_of"]

_LEAST = 4
"""Residues: three or fewer have no motion of their own that could be told from noise."""
_CARRIED = 3.0
"""Residues farther from the common motion than this many medians do not count for it: rebuilt loops must not turn the
domain that they belong to. Of normal errors the median is 1.5 standard deviations, and 1 in 30,000 exceeds this."""
_CARRIED_AT_LEAST = 1.0
"""Angstrom within which residues count in any case: most models move by less than that inside their domains."""
_ROUNDS = 20
"""Of choosing the residues that count and superposing on them; it settles in two to five."""
_LEAST_TURN = 5.0
"""Degrees from which a turn has an axis worth telling: a domain of 50 residues of 10 A radius that differs by 1 A
inside leaves the turn uncertain by about 1 degree, and so the axis by 10."""


@dataclass(frozen=True)
class Screw:
    """Rigid motion as a turn about an axis and a shift along it (Chasles).

    Parameters
    ----------
    angle : float
        Degrees, 0 to 180, by the right hand about `axis`.
    axis : ndarray, shape (3,)
        Unit vector.
    point : ndarray, shape (3,)
        A point of the axis, in A.
    along : float
        Shift along `axis`, in A.
    """

    angle: float
    axis: NDArray[np.float64]
    point: NDArray[np.float64]
    along: float


@dataclass(frozen=True)
class DomainMotion:
    """What one domain did.

    Parameters
    ----------
    domain : int
        Its number as given.
    residues : ndarray of int64, shape (m,)
        Rows of it that both models show.
    shift : float
        Way of its centre, in A.
    angle : float
        Its turn, in degrees.
    rmsd : float
        RMSD between the models where they are, in A.
    internal_rmsd : float
        The same after the rigid motion is undone, in A.
    hinge : Screw or None
        Its motion relative to the first domain of its chain, where that one is in the second model; None for that
        domain itself, and for turns of less than 5 degrees, whose axis is uncertain.
    """

    domain: int
    residues: NDArray[np.int64]
    shift: float
    angle: float
    rmsd: float
    internal_rmsd: float
    hinge: Screw | None = None


@dataclass(frozen=True)
class Displacement:
    """What moved between two models of N residues.

    Parameters
    ----------
    distance : ndarray, shape (N,)
        Way of each residue, in A; NaN where a model does not show it.
    internal : ndarray, shape (N,)
        What is left of it after the motion of its domain, in A; NaN where it has none.
    domains : tuple of DomainMotion
        By number. Domains of which fewer than 4 residues are shown by both models have no motion.
    """

    distance: NDArray[np.float64]
    internal: NDArray[np.float64]
    domains: tuple[DomainMotion, ...]

    @property
    def rmsd(self) -> float:
        """Root mean square of the ways, in A; NaN if the models share no residue."""
        shown = self.distance[np.isfinite(self.distance)]
        return float(np.sqrt(np.square(shown).mean())) if shown.size else float("nan")

    def farthest(self, rows: Sequence[int] | NDArray[np.int64], count: int) -> list[int]:
        """Of some rows those ``count`` that moved most, the farthest first."""
        chosen = np.asarray(rows, np.int64)
        chosen = chosen[np.isfinite(self.distance[chosen])]
        return [int(row) for row in chosen[np.argsort(-self.distance[chosen], kind="stable")][:count]]


def displacement(
    start: NDArray[np.floating],
    result: NDArray[np.floating],
    domain: NDArray[np.integer],
    chain: NDArray[np.integer],
) -> Displacement:
    """Divide the way of each residue into the rigid motion of its domain and what is left.

    The motion of a domain is the least-squares superposition (`kabsch`) on the residues that it carries along: those
    within three median deviations of it, found by repetition.

    Parameters
    ----------
    start, result : ndarray, shape (N, 3)
        CA positions in one frame, in A; NaN where a model has none.
    domain : ndarray of int, shape (N,)
        Domain of each residue, of one chain each; -1 for none.
    chain : ndarray of int, shape (N,)
        Chain of each residue. Hinges refer to the domain of the same chain with the lowest number.

    Returns
    -------
    Displacement

    Raises
    ------
    ValueError
        If shapes disagree, or a domain has residues of two chains.
    """
    before, after = np.asarray(start, np.float64), np.asarray(result, np.float64)
    if before.shape != after.shape or before.shape != (len(domain), 3) or len(chain) != len(domain):
        raise ValueError(f"models of shapes {before.shape} and {after.shape} do not go with {len(domain)} residues")
    distance = np.linalg.norm(after - before, axis=1)
    internal = np.full(len(domain), np.nan)
    first: dict[int, Superposition] = {}
    motions = []
    for number in np.unique(domain[domain >= 0]).tolist():
        members = domain == number
        chains = np.unique(chain[members])
        if len(chains) > 1:
            raise ValueError(f"domain {number} has residues of several chains")
        rows = np.flatnonzero(members & np.isfinite(distance))
        if len(rows) < _LEAST:
            continue
        motion = _common_motion(before[rows], after[rows])
        internal[rows] = np.linalg.norm(motion.apply(before[rows]) - after[rows], axis=1)
        centre = before[rows].mean(axis=0)
        fixed = first.setdefault(int(chains[0]), motion)
        hinge = None
        if fixed is not motion:
            relative = screw_of(_after(motion, _inverse(fixed)), fixed.apply(centre[None])[0])
            hinge = relative if relative.angle >= _LEAST_TURN else None
        motions.append(
            DomainMotion(
                domain=number,
                residues=rows.astype(np.int64),
                shift=float(np.linalg.norm(motion.apply(centre[None])[0] - centre)),
                angle=_angle(motion.rotation),
                rmsd=float(np.sqrt(np.square(distance[rows]).mean())),
                internal_rmsd=float(np.sqrt(np.square(internal[rows]).mean())),
                hinge=hinge,
            )
        )
    return Displacement(distance, internal, tuple(motions))


def screw_of(motion: Superposition, near: NDArray[np.floating]) -> Screw:
    r"""Axis, angle and pitch of a rigid motion :math:`x \mapsto R x + t`.

    With the axis :math:`u` and :math:`t_\perp = t - (u \cdot t) u`, the axis runs through
    :math:`\frac{1}{2}(t_\perp + \cot(\theta/2) \, u \times t_\perp)`.

    Parameters
    ----------
    motion : Superposition
        Of a rotation, not of a mirror image.
    near : ndarray, shape (3,)
        `Screw.point` is the point of the axis that is nearest to this one, in A. For a pure shift, which turns about
        infinity, it is this point itself.

    Returns
    -------
    Screw
    """
    turn = Rotation.from_matrix(motion.rotation).as_rotvec()
    theta = float(np.linalg.norm(turn))
    way, here = np.asarray(motion.translation, np.float64), np.asarray(near, np.float64)
    if theta < 1e-7:  # what is left of rounding when a rotation is found from coordinates
        length = float(np.linalg.norm(way))
        return Screw(0.0, way / length if length else np.array([0.0, 0.0, 1.0]), here, length)
    axis = turn / theta
    along = float(axis @ way)
    across = way - along * axis
    point = 0.5 * (across + np.cross(axis, across) / np.tan(theta / 2))
    return Screw(float(np.degrees(theta)), axis, point + axis * (axis @ (here - point)), along)


def _common_motion(start: NDArray[np.float64], result: NDArray[np.float64]) -> Superposition:
    """Motion of most of the points, shape (m, 3)."""
    carried = np.ones(len(start), bool)
    for _ in range(_ROUNDS):
        motion = kabsch(start, result, carried)
        off = np.linalg.norm(motion.apply(start) - result, axis=1)
        within = off <= max(_CARRIED * float(np.median(off)), _CARRIED_AT_LEAST)
        if np.array_equal(within, carried):
            break
        carried = within
    return motion


def _angle(rotation: NDArray[np.float64]) -> float:
    return float(np.degrees(Rotation.from_matrix(rotation).magnitude()))


def _inverse(motion: Superposition) -> Superposition:
    turned = motion.rotation.T
    return Superposition(turned, -turned @ motion.translation)


def _after(second: Superposition, first: Superposition) -> Superposition:
    """Both motions, one after the other."""
    return Superposition(second.rotation @ first.rotation, second.rotation @ first.translation + second.translation)
