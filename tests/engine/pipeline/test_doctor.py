from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.measurement.design_networks import DESIGN_NETWORKS
from adp3d.pipeline.doctor import diagnose


def test_healthy_with_a_prior_that_needs_no_weights():
    threads = torch.get_num_threads()
    report = diagnose("cpu", "gaussian")
    torch.set_num_threads(threads)
    assert report["healthy"], report["problems"]
    assert report["problems"] == []
    assert report["self_test"]["ok"]
    assert report["device"] == "cpu"
    assert report["memory_available_bytes"] <= report["memory_total_bytes"]
    assert report["versions"]["torch"] == torch.__version__
    assert json.loads(json.dumps(report)) == report


def test_weights_are_listed_with_checksums():
    for weights in diagnose("cpu", "gaussian")["weights"]:
        assert len(weights["sha256"]) == 64
        assert weights["bytes"] > 0


def test_problems_are_told(monkeypatch):
    report = diagnose("cpu", "unheard-of")
    assert not report["healthy"]
    assert any("unheard-of" in problem for problem in report["problems"])

    def broken(name, polymer, device):
        raise KeyError("weights")

    monkeypatch.setattr("adp3d.prior.registry.load_prior", broken)
    report = diagnose("cpu", "builtin")
    assert "self-test failed (KeyError" in report["problems"][0]


def test_missing_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="CUDA"):
        diagnose("cuda", "gaussian")


def test_a_broken_design_network_does_not_silence_the_report(monkeypatch):
    def broken(device):
        raise AttributeError("of a package that does not fit")

    entry = replace(DESIGN_NETWORKS["chroma"], load=broken)
    monkeypatch.setitem(DESIGN_NETWORKS, "chroma", entry)
    report = diagnose("cpu")
    assert report["healthy"] and report["self_test"]["ok"]
    told = report["design_networks"]["chroma"]
    assert not told["ok"] and "cannot be loaded (AttributeError: of a package that does not fit)" in told["lacking"]
