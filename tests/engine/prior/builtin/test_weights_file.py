"""Weights on disk."""

from __future__ import annotations

import pytest
import torch

from adp3d.prior.builtin.network import Denoiser, DenoiserConfig
from adp3d.prior.builtin.weights_file import DEFAULT_WEIGHTS, load_denoiser, save_weights

SMALL = DenoiserConfig(width=16, heads=2, pair_width=4, stages=(1, 2), neighbours=12, max_offset=5)


def test_round_trip_keeps_bits_and_sizes(tmp_path):
    torch.manual_seed(0)
    net = Denoiser(SMALL)
    path = tmp_path / "weights.safetensors"
    save_weights(path, SMALL, net.state_dict(), {"steps": "7"})
    again = load_denoiser(path)
    assert again.config == SMALL and isinstance(again.config.stages, tuple)
    for (name, a), b in zip(net.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert not again.training
    assert not any(p.requires_grad for p in again.parameters())
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_replaces_an_older_file(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"old")
    save_weights(path, SMALL, Denoiser(SMALL).state_dict(), {})
    assert load_denoiser(path).config == SMALL


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no weights file"):
        load_denoiser(tmp_path / "none.safetensors")


def test_weights_of_other_sizes_are_refused(tmp_path):
    path = tmp_path / "weights.safetensors"
    wider = DenoiserConfig(width=32, heads=2, pair_width=4, stages=(1, 2), neighbours=12, max_offset=5)
    save_weights(path, wider, Denoiser(SMALL).state_dict(), {})
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_denoiser(path)


def test_shipped_weights_are_small_and_load():
    assert DEFAULT_WEIGHTS.stat().st_size < 20e6
    net = load_denoiser()
    assert all(torch.isfinite(p).all() for p in net.parameters())
