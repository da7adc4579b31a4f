"""Residues that stay where they are keep their types."""

from __future__ import annotations

import numpy as np

from adp3d.placing.own_types import with_own_types
from adp3d.placing.target import build_target
from adp3d.structure.sequences import NamedSequence


def test_only_kept_residues_keep_their_types(make):
    structure = make.build([make.Part("A", make.SEQUENCE, skip=(30,), names={10: "TRP", 45: "TRP", 50: "UNK"})])
    sequence = [NamedSequence("one", make.SEQUENCE)]
    target, own = (build_target(structure, sequence, keep_types=keep) for keep in (False, True))
    kept = np.zeros(80, bool)
    assert with_own_types(target, own, kept) is target
    kept[[30, 45, 50]] = True  # 30 is missing: it has no type of its own
    found = with_own_types(target, own, kept)
    assert found.names[10] == target.names[10] != "TRP"
    assert (found.names[45], found.polymer.sequence[45]) == ("TRP", "W")
    # an unknown type keeps its name, but the job may know better
    assert (found.names[50], found.polymer.sequence[50]) == ("UNK", make.SEQUENCE[50])
    assert found.names[30] == target.names[30]
    (changed, stays) = found.report.chains[0].differences
    assert not changed.kept and stays.kept and stays.position == 45
    (warning,) = found.report.warnings()
    assert "A 11 is TRP" in warning
