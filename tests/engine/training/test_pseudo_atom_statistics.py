from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.contract.errors import InputError
from adp3d.structure.polymer import AMINO_ACIDS
from adp3d.training import pseudo_atom_statistics as statistics
from adp3d.training.pseudo_atom_statistics import SIDE_CHAIN_ELEMENTS, fit_mixture, main

RESIDUES = 12
CB = [-0.5, -0.8, -1.2]
SITES = np.array([[-2.0, -2.0, -1.0], [0.0, -3.0, -1.5], [0.5, 0.0, -3.0]])


def write_shard(folder, splits, types=AMINO_ACIDS, sites=SITES):
    """One chain per split, each with all types; side-chain atoms beyond CB lie on the sites in turn."""
    rng = np.random.default_rng(0)
    xyz, mask, aatype, bounds = [], [], [], [0]
    for _ in splits:
        for code in types:
            for i in range(RESIDUES):
                n_side = len(SIDE_CHAIN_ELEMENTS[code])
                local = np.array([[-0.5, 1.36, 0.0], [0, 0, 0], [1.53, 0, 0], [2.2, 1.0, 0.0], CB])
                far = sites[(i + np.arange(max(0, n_side - 1))) % 3] + 0.2 * rng.normal(size=(max(0, n_side - 1), 3))
                atoms = np.concatenate([local[: 4 + min(1, n_side)], far])
                turn = Rotation.random(random_state=rng).as_matrix()
                xyz.append(atoms @ turn.T + rng.normal(size=3) * 20)
                mask.append((1 << len(atoms)) - 1)
                aatype.append(AMINO_ACIDS.index(code))
        bounds.append(len(aatype))
    n_atoms = np.cumsum([0] + [len(atoms) for atoms in xyz])
    n = len(splits)
    np.savez(
        folder / "chains_full_0.npz",
        xyz=np.round(np.concatenate(xyz) * 100).astype(np.int16),
        atommask=np.array(mask, np.uint16),
        aatype=np.array(aatype, np.uint8),
        bfac=np.full(len(aatype), 20, np.uint8),
        res_ptr=np.array(bounds),
        atom_ptr=n_atoms[bounds],
        split=np.array(splits),
        method=np.array(["XRAY"] * n),
        tier=np.zeros(n, np.uint8),
        resolution=np.full(n, 1.5, np.float32),
        c40=np.arange(n),
    )


def test_mixture_is_recovered():
    rng = np.random.default_rng(1)
    sigma, share = np.array([0.3, 0.6, 0.2]), np.array([0.5, 0.3, 0.2])
    points = np.concatenate(
        [site + s * rng.normal(size=(int(3000 * f), 3)) for site, s, f in zip(SITES, sigma, share, strict=True)]
    )
    _, found_share, centre, found_sigma = fit_mixture(points, np.ones(len(points)), 3, rng)
    np.testing.assert_allclose(found_share, share, atol=0.01)
    np.testing.assert_allclose(centre, SITES, atol=0.05)
    np.testing.assert_allclose(found_sigma, sigma, rtol=0.05)


def test_weights_count():
    points = np.array([[0.0, 0, 0], [4.0, 0, 0]]).repeat(20, axis=0)
    points += 0.1 * np.random.default_rng(0).normal(size=points.shape)
    weights = np.array([1.0, 3.0]).repeat(20)
    _, share, centre, _ = fit_mixture(points, weights, 2, np.random.default_rng(0))
    np.testing.assert_allclose(share, [0.75, 0.25], atol=1e-6)
    assert centre[0, 0] > centre[1, 0]


def test_measured_from_training_chains_only(tmp_path, monkeypatch):
    monkeypatch.setattr(statistics, "MAX_RESIDUES", 2 * RESIDUES)
    write_shard(tmp_path, ["test", "train", "val"])
    out = tmp_path / "sites.json"
    main([str(tmp_path), str(out)])
    residues = json.loads(out.read_text())["residues"]
    assert list(residues) == list(AMINO_ACIDS)
    assert residues["G"]["cb"] is None and residues["G"]["sites"] == []
    assert residues["A"]["sites"] == []
    leucine = residues["L"]
    assert leucine["n_residues"] == RESIDUES
    np.testing.assert_allclose(leucine["cb"], CB, atol=0.02)
    assert sum(site["weight"] for site in leucine["sites"]) == pytest.approx(3.0, abs=0.01)
    found = np.array(sorted(site["position"] for site in leucine["sites"]))
    np.testing.assert_allclose(found, np.array(sorted(SITES.tolist())), atol=0.25)


def test_missing_shards_or_types_are_refused(tmp_path):
    with pytest.raises(InputError, match="chains_full"):
        statistics.measure(tmp_path)
    write_shard(tmp_path, ["train"], types="GA")
    with pytest.raises(InputError, match="no complete residues of type R"):
        statistics.measure(tmp_path)
