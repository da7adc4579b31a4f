"""Chroma's own network, with random weights, as a prior: its noise, its denoiser, its files, and a job with it."""

from __future__ import annotations

import os
import pickle
import sys

import numpy as np
import pytest
import torch
from saved_networks import saved
from small_structures import Part, build

from adp3d.cli import main
from adp3d.contract.errors import InputError
from adp3d.energy.structure import EnergySettings, structure_energy
from adp3d.pipeline.doctor import diagnose
from adp3d.prior.chroma.package import load_package
from adp3d.prior.chroma.prior import ChromaPrior
from adp3d.prior.chroma.weights import BACKBONE, keep_weights, load_network
from adp3d.prior.registry import load_prior
from adp3d.structure.polymer import Polymer

pytestmark = pytest.mark.chroma

SMALL = {
    "dim_nodes": 32,
    "dim_edges": 16,
    "num_neighbors": 8,
    "num_layers": 2,
    "num_graph_cycles": 2,
    "dropout": 0.1,
    "prediction_type": "scale_cutoff",
    "noise_covariance_model": "globular",
}


@pytest.fixture(scope="module")
def network(package):
    torch.manual_seed(0)
    return package.backbone(**SMALL).eval()


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    return saved(network, tmp_path_factory.mktemp("weights") / "chroma_backbone_v1.0.pt")


@pytest.fixture
def polymer():
    return Polymer("ACDEFGHIKL" * 3, np.repeat([0, 1], [18, 12]), np.arange(30), ("A", "B"))


def noisy(prior, t, replicas=2):
    noise = torch.randn(replicas, 30, 4, 3, generator=torch.Generator().manual_seed(1))
    return prior.schedule.at(t)[1] * prior.correlation.apply(noise)


def test_nothing_of_the_package_is_left_behind(package):
    assert not [name for name in sys.modules if name.split(".")[0] in ("chroma", "nglview")]
    folder = os.path.dirname(sys.modules.get("adp3d").__file__)
    assert folder not in package.backbone.__module__


def test_schedule_is_the_networks_own(network, polymer):
    prior = ChromaPrior(network, polymer)
    for t in (0.0, 0.1, 0.5, 0.9, 1.0):
        theirs = network.noise_schedule.alpha(t), network.noise_schedule.sigma(t)
        # theirs is computed in single precision, from the square of alpha
        assert prior.schedule.at(t) == pytest.approx([float(one) for one in theirs], rel=1e-4, abs=3e-4)


def test_correlation_is_the_networks_own(network, polymer):
    prior = ChromaPrior(network, polymer)
    chains = torch.tensor([1] * 18 + [2] * 12)[None]
    z = torch.randn(1, 30, 4, 3, generator=torch.Generator().manual_seed(2))
    base = network.noise_perturb.base_gaussian
    theirs = base._multiply_R(z, chains).reshape(z.shape)
    assert prior.correlation.apply(z) == pytest.approx(theirs, abs=1e-4)
    assert prior.correlation.log_determinant == pytest.approx(float(base.log_determinant(chains)), rel=1e-3)


@pytest.mark.parametrize("t", [0.02, 0.4, 0.9])
def test_denoiser_is_the_networks_own(network, weights, polymer, t):
    prior = ChromaPrior(load_network(BACKBONE, weights), polymer)
    x = noisy(prior, t)
    chains = torch.tensor([1] * 18 + [2] * 12).expand(2, -1)
    with torch.no_grad():
        torch.manual_seed(5)
        before = torch.get_rng_state()
        ours = prior.denoise(x, t)
        assert torch.equal(torch.get_rng_state(), before), "random numbers of others are left alone"
        assert torch.equal(prior.denoise(x, t), ours), "and the network's are always the same"
        torch.manual_seed(0)
        assert torch.allclose(network.denoise(x, chains, torch.tensor([t, t])), ours, atol=1e-6)
        one = prior.denoise(x[:1], t)
    # up to its dithering, of whose random numbers each batch gets others
    assert torch.allclose(one, ours[:1], atol=0.05), "replicas do not see each other"


def test_denoiser_turns_with_its_input(network, polymer):
    prior = ChromaPrior(network, polymer)
    x = 3.0 * noisy(prior, 0.4)  # of the size of a protein
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(3)))[0]
    rotation = rotation * torch.linalg.det(rotation)
    with torch.no_grad():
        assert torch.allclose(prior.denoise(x @ rotation, 0.4), prior.denoise(x, 0.4) @ rotation, atol=5e-3)


