from __future__ import annotations

import math

import numpy as np
import pytest

from adp3d.contract.errors import InputError
from adp3d.restraints.locate import Locator
from adp3d.restraints.restraint import AtomLabel, DistanceRestraint, DistanceRestraints, Wildcards
from adp3d.structure.polymer import Polymer

NAMES = {"M": "MET", "L": "LEU", "V": "VAL", "F": "PHE", "A": "ALA", "G": "GLY"}
SEQUENCE = "MLVFAGMLLAVVFG"
DIMER = Polymer("MLVML", np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1]), ("A", "B"))


def label(number: int, name: str = "", chain: str = "") -> AtomLabel:
    return AtomLabel(chain, number, "", name, "CA")


def wrapped(*labels: AtomLabel) -> DistanceRestraints:
    pairs = [(labels[i], labels[(i + 1) % len(labels)]) for i in range(len(labels))]
    restraints = tuple(DistanceRestraint("r", (pair,), 0.0, 5.0, math.inf, math.nan) for pair in pairs)
    return DistanceRestraints("x.nef", restraints, Wildcards.NEF)


def locator(*labels: AtomLabel, polymer: Polymer = DIMER, offset: int = 0, names: list | None = None) -> Locator:
    return Locator.build(wrapped(*labels), polymer, names, offset)


def test_default_numbering_and_chains() -> None:
    find = locator(label(1, chain="A"), label(2, chain="B")).find
    assert find(label(3, chain="A")) == 2 and find(label(2, chain="B")) == 4
    assert find(label(3, chain="B")) == "the residue is not in the job"
    assert find(label(3)) == 2
    assert "several chains" in str(find(label(1)))


def test_the_users_numbering() -> None:
    names = [("X", 101, ""), ("X", 101, "A"), ("X", 105, ""), ("Y", 7, ""), ("Y", 8, "")]
    find = locator(label(101, chain="X"), names=names).find
    assert find(AtomLabel("X", 101, "A", "", "CA")) == 1
    assert find(label(8)) == 4
    assert locator(label(1, chain="X"), names=names, offset=100).find(label(5, chain="X")) == 2


def test_single_chains_need_not_share_a_name() -> None:
    single = Polymer.single_chain("MLV", "Q")
    assert locator(label(2, chain="A"), polymer=single).find(label(2, chain="A")) == 1
    with pytest.raises(InputError, match=r"chains of x\.nef \(C, D\).*\(A, B\)"):
        locator(label(1, chain="C"), label(2, chain="D"))


def test_contradicting_residue_names() -> None:
    polymer = Polymer.single_chain(SEQUENCE)
    labels = [label(i + 1, NAMES[code]) for i, code in enumerate(SEQUENCE)]
    wrong = [*labels[:-1], label(14, "TRP")]
    find = locator(*wrong, polymer=polymer).find
    assert find(labels[0]) == 0
    assert find(wrong[-1]) == "the residue name is not that of the sequence"
    assert find(label(14, "UNK")) == 13 and find(label(14, "DGU")) == 13


def test_shifted_numbering_is_refused_with_the_shift() -> None:
    polymer = Polymer.single_chain(SEQUENCE)
    shifted = [label(i + 1 + 23, NAMES[code]) for i, code in enumerate(SEQUENCE)]
    with pytest.raises(InputError, match="-23 added"):
        locator(*shifted, polymer=polymer)
    assert locator(*shifted, polymer=polymer, offset=-23).find(shifted[3]) == 3
    nonsense = [label(i + 1, "TRP") for i in range(14)]
    with pytest.raises(InputError, match="check the sequence"):
        locator(*nonsense, polymer=polymer)


def test_numbers_beyond_the_sequence_are_refused_with_the_shift() -> None:
    single = Polymer.single_chain(SEQUENCE)
    with pytest.raises(InputError, match=r"from 5 to 18.*from 1 to 14.*with -4 added: correct"):
        locator(label(5), label(9), label(18), polymer=single)
    with pytest.raises(InputError, match=r"from 100 to 103.*with -89 added \(or -99"):
        locator(label(100), label(103), polymer=single)
    with pytest.raises(InputError, match=r"from 0 to 13.*with \+1 added"):
        locator(label(0), label(13), polymer=single)
    assert locator(label(5), label(18), polymer=single, offset=-4).find(label(18)) == 13
    # some that do not belong to the job at all: no shift would help
    assert locator(label(1), label(99), polymer=single).find(label(99)) == "the residue is not in the job"
    # residue names that fit decide
    names = [label(i + 1, NAMES[code]) for i, code in enumerate(SEQUENCE)]
    assert locator(*names[5:], label(16, "GLY"), polymer=single).find(names[7]) == 7
    with pytest.raises(InputError, match="of chain B"):
        locator(label(1, chain="A"), label(2, chain="B"), label(3, chain="B"), polymer=DIMER)
