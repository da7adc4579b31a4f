from __future__ import annotations

import numpy as np
import pytest
from atom14_model import demo_atom14

from adp3d.contract.errors import InputError
from adp3d.rotamers import backbone_library
from adp3d.rotamers.library import contours_of, peaks_of
from adp3d.sidechain.templates import RESIDUE_NAMES
from adp3d.structure.polymer import AMINO_ACIDS
from adp3d.training.backbone_rotamer_statistics import (
    RotamerSample,
    backbone_table,
    main,
    rotamer_samples,
    write_table,
)
from adp3d.training.ramachandran_statistics import AtomSample

VAL = RESIDUE_NAMES.index("VAL")


@pytest.fixture(scope="module")
def table():
    """Valines that have their first peak in helices and their second one in strands, turned by five degrees there."""
    rng = np.random.default_rng(0)
    peaks = peaks_of(contours_of()[VAL])[:, :1]
    count = 400
    helix = rng.random(count) < 0.5
    places = np.deg2rad(np.where(helix[:, None], [-63.0, -43.0], [-120.0, 130.0]))
    places += rng.normal(scale=np.deg2rad(5.0), size=places.shape)
    chi = np.where(helix[:, None], peaks[0], peaks[1] + np.deg2rad(5.0))
    chi = chi + rng.normal(scale=np.deg2rad(7.0), size=chi.shape)
    return backbone_table(VAL, RotamerSample(places[:, 0], places[:, 1], chi)), peaks


def test_frequencies_follow_the_backbone(table):
    rotamers, peaks = table
    assert rotamers.at(-63.0, -43.0).probability[0] > 0.9
    assert rotamers.at(-120.0, 130.0).probability[1] > 0.9
    nowhere = rotamers.at(60.0, -120.0).probability
    np.testing.assert_allclose(nowhere[:2], 0.5, atol=0.1)
    off = rotamers.at(-120.0, 130.0).chi[1] - peaks[1]
    assert np.rad2deg(off[0]) == pytest.approx(5.0, abs=1.0)
    assert np.rad2deg(rotamers.spread[0, 0]) == pytest.approx(7.0, abs=1.0)


def test_what_is_written_is_read(table, tmp_path, monkeypatch):
    rotamers, _ = table
    folder = tmp_path / "data"
    folder.mkdir()
    met = RESIDUE_NAMES.index("MET")
    chi = peaks_of(contours_of()[met])[:1].repeat(5, 0)[:, :3]
    other = backbone_table(met, RotamerSample(np.zeros(5), np.zeros(5), chi))
    write_table({VAL: rotamers, met: other}, folder / "backbone_rotamers.npz")
    monkeypatch.setattr(backbone_library.resources, "files", lambda package: tmp_path)
    read = backbone_library.backbone_rotamers.__wrapped__()[VAL]
    np.testing.assert_allclose(read.probability, rotamers.probability, rtol=0.05, atol=1e-4)
    np.testing.assert_allclose(np.rad2deg(read.chi), np.rad2deg(rotamers.chi), atol=0.3)


def test_whole_side_chains_with_both_torsions_count():
    atoms, aatype, present = demo_atom14()
    x = np.where(present.numpy()[..., None], atoms.double().numpy(), np.nan)
    sequence = "".join(AMINO_ACIDS[k] for k in aatype.tolist())
    found = rotamer_samples([AtomSample(x, sequence, np.ones(len(sequence) - 1, bool), 0)])
    assert len(found[VAL].phi) == sequence[1:-1].count("V")
    assert found[VAL].chi.shape[1] == 1
    assert RESIDUE_NAMES.index("ALA") not in found and RESIDUE_NAMES.index("GLY") not in found


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(InputError, match="chains_full"):
        main([str(tmp_path), str(tmp_path / "backbone_rotamers.npz")])
