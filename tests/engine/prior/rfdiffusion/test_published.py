"""RFdiffusion's own code with random weights, where ADP3D_RFDIFFUSION names a checkout whose network loads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.prior.rfdiffusion.checkout import CHECKOUT_VARIABLE, load_checkout
from adp3d.prior.rfdiffusion.frames import backbone_of_frames, residue_axes
from adp3d.prior.rfdiffusion.inputs import network_inputs
from adp3d.prior.rfdiffusion.prior import RFdiffusionPrior
from adp3d.prior.rfdiffusion.weights import load_network
from adp3d.structure.polymer import Polymer

N = 14
_LAYERS = {"num_layers": 1, "num_channels": 8, "num_degrees": 2, "n_heads": 2, "div": 2}
_LAYERS |= {"l1_in_features": 3, "l1_out_features": 2}
MODEL = {"n_extra_block": 1, "n_main_block": 1, "n_ref_block": 1, "d_msa": 32, "d_msa_full": 16, "d_pair": 32}
MODEL |= {"d_templ": 16, "n_head_msa": 2, "n_head_pair": 2, "n_head_templ": 2, "d_hidden": 8, "d_hidden_templ": 8}
MODEL |= {"p_drop": 0.15, "freeze_track_motif": False, "use_motif_timestep": False, "input_seq_onehot": True}
for _kind, _size in (("full", 8), ("topk", 16)):
    _sizes = {"l0_in_features": _size, "l0_out_features": _size, "num_edge_features": _size}
    MODEL[f"SE3_param_{_kind}"] = {**_LAYERS, **_sizes}


@pytest.fixture(scope="module")
def folder():
    named = os.environ.get(CHECKOUT_VARIABLE)
    if not named:
        pytest.skip("needs a checkout of RFdiffusion")
    return Path(named)


@pytest.fixture(scope="module")
def code(folder):
    try:
        return load_checkout(folder)
    except InputError as error:
        pytest.skip(str(error))


def test_the_network_turns_and_moves_with_its_input(code, tmp_path):
    torch.manual_seed(0)
    network = code.network(**MODEL, d_t1d=22, d_t2d=44, T=50)
    # its updates of frames begin as zero
    state = {name: 0.1 * torch.randn_like(v) if v.dim() > 1 else v for name, v in network.state_dict().items()}
    path = tmp_path / "random.pt"
    config = {"model": MODEL, "diffuser": {"T": 50, "so3_schedule_type": "linear"}}
    config["preprocess"] = {"d_t1d": 22, "d_t2d": 44}
    torch.save({"model_state_dict": state, "config_dict": config}, path)
    prior = RFdiffusionPrior(load_network(path, code), code, Polymer.single_chain("MKVLAAGITRSDWE"))
    x = prior.correlation.apply(torch.randn(2, N, 4, 3, generator=torch.Generator().manual_seed(1)))
    found = prior.denoise(x, 0.5)
    assert found.shape == x.shape and bool(torch.isfinite(found).all())
    assert (found[:, :, 1] - x[:, :, 1]).norm(dim=-1).max() > 1e-3
    torch.testing.assert_close(prior.denoise(x, 0.5), found)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(2)))[0]
    turn = turn * torch.linalg.det(turn)
    torch.testing.assert_close(prior.denoise(x @ turn.T + 3.0, 0.5), found @ turn.T + 3.0, atol=2e-3, rtol=0)


def test_inputs_are_those_of_the_published_sampler(folder, code, monkeypatch):
    """But for the template, which that sampler empties in its first step, and here always is."""
    monkeypatch.syspath_prepend(str(folder / "env" / "SE3Transformer"))
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    runners = pytest.importorskip("rfdiffusion.inference.model_runners", exc_type=ImportError)
    try:
        rotation, ca = residue_axes(3.0 * torch.randn(N, 4, 3, generator=torch.Generator().manual_seed(1)))
        main = backbone_of_frames(rotation, ca)
        atoms = torch.zeros(N, 14, 3)
        atoms[:, :3] = main
        types = torch.nn.functional.one_hot(torch.full((N,), 21), 22).float()
        sampler = SimpleNamespace(T=50, binderlen=N, mask_str=torch.zeros(1, N, dtype=torch.bool), device="cpu")
        sampler.ppi_conf = SimpleNamespace(hotspot_res=None)
        sampler.preprocess_conf = SimpleNamespace(sidechain_input=False, d_t1d=22)
        sampler.contig_map = SimpleNamespace(rf=list(range(N)))
        theirs = runners.Sampler._preprocess(sampler, types, atoms, 30)
        mine = network_inputs(main, 30 / 50, torch.arange(N), code.torsions, 22)
        for name, value in zip(("msa_latent", "msa_full", "seq", "xyz", "idx", "t1d"), theirs[:6], strict=True):
            torch.testing.assert_close(mine[name], value, equal_nan=True, msg=name)
        torch.testing.assert_close(mine["alpha_t"], theirs[8])
        assert mine["t2d"].shape == theirs[6].shape and mine["xyz_t"].shape == theirs[7].shape
    finally:
        for name in set(sys.modules) - before:
            if name.split(".")[0] in ("rfdiffusion", "se3_transformer"):
                del sys.modules[name]
