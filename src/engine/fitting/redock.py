"""Put misplaced parts of a model back into the map as rigid bodies, hinged to the part that fits.

A prediction docked by one of its domains often has the others a hinge motion away from their density:
too far for refinement, too large to be built anew, and right in themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from ..density.map import DensityMap
from ..density.neighbourhood import near
from ..density.resample import blur
from ..density.sample import sample
from ..placing.target import Target
from .support import SHORTEST_BODY, Support

__all__ = ["Placement", "redock"]

# Chosen by hand, and known to undo a hinge motion of the bundled example (82 residues turned by 40 degrees) and to
# leave the deposited model alone; other values were not compared.
_ROTATIONS = 4000
"""Random orientations. The nearest of 4,000 is 10 degrees off: (w - sin w) / pi = 1 / 4000 for the angle w that
encloses one of them on average. Local optimisation has to bridge that in a map blurred by `_BLUR`."""
_SHIFTS = 3.0
"""Standard deviation in angstrom of the shifts of a hinge that are tried; 0.3 of what its linker allows is added."""
_REFINED = 24
"""Best random placements that are optimised."""
_BLUR = 80.0
"""B in A^2: a positional spread of sqrt(B / 8 pi^2) = 1 A, so that CA atoms see density that is a bond away."""
_BOND = 3.8
"""Angstrom between CA atoms of bonded residues (trans), the reach of each residue of a linker."""
_HINGE_SLACK = 4.0
"""Angstrom beyond its reach at which a torn hinge costs `_HINGE_COST`: about one more residue."""
_HINGE_COST = 0.05
"""Standard deviations of the map."""
_EXPLAINED_RADIUS = 2.5
"""Angstrom around trusted atoms whose density is taken: as far as CB and the next bond."""
_CLIP = 4.0
"""Standard deviations of the map above which density counts no more: metals and phosphates draw no domain."""
_LEAST_Z = 4.5
"""Standard deviations above the mean of the random placements. The best of 4,000 normal numbers exceeds it once in 70
searches, before it is optimised."""
_LEAST_GAIN = 0.05
"""Standard deviations of the map by which the mean density at the CA atoms must beat that of the old place."""
_LONGEST_LINKER = 15
"""Residues between a body and its hinge: with more, the linker holds it nowhere (57 A)."""
_BRIDGE = 10
"""Residues in a row within a misplaced domain that may seem supported, by chance."""
_DOUBTFUL = 0.65
"""Fit, as a fraction of a typical one, below which a residue tells for a misplaced part and above which against one:
halfway between what is rejected (0.35) and right residues (0.95)."""
_MOSTLY_WRONG = 0.4
"""Mean fit, as the same fraction, of a part that is tried though longer stretches of it seem supported: helices of a
bundle that lie along others. Right parts of the 20 models of ``benchmarks/bent_models.py`` have 0.93 and more, turned
ones 0.16 at most."""
_ANGLE_SCALE = 20.0
"""Angstrom per radian, so that a step means the same for angles and shifts: the radius of 150 residues."""


@dataclass(frozen=True)
class Placement:
    """A part of the model that was moved.

    Attributes
    ----------
    first, last : int
        Residues, both included.
    angle : float
        Rotation in degrees.
    shift : float
        Distance that its centre moved, in angstrom.
    z : float
        Standard deviations by which its density exceeds that of random orientations at the hinge.
    """

    first: int
    last: int
    angle: float
    shift: float
    z: float


def redock(
    density: DensityMap, target: Target, support: Support, seed: int, poll: Callable[[], None] = lambda: None
) -> tuple[Target, list[Placement]]:
    """Search a new place for the residues that the map contradicts.

    All long runs of such residues in a chain are first tried as one rigid body (domains are often made
    of several stretches of the chain), then each by itself, then the part of each chain that fits badly as a whole,
    though some of its residues lie in the density of others. A body turns about its hinges, the nearest trusted
    residues along the chain: 4,000 random orientations with small shifts are scored by the mean
    density at their CA atoms, the density of the trusted part being taken out and the map blurred by
    B = 80 A^2; the best 24 are optimised over all six degrees of freedom. The winner replaces the old
    coordinates if it stands out from the random orientations by 4.5 standard deviations and beats the
    old place. Residues outside the map go with the body that they are next to.

    Parameters
    ----------
    density : DensityMap
        The whole map.
    target : Target
    support : Support
    seed : int
    poll : callable
        Called every few seconds; what it raises ends the search.

    Returns
    -------
    target : Target
        With moved coordinates; the same object if nothing moved.
    placements : list of Placement
    """
    chain_index = target.polymer.chain_index
    silent = support.outside(target.known[:, 1]) & ~support.trusted
    runs = [
        _with_silent(run, silent, chain_index)
        for run in _rejected_runs(support.rejected, target.known[:, 1], chain_index)
    ]
    explained, moved = support.trusted & target.known[:, 1], np.zeros(len(chain_index), bool)
    soft = blur(density, _BLUR)
    placements: list[Placement] = []
    for bodies in [*_bodies(runs, chain_index), *_doubtful_parts(support, chain_index)]:
        if any(moved[body].any() for body in bodies):
            continue  # found its place as part of another body
        hinges = [hinge for body in bodies for hinge in _hinges(body, explained, target)]
        if not hinges:
            continue
        residues = np.concatenate([np.arange(body.start, body.stop) for body in bodies])
        others = explained.copy()
        others[residues] = False
        field = _left_over(soft, target.xyz[others])
        rng = np.random.default_rng([seed, int(residues[0]), len(residues)])
        found = _search(field, target.xyz[residues, 1], target.xyz, hinges, rng, poll)
        if found is None:
            continue
        rotation, offset, z = found
        xyz = target.xyz.copy()
        before = np.nanmean(xyz[residues, 1], axis=0)
        xyz[residues] = xyz[residues] @ rotation.as_matrix().T + offset
        target = replace(target, xyz=xyz)
        explained[residues], moved[residues] = target.known[residues, 1], True
        shift = float(np.linalg.norm(np.nanmean(xyz[residues, 1], axis=0) - before))
        angle = float(np.degrees(rotation.magnitude()))
        placements += [Placement(body.start, body.stop - 1, angle, shift, z) for body in bodies]
    return target, placements


@dataclass(frozen=True)
class _Hinge:
    """Where a body hangs on the rest: a trusted CA, the body's residue next to it, and how far that may be."""

    position: NDArray[np.float64]
    residue: int
    reach: float


