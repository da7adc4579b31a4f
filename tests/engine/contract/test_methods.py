"""Sentences for a methods section."""

from __future__ import annotations

from adp3d.contract.methods import citations, methods

SPEC = {"kind": "refine", "prior": "builtin", "replicas": 4, "steps": 40, "seed": 0}
METRICS = {"residues": 172, "completeness_before": 64.53, "resolution": 1.75, "mean_confidence": 91.4}


def test_what_was_done_is_told():
    text = " ".join(methods(SPEC, METRICS | {"side_chains": {}, "relaxation": None}, {"adp3d": "0.1.0"}))
    assert text == (
        "The model was completed and refined in the cryo-EM map at 1.75 \u00c5 resolution with ADP-3D 0.1.0 (prior "
        "builtin, 4 replicas, 40 steps, seed 0). 61 of its 172 residues were built anew where the starting model had "
        "none. The "
        "confidence of each residue comes from the agreement of 4 replicas and the fit to the map; its mean is 91 of "
        "100."
    )


def test_what_was_not_done_is_not_told():
    text = " ".join(methods({"kind": "backmap", "seed": 3}, {}, {}))
    assert text == "The model was given all atoms with ADP-3D (seed 3)."


def test_only_what_was_used_is_cited():
    plain = citations({"kind": "complete", "prior": "gaussian"}, {})
    assert [one.what for one in plain] == ["the solver"]
    spec = {"kind": "complete", "prior": "gaussian", "sequence_weight": 0.5, "side_chain_model": "chroma"}
    judged = {"measurements": {"sequence": {"log_probability": -1.2}}, "side_chains": {}}
    assert [one.what for one in citations(spec, judged)] == ["the solver", "Chroma", "the likelihood of the sequence"]
    asked = {
        "kind": "complete",
        "prior": "builtin",
        "measure": ["sequence 0.1 chroma"],
    }  # as jobs have it, and old ones
    assert [one.what for one in citations(asked, judged)] == ["the solver", "Chroma"]
    assert "the noise covariance" in " ".join(one.what for one in citations(asked | {"measure": ["sequence"]}, judged))
    text = " ".join(methods(spec, judged | {"side_chains": {"built": 3}}, {}))
    assert "the design network of Chroma of their torsions" not in text and "by contacts and the design network" in text
    assert "by ProteinMPNN, helped to choose between replicas, and drew the model with a weight of 0.5." in text
    after = {"clashscore": 1.0, "q_score": 0.7}
    full = citations(SPEC, METRICS | {"relaxation": {"steps": 3}, "validation": {"after": after}}, in_chimerax=True)
    assert len({one.url for one in full}) == len(full) == 7
    assert all(one.url.startswith("https://") for one in full)
