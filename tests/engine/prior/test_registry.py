"""Priors by name."""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.contract.specification import PRIORS as NAMES
from adp3d.prior import registry
from adp3d.prior.builtin.weights_file import DEFAULT_WEIGHTS, load_denoiser
from adp3d.prior.registry import PRIORS, load_prior
from adp3d.structure.polymer import Polymer

POLYMER = Polymer.single_chain("MKTAYIAKQRQISFVKSHFS")
CPU = torch.device("cpu")


@pytest.mark.parametrize("name", sorted({*PRIORS} - {"chroma", "rfdiffusion"}))  # of others: tests of their own
def test_every_prior_keeps_the_protocol(name):
    prior = load_prior(name, POLYMER, CPU)
    assert prior.name
    assert prior.correlation.lengths == (20,)
    alpha, sigma = prior.schedule.at(0.4)
    assert alpha**2 + sigma**2 == pytest.approx(1)
    x = prior.correlation.apply(torch.randn(2, 20, 4, 3, generator=torch.Generator().manual_seed(0)))
    out = prior.denoise(x, 0.4)
    assert out.shape == x.shape and out.dtype == x.dtype
    assert torch.isfinite(out).all() and not out.requires_grad
    torch.testing.assert_close(prior.denoise(x[1:], 0.4), out[1:], atol=1e-3, rtol=1e-3)


def test_unknown_names_are_told_the_known_ones():
    with pytest.raises(
        InputError, match="builtin, builtin-nomap, builtin-nosequence, builtin-plain, chroma, gaussian, rfdiffusion"
    ):
        load_prior("alphafold", POLYMER, CPU)


def test_specifications_know_every_prior():
    assert tuple(sorted(PRIORS)) == NAMES


def test_missing_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "DEFAULT_WEIGHTS", tmp_path / "none.safetensors")
    with pytest.raises(InputError, match="install the package again"):
        load_prior("builtin", POLYMER, CPU)


def test_weights_are_read_once_and_again_when_they_change(monkeypatch, tmp_path):
    path = tmp_path / "weights.safetensors"
    shutil.copyfile(DEFAULT_WEIGHTS, path)
    read = []
    monkeypatch.setattr(registry, "DEFAULT_WEIGHTS", path)
    monkeypatch.setattr(registry, "load_denoiser", lambda path: read.append(path) or load_denoiser(path))
    for _ in range(3):
        load_prior("builtin", POLYMER, CPU)
    load_prior("builtin-nosequence", POLYMER, CPU)
    assert read == [path]
    os.utime(path, (1, 1))
    load_prior("builtin", POLYMER, CPU)
    assert read == [path, path]


def test_other_weights_can_be_named_in_the_environment(monkeypatch, tmp_path):
    path = tmp_path / "mine.safetensors"
    shutil.copyfile(DEFAULT_WEIGHTS, path)
    read = []
    monkeypatch.setattr(registry, "load_denoiser", lambda path: read.append(path) or load_denoiser(path))
    monkeypatch.setenv(registry.WEIGHTS_VARIABLE, str(path))
    load_prior("builtin", POLYMER, CPU)
    assert read == [path]
    monkeypatch.setenv(registry.WEIGHTS_VARIABLE, str(tmp_path / "none.safetensors"))
    with pytest.raises(InputError, match=r"none\.safetensors"):
        load_prior("builtin", POLYMER, CPU)