def _rejected_runs(
    rejected: NDArray[np.bool_], known: NDArray[np.bool_], chain_index: NDArray[np.int64]
) -> list[slice]:
    """Runs with at least as many known residues as the shortest body has, bridging up to ten that are not rejected."""
    runs: list[list[int]] = []
    for i in np.flatnonzero(rejected):
        if runs and i - runs[-1][1] <= _BRIDGE and chain_index[i] == chain_index[runs[-1][0]]:
            runs[-1][1] = int(i)
        else:
            runs.append([int(i), int(i)])
    return [slice(a, b + 1) for a, b in runs if known[a : b + 1].sum() >= SHORTEST_BODY]


def _with_silent(run: slice, silent: NDArray[np.bool_], chain_index: NDArray[np.int64]) -> slice:
    """A run and the residues on either side of which the map says nothing: they hang on it."""
    own = silent & (chain_index == chain_index[run.start])
    first, stop = run.start, run.stop
    while first > 0 and own[first - 1]:
        first -= 1
    while stop < len(own) and own[stop]:
        stop += 1
    return slice(first, stop)


def _bodies(runs: list[slice], chain_index: NDArray[np.int64]) -> list[list[slice]]:
    """Rigid bodies to try: the runs of each chain together, then one by one, longest first."""
    together = [[r for r in runs if chain_index[r.start] == chain] for chain in np.unique(chain_index)]
    alone = [[run] for run in sorted(runs, key=lambda r: r.start - r.stop)]
    return [group for group in together if len(group) > 1] + alone


def _doubtful_parts(support: Support, chain_index: NDArray[np.int64]) -> list[list[slice]]:
    """The part of each chain that tells most for being misplaced, the run of largest sum, if it is mostly wrong."""
    good = support.fit / support.typical
    against = np.where(np.isfinite(good) & (support.rejected | support.trusted), _DOUBTFUL - good, 0.0)
    out = []
    for chain in np.unique(chain_index):
        rows = np.flatnonzero(chain_index == chain)
        total = np.concatenate([[0.0], np.cumsum(against[rows])])
        lowest = np.minimum.accumulate(total)
        stop = int(np.argmax(total - lowest))
        start = int(np.argmin(total[: stop + 1]))
        part = slice(int(rows[0]) + start, int(rows[0]) + stop)
        fit = good[part][np.isfinite(good[part])]
        # what is missing in it says nothing, and few atoms find a place anywhere
        if len(fit) >= SHORTEST_BODY and fit.mean() < _MOSTLY_WRONG:
            out.append([part])
    return out


