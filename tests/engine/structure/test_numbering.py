from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.structure.numbering import number_chain


def test_new_residues_follow_the_users_offset():
    given_numbers = [None, None, (100, ""), (101, ""), None, None, (104, ""), None]
    assert [n for n, _ in number_chain(given_numbers)] == [98, 99, 100, 101, 102, 103, 104, 105]


def test_numbers_may_run_below_one():
    assert [n for n, _ in number_chain([None, None, (1, "")])] == [-1, 0, 1]


def test_insertion_codes_where_there_is_no_room():
    assert number_chain([(30, ""), None, None, (31, "")]) == [(30, ""), (30, "A"), (30, "B"), (31, "")]
    assert number_chain([(30, ""), None, None, None, (32, "")])[1:4] == [(31, ""), (31, "A"), (31, "B")]
    assert number_chain([(52, ""), (52, "A"), None, (53, "")])[2] == (52, "B")


def test_more_numbers_than_residues_count_from_the_left():
    assert number_chain([(30, ""), None, (101, "")])[1] == (31, "")


def test_beyond_sixty_two_insertion_codes():
    numbers = number_chain([(1, ""), *[None] * 70, (2, "")])
    assert numbers[62] == (1, "9")
    assert numbers[63:71] == [(1001 + i, "") for i in range(8)]
    assert len(set(numbers)) == 72


def test_ligand_numbers_are_left_alone():
    numbers = number_chain([(200, ""), None, None], {(201, "")})
    assert numbers == [(200, ""), (201, "A"), (202, "")]


def test_without_any_number():
    assert number_chain([None, None]) == [(1, ""), (2, "")]


@settings(deadline=None, max_examples=80)
@given(
    st.lists(
        st.one_of(st.none(), st.tuples(st.integers(-50, 400), st.sampled_from(["", "A", "B"]))),
        min_size=1,
        max_size=60,
    ),
    st.sets(st.tuples(st.integers(-50, 400), st.just("")), max_size=30),
)
def test_given_numbers_stay_and_new_ones_are_distinct(given_numbers, taken):
    given_numbers = [n if n not in given_numbers[:i] else None for i, n in enumerate(given_numbers)]
    result = number_chain(given_numbers, taken)
    assert all(new == old for new, old in zip(result, given_numbers, strict=True) if old is not None)
    assert len(set(result)) == len(result)
    fresh = {new for new, old in zip(result, given_numbers, strict=True) if old is None}
    assert not fresh & taken
