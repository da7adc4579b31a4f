"""A model is validated as it is: figures and residues with trouble in the Log, what cannot be used refused."""

from __future__ import annotations

import numpy as np
import pytest


def _run(session, command):
    from chimerax.core.commands import run

    return run(session, command)


@pytest.fixture
def broken(make_model):
    """A helix of which the side chain of residue 12 lies on the backbone of residue 8."""
    model = make_model(missing=(), chains=["long"])
    target = model.find_residue("long", 8).find_atom("C").coord
    atom = model.find_residue("long", 12).find_atom("CB")
    atom.coord = np.asarray(target) + 0.3
    return model


def test_a_model_alone(session, broken, messages):
    name = f"#{broken.id_string}"
    before = np.array(broken.atoms.coords)
    report = _run(session, f"adp3d check {name} validate true")
    assert np.array_equal(broken.atoms.coords, before)
    assert report["figures"]["residues"] == 20 and report["figures"]["clashes"] >= 1
    assert "q_score" not in report["figures"] and report["register"] is None
    (page,) = [text for _, text in messages if "Validation of" in text]
    assert f"cxcmd:select%20{name.replace('#', '%23')}/long%3A12%3B" in page, "the session's chain name, as a link"
    assert "clash" in page and "Q-score" not in page


def test_in_a_map_and_from_a_script(session, make_model, density, messages):
    import json

    from chimerax.adp3d.commands.check import adp3d_check
    from chimerax.adp3d.handover.part import ModelPart

    model = make_model(missing=())
    volume = density(model)
    result = adp3d_check(session, ModelPart(model), True, in_map=volume, resolution=3.0, validate=True)
    report = json.loads(result.json_value)
    assert report == result.python_value
    assert report["figures"]["resolution"] == 3.0 and report["figures"]["q_score"] > 0.3
    (page,) = [text for _, text in messages if "Validation of" in text]
    assert "CC_mask" in page


def test_what_cannot_be_used(session, make_model, messages):
    from chimerax.core.errors import UserError

    model = make_model()
    name = f"#{model.id_string}"
    wrong = {
        f"adp3d check {name}:3-9 validate true": f"name {name}, not '{name}:3-9'",
        f"adp3d check {name} validate true replicas 3": "'replicas' concerns a job",
        f"adp3d check {name} validate true resolution 3": "'resolution' concerns a map",
        f"adp3d check {name} validate true timeout 1": "longer than 1 seconds; 'timeout'",
    }
    for command, words in wrong.items():
        with pytest.raises(UserError, match=words):
            _run(session, command)
    assert not [text for _, text in messages if "Validation of" in text]


def test_trouble_in_words():
    from chimerax.adp3d.commands.validation import trouble_of

    fine = {
        "ramachandran": "favoured", "phi": -60.0, "psi": -45.0, "peptide": None, "rotamer": "favoured",
        "c_beta_deviation": None, "d_amino_acid": False, "clashes": 0, "worst_overlap": None,
    }  # fmt: skip
    assert trouble_of(fine) == []
    bad = fine | {
        "ramachandran": "outlier", "phi": 61.2, "psi": -30.1, "peptide": "cis", "rotamer": "outlier",
        "c_beta_deviation": 0.3, "d_amino_acid": True, "clashes": 2, "worst_overlap": 0.81,
    }  # fmt: skip
    assert trouble_of(bad) == [
        "Ramachandran (61, -30)", "cis peptide", "D-amino acid", "C-beta off by 0.30 \u00c5", "rotamer",
        "2 clashes (up to 0.81 \u00c5)",
    ]  # fmt: skip
    assert trouble_of(fine | {"clashes": 1, "worst_overlap": 0.5}) == ["1 clash (up to 0.50 \u00c5)"]