def _hinges(run: slice, explained: NDArray[np.bool_], target: Target) -> list[_Hinge]:
    """Nearest trusted residue on either side along the chain, at most fifteen away."""
    chain, hinges = target.polymer.chain_index, []
    seen = np.flatnonzero(np.isfinite(target.xyz[run, 1]).all(1)) + run.start
    for direction, end in ((-1, int(seen[0])), (1, int(seen[-1]))):
        for gap in range(1, _LONGEST_LINKER + 1):
            neighbour = end + direction * gap
            inside = 0 <= neighbour < len(explained)
            if inside and explained[neighbour] and chain[neighbour] == chain[run.start]:
                hinges.append(_Hinge(target.xyz[neighbour, 1], end, _BOND * gap))
                break
    return hinges


def _left_over(density: DensityMap, explained: NDArray[np.float64]) -> DensityMap:
    """Density in standard deviations, clipped, with what trusted atoms explain set to the lowest value."""
    data = density.values[density.values != 0]
    z = (density.values - data.mean()) / max(float(data.std()), 1e-12)
    z[near(density, explained, _EXPLAINED_RADIUS)] = -1.0
    return density.with_values(np.clip(z, -1.0, _CLIP).astype(np.float32))


def _search(
    density: DensityMap,
    ca: NDArray[np.float64],
    xyz: NDArray[np.float64],
    hinges: list[_Hinge],
    rng: np.random.Generator,
    poll: Callable[[], None],
) -> tuple[Rotation, NDArray[np.float64], float] | None:
    """Best rigid motion ``x -> R x + offset`` of a body's CA atoms, with its z score; None if none convinces."""
    points = ca[np.isfinite(ca).all(1)]
    tips = np.array([xyz[hinge.residue, 1] for hinge in hinges])
    anchors = np.array([hinge.position for hinge in hinges])
    reaches = np.array([hinge.reach for hinge in hinges])
    pivot, goal = tips.mean(0), anchors.mean(0)

    def score(rotvec: NDArray[np.float64], at: NDArray[np.float64]) -> float:
        turned = Rotation.from_rotvec(rotvec)
        moved_tips = turned.apply(tips - pivot) + at
        strain = np.clip(np.linalg.norm(moved_tips - anchors, axis=1) - reaches, 0.0, None) / _HINGE_SLACK
        moved = turned.apply(points - pivot) + at
        return float(sample(density, moved, outside=-1.0).mean() - _HINGE_COST * np.square(strain).sum())

    rotations = Rotation.random(_ROTATIONS, rng=rng)
    places = goal + rng.normal(scale=_SHIFTS + 0.3 * reaches.mean(), size=(_ROTATIONS, 3))
    scores = np.array([score(r, p) for r, p in zip(rotations.as_rotvec(), places, strict=True)])
    best_first = np.argsort(scores)[::-1][:_REFINED]
    starts = [(rotations[int(k)].as_rotvec(), places[k]) for k in best_first] + [(np.zeros(3), pivot)]

    def negative(v: NDArray[np.float64]) -> float:
        return -score(v[:3] / _ANGLE_SCALE, v[3:])

    best_value, best = -np.inf, starts[-1]
    for rotvec, at in starts:
        poll()
        vector = np.concatenate([_ANGLE_SCALE * rotvec, at])
        done = minimize(negative, vector, method="Powell", options={"maxfev": 600, "xtol": 0.02, "ftol": 1e-4})
        if -done.fun > best_value:
            best_value, best = -float(done.fun), (done.x[:3] / _ANGLE_SCALE, done.x[3:])
    z = (best_value - float(scores.mean())) / max(float(scores.std()), 1e-6)
    if z < _LEAST_Z or best_value <= score(np.zeros(3), pivot) + _LEAST_GAIN:
        return None
    rotation = Rotation.from_rotvec(best[0])
    return rotation, best[1] - rotation.apply(pivot), z
