"""Point groups and helices as operators: closure, orders and ChimeraX's settings."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.contract.errors import InputError
from adp3d.contract.symmetry import ORIENTATIONS, parse_symmetry
from adp3d.structure.symmetry import (
    Symmetry,
    apply,
    closed_group,
    closed_if_nearly,
    group_name,
    inverse,
    product,
    symmetry_of_symbol,
)

ORDERS = {"C2": 2, "C3": 3, "C7": 7, "C24": 24, "D2": 4, "D3": 6, "D7": 14, "D12": 24, "T": 12, "O": 24, "I": 60}
SETTINGS = ("T,z3", *(f"I,{name}" for name in ORIENTATIONS["I"]))


def made(text, axis=(0, 0, 1), centre=(0, 0, 0)):
    return symmetry_of_symbol(parse_symmetry(text), axis, centre)


def index(operators, one):
    """Number of an operator in a list; exactly one must be it."""
    (found,) = np.flatnonzero(np.abs(operators - one).max((1, 2)) < 1e-8)
    return int(found)


def table(operators):
    return np.array([[index(operators, product(a, b)) for b in operators] for a in operators])


@pytest.mark.parametrize("text", [*ORDERS, *SETTINGS])
def test_operators_form_a_group_of_the_right_order(text):
    symmetry = made(text, (1, -2, 0.5), (10, 20, 30))
    assert len(symmetry) == ORDERS[text.split(",")[0]]
    assert np.array_equal(symmetry.operators[0], np.eye(3, 4))
    np.testing.assert_allclose(np.linalg.det(symmetry.operators[:, :, :3]), 1, atol=1e-12)
    products = table(symmetry.operators)
    assert all(sorted(row) == list(range(len(symmetry))) for row in products.tolist())
    assert group_name(symmetry.operators) == text.split(",")[0]
    np.testing.assert_allclose(apply(symmetry.operators[-1], (10, 20, 30)), (10, 20, 30), atol=1e-12)
    assert len(symmetry.neighbours()) == len(symmetry) - 1


@pytest.mark.parametrize(
    ("text", "angle", "axis"),
    [
        ("C5", 72, (0, 0, 1)),
        ("D5", 72, (0, 0, 1)),
        ("D5", 180, (1, 0, 0)),
        ("T", 180, (0, 0, 1)),
        ("T", 120, (-1, -1, 1)),
        ("T,z3", 120, (0, 0, 1)),
        ("O", 90, (0, 1, 0)),
        ("I", 180, (0, 0, 1)),
        ("I", 120, (1, 1, 1)),
        ("I,222", 72, (0, 1, 1.618033988749895)),
        ("I,222r", 72, (1, 0, 1.618033988749895)),
        ("I,2n5", 72, (0, 0, 1)),
        ("I,2n5", 180, (1, 0, 0)),
        ("I,n25", 72, (0, 0, 1)),
        ("I,n25", 180, (0, 1, 0)),
        ("I,n25r", 180, (0, 1, 0)),
        ("I,2n3", 120, (0, 0, 1)),
        ("I,2n3r", 180, (1, 0, 0)),
    ],
)
def test_axes_lie_where_chimerax_has_them(text, angle, axis):
    unit = np.array(axis) / np.linalg.norm(axis)
    turn = Rotation.from_rotvec(np.radians(angle) * unit).as_matrix()
    index(made(text).operators, np.column_stack([turn, np.zeros(3)]))


def test_operators_of_chimerax_own_tables_are_there():
    # rows of icosahedral_matrix_table, setting 222, and of its transform from n25 (x <-> y, z -> -z of 2n5)
    c, c2 = np.cos(2 * np.pi / 5), np.cos(4 * np.pi / 5)
    for rows in ([[c2, -0.5, c], [-0.5, c, c2], [c, c2, -0.5]], [[0.5, c, c2], [-c, c2, -0.5], [c2, 0.5, -c]]):
        index(made("I").operators, np.column_stack([rows, np.zeros(3)]))
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1.0]])
    for one in made("I,2n5").operators:
        index(made("I,n25").operators, np.column_stack([swap.T @ one[:, :3] @ swap, np.zeros(3)]))
    # tetrahedral, EMAN's setting: a threefold axis in the yz plane along -y
    three = Rotation.from_rotvec(np.radians(120) * np.array([0, -np.sqrt(8) / 3, -1 / 3])).as_matrix()
    both = [three, three.T]
    assert any(np.abs(made("T,z3").operators[:, :, :3] - one).max((1, 2)).min() < 1e-8 for one in both)


def test_groups_agree_with_those_of_crystals():
    for text, name in (("C4", "P 4"), ("D2", "P 2 2 2"), ("T", "P 2 3"), ("O", "P 4 3 2"), ("D4", "P 4 2 2")):
        crystal = [np.array(op.rot) / op.DEN for op in gemmi.SpaceGroup(name).operations()]
        operators = made(text).operators
        assert len(crystal) == len(operators)
        for turn in crystal:
            index(operators, np.column_stack([turn, np.zeros(3)]))


def test_a_helix_rises_and_turns_and_goes_on_at_both_ends():
    symmetry = made("H,4.75,-1.2,7", (0, 1, 0), (5, 0, 5))
    assert len(symmetry) == 7 and not symmetry.closed
    for k, one in enumerate(symmetry.operators):
        np.testing.assert_allclose(apply(one, (5, 3, 5)), (5, 3 + 4.75 * k, 5), atol=1e-9)
        np.testing.assert_allclose(np.trace(one[:, :3]), 1 + 2 * np.cos(np.radians(-1.2 * k)), atol=1e-9)
    neighbours = symmetry.neighbours()
    assert len(neighbours) == 12
    np.testing.assert_allclose(product(neighbours[0], neighbours[6]), np.eye(3, 4), atol=1e-12)


@pytest.mark.parametrize(
    ("text", "closed", "count"),
    [("H,0,120,3", True, 2), ("H,0,51.43,7", True, 6), ("H,0,60,3", False, 4), ("H,4.75,-1.2,2", False, 2)],
)
def test_rings_written_as_helices_have_each_neighbour_once(text, closed, count):
    symmetry = made(text, (0.3, 0, 1), (50, 80, 20))
    neighbours = symmetry.neighbours()
    assert symmetry.closed is closed and len(neighbours) == count
    for one in [np.eye(3, 4), *neighbours]:  # each differs from all others
        assert (np.abs(neighbours - one).max((1, 2)) > 0.01).sum() >= count - 1


def test_parts_of_a_group_are_open_and_have_their_inverses_beside_them():
    whole = made("I", (0.1, 0.2, 1), (120, 130, 140))
    point = np.array([150.0, 100.0, 260.0])
    away = [np.linalg.norm(apply(one, point) - point) for one in whole.operators]
    part = Symmetry("assembly 1", whole.operators[np.argsort(away)[:6]])
    assert whole.closed and not part.closed
    neighbours = part.neighbours()
    for one in part.operators[1:]:
        index(neighbours, one)
        index(neighbours, inverse(one))
    for one in neighbours:  # nothing that the whole does not have, and nothing twice
        index(whole.operators, one)
        index(neighbours, one)
    rounded = Symmetry("assembly 1", np.round(whole.operators, 5))  # as files give them
    assert rounded.closed and len(rounded.neighbours()) == 59


def test_the_axis_may_point_backwards_and_must_point_somewhere():
    turned = made("C4", (0, 0, -1)).operators
    for one in made("C4").operators:
        index(turned, one)
    with pytest.raises(InputError, match="no direction"):
        made("C3", (0, 0, 0))


@pytest.mark.parametrize("text", ["C2", "C5", "D2", "D4", "T", "O"])
def test_operators_that_nearly_form_a_group_are_made_one(text):
    exact = made(text, (0.3, 0.4, 1), (40, 50, 60)).operators
    middle = np.column_stack([np.eye(3), (40, 50, 60)])
    rng = np.random.default_rng(3)
    near = exact.copy()
    for one in near[1:]:
        small = np.column_stack([Rotation.from_rotvec(rng.normal(0, 0.01, 3)).as_matrix(), rng.normal(0, 0.2, 3)])
        one[:] = product(product(middle, product(small, inverse(middle))), one)
    found = closed_group(near, table(exact), (40, 50, 60))
    assert found is not None and found.name == text and found.closed
    products = table(np.round(found.operators, 12))
    assert np.array_equal(products, table(exact))
    points = 40 + 30 * rng.normal(size=(50, 3))
    for a, b in zip(found.operators, exact, strict=True):
        assert np.linalg.norm(apply(a, points) - apply(b, points), axis=-1).max() < 4.0


@pytest.mark.parametrize("text", ["C3", "D2", "T"])
def test_measured_operators_are_taken_for_the_group_that_they_nearly_are(text):
    exact = made(text, (1, 2, 3), (4, 5, 6))
    rng = np.random.default_rng(2)
    points = rng.normal((40, 10, 5), 8, (50, 3))
    off = [exact.operators[0]]
    for one in exact.operators[1:]:
        turn = Rotation.from_rotvec(np.radians(0.3) * rng.normal(size=3)).as_matrix()
        around = np.column_stack([turn, points.mean(0) - turn @ points.mean(0) + rng.normal(0, 0.1, 3)])
        off.append(product(around, one))
    measured = Symmetry(f"of {len(off)} operators", np.array(off))
    assert not measured.closed and len(measured.neighbours()) > len(exact)
    found = closed_if_nearly(measured, points, 2.0)
    assert found.closed and found.name == text and len(found) == len(exact)
    for one, other in zip(found.operators, exact.operators, strict=True):
        assert np.linalg.norm(apply(one, points) - apply(other, points), axis=-1).max() < 1.0
    assert closed_if_nearly(measured, points, 0.01) is measured
    assert closed_if_nearly(exact, points, 2.0) is exact


@pytest.mark.parametrize("text", ["H,4.7,120,3", "H,10,-30,5"])
def test_helices_stay_open(text):
    helix = made(text)
    points = np.random.default_rng(2).normal((40, 10, 5), 8, (50, 3))
    assert closed_if_nearly(helix, points, 2.0) is helix


def test_screws_are_no_point_group():
    screw = made("C2").operators.copy()
    screw[1, 2, 3] = 20.0  # a half turn that rises
    assert closed_group(screw, np.array([[0, 1], [1, 0]]), (0, 0, 0)) is None
    shift = np.array([np.eye(3, 4), np.column_stack([np.eye(3), [30.0, 0, 0]])])
    assert closed_group(shift, np.array([[0, 1], [1, 0]]), (0, 0, 0)) is None


def test_inverses_undo():
    one = made("I", (1, 1, 3), (4, 5, 6)).operators[17]
    np.testing.assert_allclose(product(one, inverse(one)), np.eye(3, 4), atol=1e-12)
    assert isinstance(made("C3"), Symmetry)
