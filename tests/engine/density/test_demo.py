"""The bundled example is what its README says."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

import adp3d
from adp3d.density.crop import check_overlap
from adp3d.density.read import read_map

DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"


def test_models_and_removed_segments():
    whole, part = (gemmi.read_structure(str(DEMO / f"emd_20026_{kind}.cif.gz")) for kind in ("deposited", "incomplete"))
    everything = [residue.seqid.num for residue in whole[0]["A"]]
    left = {residue.seqid.num for residue in part[0]["A"]}
    assert everything == list(range(5, 177))
    removed = [number for number in everything if number not in left]
    starts = [n for n in removed if n - 1 not in removed]
    ends = [n for n in removed if n + 1 not in removed]
    assert starts == [11, 39, 67, 76, 105, 121, 155]
    assert ends == [18, 48, 72, 88, 111, 128, 163]
    assert 0.3 <= len(removed) / len(everything) <= 0.4
    for structure in (whole, part):
        assert len(structure.entities[0].full_sequence) == 172
    for residue in part[0]["A"]:
        kept = whole[0]["A"][str(residue.seqid)][0]
        assert [(a.name, a.pos.tolist()) for a in residue] == [(a.name, a.pos.tolist()) for a in kept]


def test_model_lies_in_its_map():
    found = read_map(DEMO / "emd_20026_protomer.map.gz")
    assert found.notes == ()
    assert found.voxel_size == pytest.approx(0.65, abs=1e-3)
    structure = gemmi.read_structure(str(DEMO / "emd_20026_deposited.cif.gz"))
    ca = np.array([residue["CA"][0].pos.tolist() for residue in structure[0]["A"]])
    overlap = check_overlap(found, ca)
    assert overlap.inside == 1 and overlap.on_data == 1
    assert overlap.mean_z > 5
