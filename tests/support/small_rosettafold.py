"""A checkout of RFdiffusion in small: a network of the published signature with a few random weights, and its file."""

from __future__ import annotations

from pathlib import Path

import torch

__all__ = ["CONFIG", "write_checkout", "write_weights"]

CONFIG = {
    "model": {"d_msa": 12, "d_pair": 6, "use_motif_timestep": False},
    "diffuser": {"T": 50, "b_0": 1e-2, "b_T": 7e-2, "crd_scale": 0.25, "schedule_type": "linear"}
    | {"so3_type": "igso3", "so3_schedule_type": "linear", "min_b": 1.5, "max_b": 2.5, "min_sigma": 0.02},
    "preprocess": {"d_t1d": 22, "d_t2d": 44, "sidechain_input": False},
}

_NETWORK = '''
import torch
from torch import nn

import se3_transformer
from rfdiffusion.util import frames


class RoseTTAFoldModule(nn.Module):
    """Moves and turns frames by what a few distances and the step say, in their own axes."""

    def __init__(self, d_msa, d_pair, d_t1d, d_t2d, T, use_motif_timestep):
        super().__init__()
        self.shapes = (d_t1d, d_t2d, T)
        self.near = nn.Linear(2 * 3 + d_t1d + 30, d_msa)
        self.out = nn.Linear(d_msa, 6)
        self.seen = []

    def forward(self, msa_latent, msa_full, seq, xyz, idx, t, t1d=None, t2d=None, xyz_t=None, alpha_t=None,
                msa_prev=None, pair_prev=None, state_prev=None, return_raw=False, return_full=False,
                return_infer=False, use_checkpoint=False, motif_mask=None, i_cycle=None, n_cycle=None,
                cyclic_reses=None):
        se3_transformer.part()
        n = seq.shape[1]
        d_t1d, d_t2d, T = self.shapes
        assert return_infer and msa_prev is None
        assert msa_latent.shape == (1, 1, n, 48) and msa_full.shape == (1, 1, n, 25) and seq.shape == (1, n, 22)
        assert xyz.shape == xyz_t.shape[1:] == (1, n, 27, 3) and idx.shape == (1, n) and idx.dtype == torch.int64
        assert t1d.shape == (1, 1, n, d_t1d) and t2d.shape == (1, 1, n, n, d_t2d) and alpha_t.shape == (1, 1, n, 30)
        assert motif_mask.shape == cyclic_reses.shape == (n,) and not motif_mask.any()
        assert not alpha_t.isnan().any() and 1 <= int(t) <= T
        self.seen.append((int(t), idx[0].tolist(), t1d[0, 0, 0].tolist(), xyz[0, :, :3].clone()))
        R, ca = frames(xyz[:, :, :3])
        local = [torch.einsum("bnij,bni->bnj", R, ca.roll(way, 1) - ca) for way in (-1, 1)]
        features = torch.cat([torch.tanh(v / 10) for v in local] + [t1d[:, 0], alpha_t[:, 0]], -1)
        step = torch.tanh(self.out(torch.tanh(self.near(features))))
        moved = ca + torch.einsum("bnij,bnj->bni", R, step[..., :3])
        skew = torch.zeros(1, n, 3, 3, dtype=R.dtype)
        skew[..., 0, 1], skew[..., 0, 2], skew[..., 1, 2] = -step[..., 5], step[..., 4], -step[..., 3]
        turned = R @ torch.linalg.matrix_exp(skew - skew.transpose(-1, -2)) @ R.transpose(-1, -2)
        px0 = torch.einsum("bnij,bnaj->bnai", turned, xyz[:, :, :3] - ca[:, :, None]) + moved[:, :, None]
        return msa_latent[:, 0], t2d[:, 0], px0, t1d[:, 0], alpha_t.reshape(1, n, 10, 3)[..., :2], seq, seq[..., 0]
'''

_LAYERS = """
from torch.cuda.nvtx import range as nvtx_range


def part():
    with nvtx_range("part"):
        pass
"""

_UTIL = '''
import torch

torsion_indices = torsion_can_flip = reference_angles = None


def frames(xyz):
    n, ca, c = xyz.unbind(-2)
    e1 = torch.nn.functional.normalize(c - ca, dim=-1)
    v = n - ca
    e2 = torch.nn.functional.normalize(v - (v * e1).sum(-1, keepdim=True) * e1, dim=-1)
    return torch.stack([e1, e2, torch.linalg.cross(e1, e2)], -1), ca


def get_torsions(xyz_in, seq, torsion_indices, torsion_can_flip, ref_angles, mask_in=None):
    """Torsions about N-CA and CA-C bonds as (cosine, sine), the others zero."""
    n, ca, c = xyz_in[..., :3, :].unbind(-2)
    out = torch.zeros(*xyz_in.shape[:2], 10, 2)
    mask = torch.zeros(*xyz_in.shape[:2], 10, dtype=torch.bool)
    omega, phi = (ca[:, :-1], c[:, :-1], n[:, 1:], ca[:, 1:]), (c[:, :-1], n[:, 1:], ca[:, 1:], c[:, 1:])
    for k, (a, b, d, e) in enumerate((omega, phi)):
        rows = slice(0, -1) if k == 0 else slice(1, None)
        u, v, w = b - a, d - b, e - d
        x, y = torch.linalg.cross(u, v), torch.linalg.cross(v, w)
        angle = torch.atan2((torch.linalg.cross(x, y) * v).sum(-1) / v.norm(dim=-1), (x * y).sum(-1))
        out[:, rows, k, 0], out[:, rows, k, 1], mask[:, rows, k] = angle.cos(), angle.sin(), True
    return out, out, mask, mask
'''


def write_checkout(folder: Path) -> Path:
    """Folder that looks like a checkout, as far as it is used."""
    package = folder / "rfdiffusion"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "RoseTTAFoldModel.py").write_text(_NETWORK)
    (package / "util.py").write_text(_UTIL)
    layers = folder / "env" / "SE3Transformer" / "se3_transformer"
    layers.mkdir(parents=True)
    (layers / "__init__.py").write_text(_LAYERS)
    return folder


def write_weights(path: Path, seed: int = 0, config: dict | None = None) -> Path:
    """File like the published ones, with random numbers."""
    config = CONFIG if config is None else config
    width, features = CONFIG["model"]["d_msa"], config["preprocess"]["d_t1d"]
    generator = torch.Generator().manual_seed(seed)
    shapes = {"near.weight": (width, 36 + features), "near.bias": (width,), "out.weight": (6, width), "out.bias": (6,)}
    state = {name: 0.4 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model_state_dict": state, "config_dict": config, "epoch": 3}, path)
    return path