def test_files_that_are_no_weights(package, network, tmp_path, monkeypatch):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    with (tmp_path / "evil.pt").open("wb") as stream:
        pickle.dump(Evil(), stream)
    torch.save({"init_kwargs": {**SMALL, "evil": Evil()}, "model_state_dict": {}}, tmp_path / "worse.pt")
    (tmp_path / "text.pt").write_text("weights")
    state = network.state_dict()
    state.pop("time_features.B")
    torch.save({"init_kwargs": SMALL, "model_state_dict": state}, tmp_path / "part.pt")
    torch.save({"init_kwargs": {**SMALL, "dim_nodes": 16}, "model_state_dict": network.state_dict()}, tmp_path / "w.pt")
    brownian = package.backbone(**SMALL | {"noise_covariance_model": "brownian"})
    joined = package.backbone(**SMALL | {"noise_complex_scaling": True})
    saved(brownian, tmp_path / "brownian.pt")
    saved(joined, tmp_path / "joined.pt")
    wrong = {
        "evil.pt": "holds no weights",
        "worse.pt": "holds no weights",
        "text.pt": "holds no weights",
        "part.pt": "does not fit Chroma's backbone network \\(time_features.B\\)",
        "w.pt": "does not fit",
        "brownian.pt": "another noise .*covariance brownian",
        "joined.pt": "joins chains",
        "none.pt": "no weights of Chroma's backbone network at .* a key of your own",
    }
    for name, words in wrong.items():
        with pytest.raises(InputError, match=words):
            load_network(BACKBONE, tmp_path / name)
    assert not (tmp_path / "made").exists()


def test_weights_are_kept_where_they_are_looked_for(weights, tmp_path, monkeypatch):
    monkeypatch.delenv(BACKBONE.variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "bad.pt").write_text("x")
    with pytest.raises(InputError):
        keep_weights([tmp_path / "bad.pt"])
    assert not BACKBONE.path.exists()
    assert main(["install", "--prior", "chroma"]) == 1
    assert main(["install", "--prior", "chroma", "--weights", str(weights)]) == 0
    assert BACKBONE.path.read_bytes() == weights.read_bytes() and BACKBONE.path.is_relative_to(tmp_path)
    assert diagnose("cpu", "chroma")["healthy"]


def test_the_doctor_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(BACKBONE.variable, str(tmp_path / "none.pt"))
    (problem,) = diagnose("cpu", "chroma")["problems"]
    assert str(tmp_path / "none.pt") in problem
    load_package.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (problem,) = diagnose("cpu", "chroma")["problems"]
    assert "'generate-chroma' is not installed" in problem and str(tmp_path / "none.pt") in problem
    assert main(["doctor", "--prior", "chroma"]) == 1
    assert "run 'adp3d install' with --prior chroma" in " ".join(capsys.readouterr().out.split())


def test_without_the_package(monkeypatch):
    load_package.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"'generate-chroma' is not installed: .*'adp3d install' with 'prior' chroma"):
        load_package()


def test_energies_and_a_whole_job(weights, tmp_path, monkeypatch):
    monkeypatch.setenv(BACKBONE.variable, str(weights))
    structure = build([Part("A", "ACDEFGHIKLACDEFGHIKL")])
    structure.make_mmcif_document().write_file(str(tmp_path / "whole.cif"))
    polymer = Polymer.single_chain("ACDEFGHIKLACDEFGHIKL")
    prior = load_prior("chroma", polymer, torch.device("cpu"))
    x = torch.tensor([[list(residue[name][0].pos) for name in ("N", "CA", "C", "O")] for residue in structure[0]["A"]])
    for method in ("denoising", "flow", "path"):
        energy = structure_energy(prior, x[None].float(), EnergySettings(method=method, steps=3, draws=1))
        assert torch.isfinite(energy.per_residue).all(), method
    for number in range(8, 13):
        del structure[0]["A"][next(i for i, residue in enumerate(structure[0]["A"]) if residue.seqid.num == number)]
    structure.make_mmcif_document().write_file(str(tmp_path / "part.cif"))
    words = ["complete", str(tmp_path / "part.cif"), "--sequence", "ACDEFGHIKLACDEFGHIKL", "--prior", "chroma"]
    folder = tmp_path / "job"
    assert main([*words, "--replicas", "2", "--steps", "4", "--device", "cpu", "--output", str(folder)]) == 0
    assert (folder / "result.cif").is_file() and (folder / "metrics.json").is_file()
