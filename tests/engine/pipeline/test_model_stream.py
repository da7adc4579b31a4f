"""Files of many models that are written as they come."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from atom14_model import DEMO

from adp3d.pipeline.model_stream import CifText, PdbText, StreamedFile
from adp3d.structure.read import read_structure


@pytest.mark.parametrize("kind", ["cif", "pdb"])
def test_the_first_model_is_read_alone(tmp_path, kind):
    """Four hundred models of a thousand atoms: some 40 MB of text, of which a hundredth part may be in memory."""
    structure = read_structure(DEMO)
    del structure[1:]
    xyz = np.array([a.pos.tolist() for chain in structure[0] for residue in chain for a in residue])
    text = CifText(structure) if kind == "cif" else PdbText(structure, True)
    final, alone = tmp_path / f"result.{kind}", tmp_path / f"first.{kind}"
    file = StreamedFile(text, tmp_path / "result.partial", final)
    for number in range(1, 401):
        file.add(number, xyz + 0.001 * (number - 1))
    file.finish()
    tracemalloc.start()
    file.copy_first(alone)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < final.stat().st_size / 50
    first, whole = read_structure(alone), read_structure(final)
    assert len(whole) == 400 and len(first) == 1
    found = np.array([a.pos.tolist() for chain in first[0] for residue in chain for a in residue])
    np.testing.assert_allclose(found, xyz, atol=6e-4)
    assert [c.name for c in first[0]] == [c.name for c in whole[0]] == [c.name for c in structure[0]]
