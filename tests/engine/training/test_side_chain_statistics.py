"""Side-chain geometry measured from shards whose geometry is known."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest
import torch
from ideal_backbone import build_backbone

from adp3d.contract.errors import InputError
from adp3d.sidechain.build import build_side_chains
from adp3d.sidechain.templates import MSE, RESIDUE_NAMES, TEMPLATES
from adp3d.training.side_chain_statistics import LEAST_RESIDUES, main, measure

SHIPPED = json.loads(
    resources.files("adp3d.sidechain").joinpath("data/side_chain_geometry.json").read_text(encoding="utf-8")
)


def write_shard(folder, *, split="train", kinds=tuple(k for k in range(22) if k != 20), cis=True):
    """A strand that begins with cis peptides; side chains by the shipped table."""
    count = LEAST_RESIDUES + 2
    aatype = torch.tensor(kinds).repeat(count)
    chi = torch.empty(len(aatype), 4, dtype=torch.float64).uniform_(
        -3.1, 3.1, generator=torch.Generator().manual_seed(0)
    )
    omega = [180.0] * len(aatype)
    if cis:
        omega[: LEAST_RESIDUES + 5] = [0.0] * (LEAST_RESIDUES + 5)
    backbone = torch.from_numpy(build_backbone([-120.0] * len(aatype), [130.0] * len(aatype), omega))
    atoms = build_side_chains(backbone, aatype, chi).numpy()
    sizes = np.array([len(TEMPLATES[RESIDUE_NAMES[k]].names) for k in aatype])
    present = np.arange(14) < sizes[:, None]
    stored = np.where(aatype == MSE, RESIDUE_NAMES.index("MET"), aatype).astype(np.uint8)
    np.savez(
        folder / "chains_full_0.npz",
        # tests need no packing: steps of 0.01 A as ever, but not in 16 bits
        xyz=atoms[present] * 100,
        atommask=(present << np.arange(14)).sum(1).astype(np.uint16),
        aatype=stored,
        bfac=np.full(len(stored), 20, np.uint8),
        res_ptr=np.array([0, len(stored)]),
        atom_ptr=np.array([0, int(present.sum())]),
        split=np.array([split]),
        method=np.array(["XRAY"]),
        tier=np.zeros(1, np.uint8),
        resolution=np.full(1, 1.5, np.float32),
        c40=np.arange(1),
    )


def test_what_was_built_is_what_is_measured(tmp_path):
    write_shard(tmp_path)
    main([str(tmp_path), str(tmp_path / "out.json")])
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert set(found["residues"]) == set(SHIPPED["residues"])
    for name, atoms in SHIPPED["residues"].items():
        assert set(found["residues"][name]) == set(atoms)
        for atom, row in atoms.items():
            mine = found["residues"][name][atom]
            assert mine["bond"][0] == pytest.approx(row["bond"][0], abs=2e-4)
            assert mine["angle"][0] == pytest.approx(row["angle"][0], abs=0.02)
            assert (mine["torsion"][0] - row["torsion"][0] + 180) % 360 - 180 == pytest.approx(0.0, abs=0.02)
    assert found["peptide"]["trans"]["ca_distance"] == pytest.approx(3.8, abs=0.03)
    assert found["peptide"]["cis"]["ca_distance"] == pytest.approx(2.8, abs=0.03)


def test_rows_left_out_and_held_out_chains_are_not_read(tmp_path):
    write_shard(tmp_path, split="val")
    with pytest.raises(InputError, match="too few"):
        measure(tmp_path)
    write_shard(tmp_path)
    (tmp_path / "leave_out.tsv").write_text("shard\trow\nchains_full_0.npz\t0\n", encoding="utf-8")
    with pytest.raises(InputError, match="too few"):
        measure(tmp_path)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"chains_full"):
        measure(tmp_path)
    write_shard(tmp_path, kinds=tuple(k for k in range(22) if k not in (20, RESIDUE_NAMES.index("TRP"))))
    with pytest.raises(InputError, match="type TRP"):
        measure(tmp_path)
    write_shard(tmp_path, cis=False)
    with pytest.raises(InputError, match="cis peptides"):
        measure(tmp_path)
