from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adp3d.contract.errors import InputError
from adp3d.restraints.atom_names import anchors
from adp3d.restraints.convert import to_backbone
from adp3d.restraints.reach import known_atoms
from adp3d.restraints.restraint import AtomLabel, DistanceRestraint, DistanceRestraints, Wildcards
from adp3d.structure.polymer import Polymer

POLYMER = Polymer.single_chain("MLVFAGPKRT")
Pair = tuple[tuple[int, str], tuple[int, str]]


def restraint(*pairs: Pair, lower: float = 0.0, target: float = math.nan, upper: float = math.inf) -> DistanceRestraint:
    alternatives = tuple((AtomLabel("", i, "", "", a), AtomLabel("", j, "", "", b)) for (i, a), (j, b) in pairs)
    return DistanceRestraint(f"{pairs}", alternatives, lower, target, upper, math.nan)


def together(*restraints: DistanceRestraint) -> DistanceRestraints:
    return DistanceRestraints("x.nef", restraints, Wildcards.NEF)


def test_backbone_pairs_stay_as_they_are() -> None:
    found = to_backbone(
        together(
            restraint(((1, "CA"), (5, "CA")), target=8.0),
            restraint(((6, "N"), (2, "O")), lower=2.0, target=3.0, upper=4.0),
        ),
        POLYMER,
    )
    np.testing.assert_array_equal(found.residues, [[0, 4], [1, 5]])
    np.testing.assert_array_equal(found.atoms, [[1, 1], [3, 0]])
    np.testing.assert_allclose(found.lower, [8.0, 2.0])
    np.testing.assert_allclose(found.upper, [8.0, 4.0])
    assert found.padded == 0 and found.skipped == ()


def test_padding_and_proton_count() -> None:
    leucine, valine = known_atoms("L")["HD11"].distance, known_atoms("V")["HG11"].distance
    one = together(restraint(((2, "HD1%"), (3, "HG1%")), lower=1.8, upper=5.0))
    found = to_backbone(one, POLYMER)
    assert found.upper[0] == pytest.approx(9 ** (1 / 6) * 5.0 + leucine + valine)
    assert found.lower[0] == 0.0 and found.padded == 1
    np.testing.assert_array_equal(found.atoms, [[4, 4]])
    assert to_backbone(one, POLYMER, averaging="nearest").upper[0] == pytest.approx(5.0 + leucine + valine)


def test_alternatives_merge_by_anchor_and_never_multiply_over_different_anchors() -> None:
    found = to_backbone(
        together(
            restraint(((2, "HD1%"), (5, "H")), ((2, "HD2%"), (5, "H")), ((3, "HB"), (8, "H")), upper=4.0),
            restraint(((1, "CA"), (9, "CA")), ((2, "CA"), (9, "CA")), target=6.0),
        ),
        POLYMER,
    )
    assert found.groups.tolist() == [0, 0, 1, 1]
    padding = known_atoms("L")["HD11"].distance + known_atoms("A")["H"].distance
    assert found.upper[0] == pytest.approx(6 ** (1 / 6) * 4.0 + padding)
    assert (found.lower[1], found.upper[1]) == (6.0, 6.0)
    assert "2 ambiguous" in found.lines()[0]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_structures_that_meet_the_originals_meet_the_converted(seed: int, n_alternatives: int, tight: bool) -> None:
    """Atoms anywhere within reach of their anchors; bounds exactly at the measured r^-6 sum."""
    rng = np.random.default_rng(seed)
    backbone = rng.uniform(0, 1, size=(10, 5, 3)) * rng.choice([3.0, 12.0, 40.0])
    names = {
        "M": ["HE%", "H"],
        "L": ["HD%", "HDX%", "CG"],
        "V": ["HG1%", "HB"],
        "F": ["HD%", "HZ"],
        "A": ["HB%", "O"],
        "G": ["HA%", "CA"],
        "P": ["HD%", "CG"],
        "K": ["HZ%", "NZ"],
        "R": ["HH%", "*"],
        "T": ["HG2%", "C"],
    }
    pairs: list[Pair] = []
    total = 0.0
    for _ in range(n_alternatives):
        i, j = rng.choice(10, 2, replace=False)
        ends, atoms = [], []
        for residue in (i, j):
            code = POLYMER.sequence[residue]
            name = str(rng.choice(names[code]))
            positions = []
            for anchor in anchors(code, name, Wildcards.NEF):
                direction = rng.normal(size=(anchor.count, 3))
                direction /= np.linalg.norm(direction, axis=1, keepdims=True)
                length = anchor.padding * (1.0 if tight else rng.uniform(size=(anchor.count, 1)))
                positions.append(backbone[residue, anchor.atom] + length * direction)
            ends.append((int(residue) + 1, name))
            atoms.append(np.concatenate(positions))
        if (ends[0], ends[1]) in pairs:
            continue
        pairs.append((ends[0], ends[1]))
        total += (np.linalg.norm(atoms[0][:, None] - atoms[1], axis=-1).clip(1e-3) ** -6).sum()
    measured = total ** (-1 / 6)
    found = to_backbone(together(restraint(*pairs, lower=0.999 * measured, upper=1.001 * measured)), POLYMER)
    a, b = (backbone[found.residues[:, k], found.atoms[:, k]] for k in (0, 1))
    value = (np.linalg.norm(a - b, axis=-1).clip(1e-9) ** -6).sum() ** (-1 / 6)
    assert found.lower[0] - 1e-9 <= value <= found.upper[0] + 1e-9


def test_unusable_restraints_are_left_out_whole_with_a_reason() -> None:
    good = restraint(((1, "CA"), (5, "CA")), upper=9.0)
    found = to_backbone(
        together(
            good,
            restraint(((4, "HB%"), (4, "HD%")), upper=4.0),
            restraint(((1, "CA"), (5, "CA")), ((1, "CA"), (77, "CA")), upper=4.0),
            restraint(((1, "CA"), (6, "CB")), upper=4.0),
        ),
        POLYMER,
    )
    assert len(found) == 1
    assert [item.reason for item in found.skipped] == [
        "both atoms are in one residue",
        "the residue is not in the job",
        "no atom CB in residue type G",
    ]
    assert "left out 1: the residue is not in the job" in "\n".join(found.lines())
    with pytest.raises(InputError, match="both atoms are in one residue"):
        to_backbone(together(restraint(((4, "HB%"), (4, "HD%")), upper=4.0)), POLYMER)
