"""Which chain of a helix is the first one and which is computed, whatever their order, and the signs of the helix."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.contract.symmetry import parse_symmetry
from adp3d.structure.open_copies import refuse_other_hand, seen_from_best
from adp3d.structure.symmetric_copies import SequenceChain, find_orbits
from adp3d.structure.symmetry import apply, inverse, product, symmetry_of_symbol

N = 40
OWN = np.random.default_rng(5).normal((25, 5, 10), (8, 8, 1.0), (N, 3))
BESIDE = np.random.default_rng(6).normal((-25, 5, 10), (8, 8, 1.0), (30, 3))
ORDERS = ("ABCDE", "EDCBA", "CAEBD", "BDAEC")


def helix(text):
    return symmetry_of_symbol(parse_symmetry(text), (0.1, 0.2, 1), (1, 2, 3))


def strands(symmetry, missing, names="ABCDE", ca=OWN, sequence="A" * N):
    """One chain for each operator, in this order, without some of its first residues."""
    chains = []
    for name, operator, gap in zip(names, symmetry.operators, missing, strict=True):
        xyz = apply(operator, ca)
        xyz[:gap] = np.nan
        chains.append(SequenceChain(name, sequence, xyz))
    return chains


def in_order(chains, names):
    return [next(chain for chain in chains if chain.name == name) for name in names]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("text", "other"), [("H,4.75,-1.2,5", "H,-4.75,1.2,5"), ("H,9,35,5", "H,-9,-35,5")])
def test_the_most_complete_strand_is_computed_whatever_order_and_sign(text, other, order):
    true = helix(text)
    chains = in_order(strands(true, (3, 2, 0, 1, 4)), order)
    for given, wanted in ((true, "CABDE"), (helix(other), "CEDBA")):
        seen, name = seen_from_best(chains, given)
        assert name == "C" and seen.name == given.name and not seen.closed
        np.testing.assert_array_equal(seen.operators[0], np.eye(3, 4))
        (orbit,) = find_orbits(chains, seen, False, computed=name)
        assert orbit.chain == "C" and orbit.copies == tuple(wanted)
        by_name = {chain.name: chain.ca for chain in chains}
        for operator, copy in zip(seen.operators, orbit.copies, strict=True):
            apart = np.linalg.norm(apply(operator, by_name["C"]) - by_name[copy], axis=-1)
            assert np.nanmax(apart) < 1e-6
        # which copy is the first one does not change what lies beside it
        for one in given.neighbours():
            assert np.abs(seen.neighbours() - one).max((1, 2)).min() < 1e-9
        assert len(seen.neighbours()) == len(given.neighbours()) == 8


@pytest.mark.parametrize("order", ORDERS)
def test_of_equally_complete_strands_the_first_one_is_computed(order):
    true = helix("H,4.75,-1.2,5")
    chains = in_order(strands(true, (0,) * 5), order)
    seen, name = seen_from_best(chains, true)
    assert name == "A"
    np.testing.assert_allclose(seen.operators, true.operators, atol=1e-9)
    assert seen_from_best(chains, helix("H,-4.75,1.2,5"))[1] == "E"


def test_strands_that_the_model_lacks_go_on_where_the_helix_leads():
    true = helix("H,4.75,-1.2,5")
    chains = strands(true, (3, 0, 1, 0, 0))[:3]
    seen, name = seen_from_best(chains[::-1], true)
    (orbit,) = find_orbits(chains[::-1], seen, False, computed=name)
    assert (name, orbit.copies) == ("B", ("B", "A", "C", None, None))
    np.testing.assert_allclose(product(seen.operators[4], inverse(seen.operators[1])), true.operators[4], atol=1e-9)


def test_strands_beside_each_other_are_computed_together():
    true = helix("H,4.75,-1.2,5")
    second = strands(true, (0, 9, 9, 9, 0), "vwxyz", BESIDE, "V" * 30)
    chains = [second[4], *strands(true, (1, 1, 0, 1, 1)), *second[:4]]
    seen, name = seen_from_best(chains, true)
    orbits = find_orbits(chains, seen, False, computed=name)
    assert sorted(orbit.copies for orbit in orbits) == [tuple("CABDE"), tuple("xvwyz")]


def test_more_strands_than_copies_are_refused_by_name():
    chains = strands(helix("H,4.75,-1.2,5"), (0,) * 5)
    with pytest.raises(InputError, match=r"Chains A, B, C, D, E follow each other by H,4.75,-1.2,3.*signs"):
        seen_from_best(chains, helix("H,4.75,-1.2,3"))


@pytest.mark.parametrize("text", ["H,9,35,5", "H,-9,-35,5"])
def test_the_other_hand_is_told_with_chain_and_sign(text):
    true, wrong = helix("H,9,35,5"), helix("H,9,-35,5")
    chains = strands(true, (3, 2, 0, 1, 4))
    with pytest.raises(InputError, match=r"By H,9,-35,5, chain A is no copy of chain C, but by H,9,35,5 it is.*signs"):
        refuse_other_hand(chains, wrong, true)
    refuse_other_hand(chains, helix(text), wrong)
    refuse_other_hand(chains[:1], wrong, true)
