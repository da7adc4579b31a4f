"""Symmetry as lists of rigid operators: point groups and helices by symbol, groups that operators nearly form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from ..contract.errors import InputError
from ..contract.symmetry import ORIENTATIONS, SymmetryRequest

__all__ = [
    "IDENTITY",
    "Symmetry",
    "apply",
    "closed_group",
    "closed_if_nearly",
    "distinct",
    "group_name",
    "inverse",
    "product",
    "symmetry_of_operators",
    "symmetry_of_symbol",
]

Array = NDArray[np.float64]

IDENTITY: Array = np.eye(3, 4)
"""The operator that leaves all in place."""
_SAME = 1e-3
"""Largest difference of rotation matrices that are the same: rotations of neighbouring elements differ by 0.1 and more
up to C60."""
_SAME_SHIFT = 0.5
"""Angstrom within which shifts of one operator are the same: what `_SAME` brings 500 A away from an axis; copies that
are turned alike lie 4 A and more apart."""
_SAME_ANGLE = 0.1
"""Degrees within which angles are the same."""
_ROUNDS = 60
"""Rounds of averaging that make operators a group: each squares what is left of the deviation."""
_SLIDE = 1.5
"""Angstrom by which operators that ought to be a point group may slide along their axes: copies that were placed one by
one lie that badly at most, a helix rises by more than twice that."""


@dataclass(frozen=True)
class Symmetry:
    """Rigid motions that take one copy to all copies.

    Attributes
    ----------
    name : str
        Symbol of the group, such as ``D2``.
    operators : ndarray, shape (n, 3, 4)
        ``x -> R x + t`` in angstrom, ``[R | t]``; the first is the identity.
    """

    name: str
    operators: Array

    def __len__(self) -> int:
        return len(self.operators)

    @cached_property
    def closed(self) -> bool:
        """Whether they form a group. Those of a helix or of a part of a shell do not: it goes on at their ends."""
        products = _products(self.operators, self.operators)
        return bool(
            np.isfinite(_tree(self.operators).query(_scaled(products), p=np.inf, distance_upper_bound=1.0)[0]).all()
        )

    def neighbours(self) -> Array:
        """Operators (m, 3, 4), each once, to all other copies that may lie beside the first.

        Those of an open set are all that take one of its copies to another one: what it is a part of goes on at its
        ends, in the same way.
        """
        found = self.operators
        if not self.closed:
            back = np.array([inverse(one) for one in found])
            found = np.concatenate([found, back, _products(found, back)])
        return distinct(found)[1:]


def apply(operator: Array, points: ArrayLike) -> Array:
    """Points (..., 3) in angstrom, moved by an operator (3, 4); NaN stays NaN."""
    moved: Array = np.asarray(points, np.float64) @ operator[:, :3].T + operator[:, 3]
    return moved


def product(a: Array, b: Array) -> Array:
    """The operator (3, 4) that does ``b``, then ``a``."""
    return np.column_stack([a[:, :3] @ b[:, :3], a[:, :3] @ b[:, 3] + a[:, 3]])


def inverse(a: Array) -> Array:
    """The operator (3, 4) that undoes ``a``."""
    return np.column_stack([a[:, :3].T, -a[:, :3].T @ a[:, 3]])


def distinct(operators: Array) -> Array:
    """Operators (n, 3, 4) without those that were there before, in their order."""
    pairs = _tree(operators).query_pairs(1.0, p=np.inf, output_type="ndarray")
    return np.delete(operators, pairs[:, 1], 0)  # of each pair the later one


def symmetry_of_symbol(request: SymmetryRequest, axis: ArrayLike, centre: ArrayLike) -> Symmetry:
    """Operators of a point group or a helix, as ChimeraX's ``sym`` command has them.

    The main axis is z before ``axis`` turns it, the shortest way: that of C and D (whose first twofold is x), of a
    helix and of T in its setting z3. T and O have their two- and fourfold axes along x, y and z, I its twofold ones
    (222), or as its setting says.

    Parameters
    ----------
    request : SymmetryRequest
        A symbol.
    axis : array_like, shape (3,)
        Direction of the main axis.
    centre : array_like, shape (3,)
        A point that all operators of a point group leave where it is, in angstrom.

    Raises
    ------
    InputError
        If the axis has no direction.
    """
    plain = _SYMBOLS[request.kind](request)
    frame = np.column_stack([_turn_to(axis), np.asarray(centre, np.float64)])
    back = inverse(frame)
    moved = np.array([product(frame, product(one, back)) for one in plain])
    moved[0] = IDENTITY
    return Symmetry(request.symbol, moved)


def symmetry_of_operators(operators: Array) -> Symmetry:
    """Symmetry of operators (n, 3, 4) as they are given, the identity first, those that are there twice once.

    It has the name of its point group if it is one, else it says how many there are.
    """
    found = distinct(operators)
    plain = Symmetry(f"of {len(found)} operators", found)
    return Symmetry(group_name(found), found) if plain.closed else plain


def closed_group(operators: Array, table: NDArray[np.int64], middle: ArrayLike) -> Symmetry | None:
    """The point group next to operators that nearly form one.

    Rotations are averaged over the products that ought to give them, ``R_g = mean_h R_gh R_h^-1`` made orthogonal,
    until they obey the table; translations by the centre that moves least.

    Parameters
    ----------
    operators : ndarray, shape (n, 3, 4)
        The first is the identity.
    table : ndarray of int64, shape (n, n)
        Which operator the product of two is.
    middle : array_like, shape (3,)
        Point of the model in angstrom, about which turns that are a little off shift it little.

    Returns
    -------
    Symmetry or None
        None where there is no such point group: operators slide along their axes, as those of a helix do.
    """
    n, origin = len(operators), np.asarray(middle, np.float64)
    rotations = operators[:, :, :3].copy()
    for _ in range(_ROUNDS):
        mean = np.array([np.mean([rotations[table[g, h]] @ rotations[h].T for h in range(n)], 0) for g in range(n)])
        u, _, vt = np.linalg.svd(mean)
        u[..., -1] *= np.sign(np.linalg.det(u @ vt))[:, None]
        settled = np.abs(u @ vt - rotations).max() < 1e-12
        rotations = u @ vt
        if settled:
            break
    products = rotations[:, None] @ rotations[None]
    if np.abs(products - rotations[table]).max() > 1e-6 or np.abs(rotations[0] - np.eye(3)).max() > 1e-6:
        return None
    # (1 - R) c = t for all of them; the shortest solution, as an axis has no centre of its own
    system = (np.eye(3) - rotations).reshape(-1, 3)
    shifts = operators[:, :, :3] @ origin + operators[:, :, 3] - origin
    centre = origin + np.linalg.lstsq(system, shifts.reshape(-1), rcond=1e-6)[0]
    found = np.concatenate([rotations, (centre - rotations @ centre)[..., None]], -1)
    if np.linalg.norm(rotations @ origin + found[:, :, 3] - origin - shifts, axis=-1).max() > _SLIDE:
        return None
    found[0] = IDENTITY
    same = np.abs(rotations[:, None] - rotations[None]).max((-1, -2)) < _SAME
    if same.sum() > n:  # copies that differ by a shift are no point group
        return None
    return Symmetry(group_name(found), found)


def closed_if_nearly(symmetry: Symmetry, points: Array, tolerance: float) -> Symmetry:
    """The point group next to operators that nearly form one; others as they are.

    Operators that were measured, by superposing copies for instance, are a little off, and what they lead to again and
    again is not what was meant.

    Parameters
    ----------
    symmetry : Symmetry
    points : ndarray, shape (P, 3)
        Of the model, in angstrom.
    tolerance : float
        Angstrom (rms of the points) by which the product of two operators may differ from a third one.
    """
    if symmetry.closed:
        return symmetry
    images = np.array([apply(one, points) for one in symmetry.operators])
    apart = np.array([[_rms(apply(one, image), images) for image in images] for one in symmetry.operators])
    table = apart.argmin(-1)
    permutes = all(len(set(line)) == len(images) for line in (*table.tolist(), *table.T.tolist()))
    if apart.min(-1).max() > tolerance or not permutes:
        return symmetry
    return closed_group(symmetry.operators, table, points.mean(0)) or symmetry


def group_name(operators: Array) -> str:
    """Symbol of a point group, given all its operators (n, 3, 4), from the orders of its rotations."""
    n = len(operators)
    cosine = (np.trace(operators[:, :, :3], axis1=1, axis2=2) - 1) / 2
    angles = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    if n == 1 or np.abs(angles - 360 / n).min() < _SAME_ANGLE:
        return f"C{n}"
    threefold = int((np.abs(angles - 120) < _SAME_ANGLE).sum())
    for symbol, order, count in (("T", 12, 8), ("O", 24, 8), ("I", 60, 20)):
        if n == order and threefold == count:
            return symbol
    return f"D{n // 2}"


def _rms(points: Array, others: Array) -> Array:
    """Root mean square distances (n,) of points (P, 3) to each set of others (n, P, 3)."""
    return np.asarray(np.sqrt(np.square(points - others).sum(-1).mean(-1)))


def _products(a: Array, b: Array) -> Array:
    """All operators (n * m, 3, 4) that do one of ``b`` (m, 3, 4), then one of ``a`` (n, 3, 4)."""
    turns = a[:, None, :, :3] @ b[None, :, :, :3]
    shifts = a[:, None, :, :3] @ b[None, :, :, 3:] + a[:, None, :, 3:]
    return np.concatenate([turns, shifts], -1).reshape(-1, 3, 4)


def _scaled(operators: Array) -> Array:
    """Rows (n, 12) that are the same operator where no element differs by 1."""
    return np.concatenate([operators[:, :, :3].reshape(-1, 9) / _SAME, operators[:, :, 3] / _SAME_SHIFT], -1)


def _tree(operators: Array) -> cKDTree:
    return cKDTree(_scaled(operators))


def _turn_to(axis: ArrayLike) -> Array:
    """The shortest rotation (3, 3) that takes z to an axis (3,)."""
    vector = np.asarray(axis, np.float64)
    length = float(np.linalg.norm(vector))
    if not length > 1e-6:
        raise InputError("The axis of the symmetry has no direction; give one such as 0,0,1.")
    x, y, z = (vector / length).tolist()
    if z < -1 + 1e-12:  # half a turn about any axis across; x as ChimeraX
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, x], [0.0, 0.0, y], [-x, -y, 0.0]])
    turn: Array = np.eye(3) + cross + cross @ cross / (1 + z)
    return turn


def _rotation(axis: ArrayLike, degrees: float) -> Array:
    """Rotation (3, 3) about an axis through the origin."""
    vector = np.asarray(axis, np.float64)
    x, y, z = (vector / np.linalg.norm(vector)).tolist()
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = math.radians(degrees)
    turn: Array = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turn


def _about_origin(rotations: Array) -> Array:
    return np.concatenate([rotations, np.zeros((len(rotations), 3, 1))], -1)


def _closure(*generators: Array) -> Array:
    """All products (n, 3, 3) of rotations, the identity first."""
    found = [np.eye(3)]
    for one in found:  # grows on the way
        for generator in generators:
            made = generator @ one
            if all(np.abs(made - other).max() > _SAME for other in found):
                found.append(made)
    return np.array(found)


def _cyclic(request: SymmetryRequest) -> Array:
    return _about_origin(np.array([_rotation((0, 0, 1), 360 * k / request.order) for k in range(request.order)]))


def _dihedral(request: SymmetryRequest) -> Array:
    turned = _cyclic(request)[:, :, :3]
    return _about_origin(np.concatenate([turned, np.diag([1.0, -1.0, -1.0]) @ turned]))


def _tetrahedral(request: SymmetryRequest) -> Array:
    plain = _closure(_rotation((0, 0, 1), 180), _rotation((1, 0, 0), 180), _rotation((1, 1, 1), 120))
    if request.orientation == "z3":
        lean = math.degrees(math.acos(1 / math.sqrt(3)))
        old = _rotation((0, 0, 1), -45) @ _rotation((1, 0, 0), -lean)
        plain = old.T @ plain @ old
    return _about_origin(plain)


def _octahedral(request: SymmetryRequest) -> Array:
    return _about_origin(_closure(_rotation((0, 0, 1), 90), _rotation((1, 0, 0), 90)))


def _icosahedral(request: SymmetryRequest) -> Array:
    golden = (1 + math.sqrt(5)) / 2
    plain = _closure(_rotation((0, 0, 1), 180), _rotation((1, 1, 1), 120), _rotation((0, 1, golden), 72))
    old = _icosahedral_frame(request.orientation)
    return _about_origin(old.T @ plain @ old)


def _icosahedral_frame(orientation: str) -> Array:
    """Rotation (3, 3) from a setting of the icosahedron to 222, whose fivefold axes lie in the planes of x, y and z."""
    edge = 1 / math.sin(2 * math.pi / 5)  # of the icosahedron around the unit sphere
    five = _rotation((1, 0, 0), math.degrees(math.asin(edge / 2)))  # takes the fivefold axis on z to that of 222
    three = five @ _rotation((1, 0, 0), math.degrees(math.asin(edge / math.sqrt(3))))
    swap = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    about_x, about_y = np.diag([1.0, -1.0, -1.0]), np.diag([-1.0, 1.0, -1.0])
    frames = {
        "222": np.eye(3),
        "222r": _rotation((0, 0, 1), 90),
        "2n5": five,
        "2n5r": five @ about_y,
        "n25": five @ swap,
        "n25r": five @ swap @ about_x,
        "2n3": three,
        "2n3r": three @ about_y,
    }
    if set(frames) != set(ORIENTATIONS["I"]):
        raise ValueError("settings of the icosahedron do not agree with those that are offered")
    found: Array = frames[orientation]
    return found


def _helical(request: SymmetryRequest) -> Array:
    found = []
    for k in range(request.order):
        found.append(np.column_stack([_rotation((0, 0, 1), k * request.angle), (0, 0, k * request.rise)]))
    return np.array(found)


_SYMBOLS = {
    "C": _cyclic,
    "D": _dihedral,
    "T": _tetrahedral,
    "O": _octahedral,
    "I": _icosahedral,
    "H": _helical,
}
