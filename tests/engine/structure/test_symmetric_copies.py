"""Which chains are copies of which, and the group that they form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.contract.errors import InputError
from adp3d.contract.symmetry import parse_symmetry
from adp3d.structure.symmetric_copies import SequenceChain, find_group, find_orbits, refuse_occupied, refuse_overlap
from adp3d.structure.symmetry import apply, symmetry_of_symbol

RNG = np.random.default_rng(5)
N = 40
OWN = RNG.normal((35, 5, 10), 5, (N, 3))
OTHER = RNG.normal((35, 5, 35), 5, (30, 3))


def symmetry_of(text, centre=(1, 2, 3)):
    return symmetry_of_symbol(parse_symmetry(text), (0.1, 0.2, 1), centre)


def copies(symmetry, ca=OWN, sequence="A" * N, names="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij", noise=0.0):
    rng = np.random.default_rng(1)
    return [
        SequenceChain(name, sequence, apply(operator, ca) + rng.normal(0, noise, ca.shape))
        for name, operator in zip(names, symmetry.operators, strict=False)
    ]


@pytest.mark.parametrize("text", ["C2", "C3", "C8", "D2", "D3", "T", "O"])
def test_the_group_of_copies_is_found_and_exact(text):
    symmetry = symmetry_of(text)
    found = find_group(copies(symmetry, noise=0.4))
    assert found is not None and found.name == text and len(found) == len(symmetry)
    for operator, chain in zip(found.operators, copies(symmetry), strict=True):
        assert np.sqrt(np.square(apply(operator, OWN) - chain.ca).sum(-1).mean()) < 1.0


def test_copies_that_show_different_parts_are_compared_where_both_are():
    chains = copies(symmetry_of("C3"))
    for chain, part in zip(chains, (slice(0, 5), slice(10, 15), slice(35, 40)), strict=True):
        chain.ca[part] = np.nan
    found = find_group(chains)
    assert found is not None and found.name == "C3"


def test_chains_without_copies_do_not_hinder():
    chains = [*copies(symmetry_of("C3")), SequenceChain("X", "V" * 30, OTHER)]
    found = find_group(chains)
    assert found is not None and found.name == "C3"
    assert [orbit.copies for orbit in find_orbits(chains, found, True)] == [("A", "B", "C")]


def test_copies_that_are_turned_otherwise_form_no_group():
    chains = copies(symmetry_of("C4"))
    turned = Rotation.from_euler("xyz", [20, 50, 10], degrees=True).apply(chains[2].ca - chains[2].centre)
    chains[2] = SequenceChain("C", chains[2].sequence, turned + chains[2].centre)
    assert find_group(chains) is None


def test_a_filament_and_a_single_chain_form_no_group():
    assert find_group(copies(symmetry_of("H,12,40,6"))) is None
    assert find_group(copies(symmetry_of("C3"))[:1]) is None


def test_chains_of_a_complex_are_computed_beside_each_other():
    symmetry = symmetry_of("D2")
    chains = copies(symmetry)
    # the other chains come in another order: d lies with A
    chains += [
        SequenceChain(name, "V" * 30, apply(symmetry.operators[i], OTHER))
        for name, i in zip("abcd", (2, 1, 3, 0), strict=True)
    ]
    found = find_orbits(chains, symmetry, True)
    assert [orbit.copies for orbit in found] == [("A", "B", "C", "D"), ("d", "b", "a", "c")]


def test_the_most_complete_copy_is_computed():
    symmetry = symmetry_of("C3")
    chains = copies(symmetry)
    for chain, missing in zip(chains, (12, 3, 7), strict=True):
        chain.ca[:missing] = np.nan
    (orbit,) = find_orbits(chains, symmetry, True)
    assert orbit.copies == ("B", "C", "A")


def test_copies_that_the_model_lacks_have_no_name():
    symmetry = symmetry_of("C3")
    chains = copies(symmetry)
    (orbit,) = find_orbits([chains[0], chains[2]], symmetry, False)
    assert orbit.copies == ("A", None, "C")
    assert find_orbits([chains[0], chains[2]], symmetry, True) == []


def test_an_axis_through_the_model_is_refused():
    through = symmetry_of("C2", centre=tuple(OWN.mean(0)))
    with pytest.raises(InputError, match="takes the model into itself"):
        refuse_overlap(copies(through)[:1], through)
    apart = symmetry_of("C2")
    refuse_overlap(copies(apart)[:1], apart)


def test_a_chain_that_stays_where_it_is_is_refused():
    centred = OWN - OWN.mean(0)
    line = SequenceChain("A", "A" * N, np.column_stack([0 * centred[:, :2], centred[:, 2]]))
    with pytest.raises(InputError, match="leaves chain A where it is"):
        find_orbits([line], symmetry_of_symbol(parse_symmetry("C2"), (0, 0, 1), (0, 0, 0)), False)


def test_a_copy_on_top_of_another_chain_is_refused():
    beside = OWN + np.array([60.0, 0.0, 0.0])
    refuse_occupied({"C": OWN}, {"B": beside, "X": np.empty((0, 3))})
    swapped = np.concatenate([OWN[:3], beside[3:]])  # a tail that crosses
    refuse_occupied({"C": OWN}, {"B": swapped})
    with pytest.raises(InputError, match="puts a copy where the model has chain B, which is none of equal sequence"):
        refuse_occupied({"C": OWN}, {"X": beside, "B": OWN + 0.5})
