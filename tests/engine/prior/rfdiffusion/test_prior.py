"""RFdiffusion's interface with a small random network of its signature: shapes, equivariance, files, a whole job."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from small_rosettafold import CONFIG, write_checkout, write_weights

from adp3d.cli.app import run
from adp3d.contract.errors import InputError
from adp3d.pipeline.doctor import diagnose
from adp3d.prior.registry import load_prior
from adp3d.prior.rfdiffusion.checkout import CHECKOUT_VARIABLE, load_checkout
from adp3d.prior.rfdiffusion.inputs import residue_numbers
from adp3d.prior.rfdiffusion.weights import RFDIFFUSION_WEIGHTS_VARIABLE, load_network
from adp3d.structure.polymer import Polymer

CPU = torch.device("cpu")
POLYMER = Polymer(
    "MKVLAAGITR", np.array([0] * 6 + [1] * 4), np.array([0, 1, 2, 5, 6, 7, 0, 1, 2, 3], np.int64), ("A", "B")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = write_checkout(tmp_path_factory.mktemp("checkout"))
    write_weights(place / "models" / "Base_ckpt.pt")
    return place


@pytest.fixture
def checkout(folder, monkeypatch):
    monkeypatch.setenv(CHECKOUT_VARIABLE, str(folder))
    monkeypatch.delenv(RFDIFFUSION_WEIGHTS_VARIABLE, raising=False)
    return folder


def _noisy(prior, replicas=2):
    z = torch.randn(replicas, 10, 4, 3, generator=torch.Generator().manual_seed(1))
    return prior.correlation.apply(z)


def test_it_keeps_the_protocol(checkout):
    prior = load_prior("rfdiffusion", POLYMER, CPU)
    assert prior.name == "rfdiffusion" and not prior.sees_density
    assert prior.correlation.lengths == (3, 3, 4)
    x = _noisy(prior)
    for t in (1.0, 0.4, 0.001):
        found = prior.denoise(x, t)
        assert found.shape == x.shape and found.dtype == x.dtype and bool(torch.isfinite(found).all())
        torch.testing.assert_close(prior.denoise(x[1:], t), found[1:])
    assert prior.denoise(x.double(), 0.4).dtype == torch.float64
    # bonds inside of residues are ideal, whatever the noise was
    bonds = (found[:, :, 1:3] - found[:, :, 0:2]).norm(dim=-1)
    torch.testing.assert_close(bonds, torch.tensor([1.4580, 1.5233]).expand_as(bonds), atol=1e-3, rtol=0)
    torch.testing.assert_close(
        (found[:, :, 3] - found[:, :, 2]).norm(dim=-1), torch.full((2, 10), 1.229), atol=1e-3, rtol=0
    )


def test_the_network_is_asked_as_its_own_sampler_asks(checkout):
    prior = load_prior("rfdiffusion", POLYMER, CPU)
    seen = prior._loaded.network.seen
    seen.clear()
    x = _noisy(prior, 1)
    prior.denoise(x, 0.61)
    (step, numbers, features, atoms) = seen[0]
    assert step == 30 and numbers == residue_numbers(POLYMER).tolist() == [0, 1, 2, 5, 6, 7, 208, 209, 210, 211]
    assert np.flatnonzero(features).tolist() == [20, 21] and features[21] == pytest.approx(1 - 30 / 50)
    torch.testing.assert_close(atoms[:, 1], x[0, :, 1])
    rotation, ca = prior.frames(x, 0.61)
    local = torch.einsum("nij,nai->naj", rotation[0], atoms - ca[0, :, None])
    ideal = torch.tensor([[-0.5272, 1.3593, 0.0], [0.0, 0.0, 0.0], [1.5233, 0.0, 0.0]])
    torch.testing.assert_close(local, ideal.expand_as(local), atol=1e-4, rtol=0)


def test_estimates_turn_and_move_with_the_noisy_state(checkout):
    prior = load_prior("rfdiffusion", POLYMER, CPU)
    x = _noisy(prior).double()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64))[0]
    turn = turn * torch.linalg.det(turn)
    shift = torch.tensor([3.0, -1.0, 2.0], dtype=torch.float64)
    for t in (0.9, 0.5, 0.1):
        found, turned = prior.denoise(x, t), prior.denoise(x @ turn.T + shift, t)
        torch.testing.assert_close(turned, found @ turn.T + shift, atol=2e-4, rtol=0)


def test_models_of_complexes_take_two_features_more(folder, tmp_path):
    config = copy.deepcopy(CONFIG)
    config["preprocess"]["d_t1d"] = 24
    loaded = load_network(write_weights(tmp_path / "Complex.pt", config=config), load_checkout(folder))
    assert loaded.residue_features == 24 and loaded.network.shapes == (24, 44, 50)


def test_files_that_cannot_be_used_are_refused_in_a_sentence(folder, tmp_path):
    code = load_checkout(folder)

    def refused(config, message):
        path = write_weights(tmp_path / "w.pt", config=config)
        with pytest.raises(InputError, match=message):
            load_network(path, code)

    changed = copy.deepcopy(CONFIG)
    changed["preprocess"]["d_t2d"] = 47
    refused(changed, "takes more than frames")
    changed = copy.deepcopy(CONFIG)
    changed["diffuser"]["so3_schedule_type"] = "exponential"
    refused(changed, "so3_schedule_type exponential")
    changed = copy.deepcopy(CONFIG)
    changed["model"]["d_pair_extra"] = 1
    refused(changed, "does not fit the network")
    (tmp_path / "junk.pt").write_bytes(b"junk")
    with pytest.raises(InputError, match="junk"):
        load_network(tmp_path / "junk.pt", code)
    torch.save({"model_state_dict": {}, "config_dict": CONFIG, "hook": print}, tmp_path / "code.pt")
    with pytest.raises(InputError, match=r"not opened \(.*print.*torch.save"):
        load_network(tmp_path / "code.pt", code)
    torch.save({"model_state_dict": {}}, tmp_path / "part.pt")
    with pytest.raises(InputError, match="with their configuration"):
        load_network(tmp_path / "part.pt", code)


def test_doctor_says_what_is_missing(monkeypatch, tmp_path, folder):
    monkeypatch.delenv(CHECKOUT_VARIABLE, raising=False)
    monkeypatch.delenv(RFDIFFUSION_WEIGHTS_VARIABLE, raising=False)
    (problem,) = diagnose("cpu", "rfdiffusion")["problems"]
    assert "no checkout of RFdiffusion is named" in problem and "no weights of RFdiffusion at" in problem
    monkeypatch.setenv(CHECKOUT_VARIABLE, str(tmp_path))
    (problem,) = diagnose("cpu", "rfdiffusion")["problems"]
    assert "is no checkout of RFdiffusion" in problem and "no weights of RFdiffusion at" in problem
    monkeypatch.setenv(CHECKOUT_VARIABLE, str(write_checkout(tmp_path / "code")))
    (problem,) = diagnose("cpu", "rfdiffusion")["problems"]
    assert "no weights of RFdiffusion at" in problem and "download_models.sh" in problem
    broken = write_checkout(tmp_path / "broken")
    (broken / "rfdiffusion" / "util.py").write_text("import torch\nfrom rfdiffusion.other import thing\n")
    (broken / "rfdiffusion" / "other.py").write_text("import os, dgl_that_nobody_has\nimport e3nn_nor_this.nn\n")
    monkeypatch.setenv(CHECKOUT_VARIABLE, str(broken))
    (problem,) = diagnose("cpu", "rfdiffusion")["problems"]
    assert "no weights of RFdiffusion at" in problem, "all that is missing, in one go"
    assert "needs the packages 'dgl_that_nobody_has', 'e3nn_nor_this': install" in problem
    write_weights(broken / "models" / "Base_ckpt.pt")
    (broken / "rfdiffusion" / "util.py").unlink()
    (problem,) = diagnose("cpu", "rfdiffusion")["problems"]
    assert "incomplete, 'rfdiffusion.util' is not there" in problem
    monkeypatch.setenv(CHECKOUT_VARIABLE, str(folder))
    assert diagnose("cpu", "rfdiffusion")["healthy"]


def test_a_whole_job(checkout, small, tmp_path):
    out = tmp_path / "out"
    words = ["complete", str(small.model), "-s", small.sequence, "-o", str(out), "--replicas", "2", "--steps", "5"]
    words += ["--prior", "rfdiffusion", "--side-chains", "none", "--no-relax", "--reference", str(small.deposited)]
    assert run(words) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["known_atoms_rmsd"] < 0.05 and metrics["ca_rmsd_all"] < 8.0
