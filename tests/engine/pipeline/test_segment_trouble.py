"""How trouble is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adp3d.contract.segments import Segment
from adp3d.pipeline.segment_trouble import WEIGHTS, with_trouble

GOOD = Segment("A", ("1", "2"), "rebuilt", confidence=95.0, rotamers=0, clashes=0)


def test_nothing_is_no_trouble():
    found = with_trouble(GOOD)
    assert (found.trouble, found.reasons) == (0.0, ())
    assert with_trouble(replace(GOOD, rotamers=None, clashes=None)).trouble == 0.0


@pytest.mark.parametrize(
    "change, name, count",
    [
        ({"register": -2}, "register", 1),
        ({"breaks": 2}, "break", 2),
        ({"ramachandran": 3}, "ramachandran", 3),
        ({"peptides": 1}, "peptide", 1),
        ({"rotamers": 4}, "rotamer", 4),
        ({"clashes": 5}, "clash", 5),
        ({"confidence": 35.0}, "confidence", 0.5),
    ],
)
def test_points(change, name, count):
    found = with_trouble(replace(GOOD, **change))
    assert found.trouble == pytest.approx(count * WEIGHTS[name])
    assert len(found.reasons) == 1


def test_the_worst_reason_comes_first():
    found = with_trouble(replace(GOOD, register=1, clashes=1, ramachandran=2), contradicted=0.5)
    assert found.trouble == pytest.approx(10 + 1 + 4 + 2.5)
    assert found.reasons[0].startswith("may be out of register by 1 residue")
    assert found.reasons[1:] == ("2 Ramachandran outliers", "the map contradicts 50 % of it", "1 clash")
