import gemmi
import pytest

from adp3d.placing.conformers import join_coincident


def atom(name, x, altloc="\0", occ=1.0, b=20.0):
    new = gemmi.Atom()
    new.name, new.altloc, new.occ, new.b_iso = name, altloc, occ, b
    new.pos = gemmi.Position(x, 0, 0)
    return new


def told(atoms):
    return [(a.name, a.altloc, round(a.occ, 3), a.b_iso) for a in atoms]


def test_conformers_in_one_place_become_the_most_occupied_one():
    given = [atom("CB", 1.0, "A", 0.3, 30), atom("CB", 1.001, "B", 0.6, 40), atom("CG", 2.0, "A", 0.3)]
    assert told(join_coincident(given)) == [("CB", "\0", 0.9, 40), ("CG", "A", 0.3, 20)]


def test_of_three_conformers_two_that_meet_are_joined_and_keep_a_label():
    given = [atom("CB", 1.0, "A", 0.5), atom("CB", 3.0, "B", 0.3), atom("CB", 1.0, "C", 0.2)]
    assert told(join_coincident(given)) == [("CB", "A", 0.7, 20), ("CB", "B", 0.3, 20)]


def test_occupancies_never_exceed_one_and_other_atoms_are_left_alone():
    given = [atom("CB", 1.0, "A", 0.8), atom("CB", 1.0, "B", 0.8), atom("CG", 1.0, "A", 0.4), atom("CD", 1.0)]
    joined = join_coincident(given)
    assert told(joined) == [("CB", "\0", 1.0, 20), ("CG", "A", 0.4, 20), ("CD", "\0", 1.0, 20)]
    assert joined[1] is given[2] and joined[2] is given[3]


@pytest.mark.parametrize("apart", [0.05, 0.5])
def test_conformers_apart_stay_apart(apart):
    given = [atom("CB", 1.0, "A", 0.5), atom("CB", 1.0 + apart, "B", 0.5)]
    assert join_coincident(given) == given
