"""B-factors of results, which older versions gave the unit of the confidence."""

from __future__ import annotations

import numpy as np
import pytest


def _model(*values, first=1, chain="A"):
    """Residues of two atoms with given B-factors, N and CA."""
    from chimerax.adp3d.handover.atoms import AtomRow, ModelAtoms, ResidueRow

    rows = tuple(
        ResidueRow(
            (chain, first + i, ""),
            "ALA",
            "protein",
            tuple(AtomRow(name, name[0], "", 2 * i + j, 1.0, value) for j, name in enumerate(("N", "CA"))),
        )
        for i, value in enumerate(values)
    )
    return ModelAtoms(rows, np.zeros((2 * len(rows), 3)))


def _values(atoms):
    return [row.atoms[0].bfactor for row in atoms.residues]


STATED = {("A", number, ""): float(10 * number) for number in (1, 2, 3, 4)}


@pytest.mark.parametrize("wanted", ["plausible", "keep"])
def test_plausible_values_are_taken_as_they_are(wanted):
    from chimerax.adp3d.handover.b_factors import with_b_factors

    result = _model(10.0, 20.0, 30.0, 41.0)  # one atom apart from the confidence is enough
    assert with_b_factors(result, _model(5.0), STATED, wanted) is result


def test_the_confidence_is_taken_where_it_is_wanted():
    from chimerax.adp3d.handover.b_factors import with_b_factors

    result = with_b_factors(_model(1.0, 2.0, 3.0, 4.0, 5.0), _model(1.0), STATED, "confidence")
    assert _values(result) == [10.0, 20.0, 30.0, 40.0, 5.0], "of residues outside of the job it is not known"


@pytest.mark.parametrize(
    ("before", "first", "expected"),
    [
        ((7.0, 8.0, 9.0, 6.0), 1, [7.0, 8.0, 9.0, 6.0]),
        ((7.0, 8.0), 1, [7.0, 8.0, 8.0, 8.0]),
        ((9.0, 6.0), 3, [9.0, 9.0, 9.0, 6.0]),
        ((8.0,), 2, [8.0, 8.0, 8.0, 8.0]),
        ((5.0,), 40, [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_a_result_with_the_confidence_gets_the_former_values(before, first, expected):
    from chimerax.adp3d.handover.b_factors import with_b_factors

    result = with_b_factors(_model(10.0, 20.0, 30.0, 40.0), _model(*before, first=first), STATED, "plausible")
    assert _values(result) == expected


def test_residues_outside_of_the_job_keep_theirs():
    from chimerax.adp3d.handover.b_factors import with_b_factors

    inside = {address: value for address, value in STATED.items() if address[1] != 3}
    result = with_b_factors(_model(10.0, 20.0, 77.0, 40.0), _model(1.0, 2.0, 3.0, 4.0), inside, "plausible")
    assert _values(result) == [1.0, 2.0, 77.0, 4.0]
