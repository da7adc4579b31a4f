"""Training crops: lengths, bookkeeping, neighbours in space, hidden sequences."""

from __future__ import annotations

import numpy as np
import pytest

from adp3d.structure.polymer import AMINO_ACIDS
from adp3d.training.crops import CropSampler, _partners
from adp3d.training.dataset import load_chains


@pytest.fixture
def chains(archive, packed):
    """Two helices side by side in one entry, a long one elsewhere, and one with a break."""
    make = archive.Record
    return load_chains(
        packed(
            make(n=70),
            make(n=70, chain="B", shift=(8.0, 0.0, 0.0), c40=1),
            make(n=200, pdb="2bbb", c40=2),
            make(n=90, pdb="3ccc", c40=3, breaks=(44,)),
        ),
        "train",
    )


def origin_of(chains, xyz):
    """Chain and first residue whose inner distances a piece shows (helices alike: matched by length)."""
    return np.linalg.norm(xyz[1:, 1] - xyz[:-1, 1], axis=-1)


def test_contiguous_crops(chains):
    sampler = CropSampler(chains, residues_per_batch=300, max_length=64, spatial_fraction=0.0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        crop = sampler.batch(rng)
        (length,) = crop.segments
        assert 32 <= length <= 64
        b = max(1, 300 // length)
        assert crop.xyz.shape == (b, length, 4, 3) and crop.xyz.dtype == np.float32
        assert crop.aatype.shape == crop.chain_index.shape == crop.residue_index.shape == (b, length)
        np.testing.assert_allclose(crop.xyz.mean((1, 2)), 0.0, atol=1e-4)
        assert (np.diff(crop.residue_index, axis=1) == 1).all()  # never across a break
        assert (crop.chain_index == 0).all()
        ca = crop.xyz[:, :, 1]
        np.testing.assert_allclose(np.linalg.norm(ca[:, 1:] - ca[:, :-1], axis=-1), 3.8, atol=0.1)
        assert crop.ca_only.shape == (b,) and not crop.ca_only.any()


def test_spatial_crops_are_segments_that_touch(chains):
    sampler = CropSampler(chains, residues_per_batch=256, spatial_fraction=1.0, sequence_dropout=0.0)
    rng = np.random.default_rng(1)
    several = across = 0
    for _ in range(15):
        crop = sampler.batch(rng)
        assert sum(crop.segments) == crop.xyz.shape[1]
        bounds = np.cumsum(crop.segments)[:-1]
        for chain, index in zip(crop.chain_index, crop.residue_index, strict=True):
            for part_chain, part in zip(np.split(chain, bounds), np.split(index, bounds), strict=True):
                assert len(set(part_chain)) == 1 and (np.diff(part) == 1).all()
            pairs = set(zip(chain.tolist(), index.tolist(), strict=True))
            assert len(pairs) == len(index)  # no residue twice
            across += len(set(chain)) > 1
        several += len(crop.segments) > 1
    assert several and across


def test_partners_touch_but_do_not_coincide(archive, packed):
    make = archive.Record
    chains = load_chains(
        packed(
            make(),
            make(chain="B", shift=(8.0, 0, 0)),
            make(chain="C"),
            make(chain="D", shift=(80.0, 0, 0)),
            make(pdb="2bbb", shift=(8.0, 0, 0)),
        ),
        "train",
    )
    partners = _partners(chains)
    assert sorted(partners[0]) == [1] and sorted(partners[1]) == [0, 2] and sorted(partners[2]) == [1]
    assert 3 not in partners and 4 not in partners


def test_complexes_are_stretches_of_two_chains_that_touch(archive, packed):
    make = archive.Record
    chains = load_chains(packed(make(n=150), make(n=150, chain="B", shift=(8.0, 0.0, 0.0), c40=1)), "train")
    sampler = CropSampler(chains, residues_per_batch=512, spatial_fraction=0.0, complex_fraction=1.0)
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(20):
        crop = sampler.batch(rng)
        first, second = crop.segments
        seen.add(crop.segments)
        assert len(crop.xyz) == 512 // (first + second)
        for xyz, chain, index in zip(crop.xyz, crop.chain_index, crop.residue_index, strict=True):
            assert (chain == np.repeat([0, 1], crop.segments)).all()
            assert (np.diff(index[:first]) == 1).all() and (np.diff(index[first:]) == 1).all()
            gaps = np.linalg.norm(xyz[:first, None, 1] - xyz[None, first:, 1], axis=-1)
            assert gaps.min() < 10.0
    assert len(seen) > 5


@pytest.mark.parametrize(("pdb", "together"), [("1aaa", True), ("1avx", False)])
def test_complexes_that_energies_are_tested_with_are_kept_apart(archive, packed, pdb, together):
    make = archive.Record
    chains = load_chains(
        packed(make(n=70, pdb=pdb), make(n=70, pdb=pdb, chain="B", shift=(8.0, 0.0, 0.0), c40=1)), "train"
    )
    sampler = CropSampler(chains, residues_per_batch=256, spatial_fraction=0.5, complex_fraction=0.5)
    rng = np.random.default_rng(0)
    across = [len(set(chain)) > 1 for _ in range(10) for chain in sampler.batch(rng).chain_index]
    assert any(across) is together


def test_same_generator_same_batch(chains):
    sampler = CropSampler(chains, residues_per_batch=256)
    a, b = (sampler.batch(np.random.default_rng(7)) for _ in range(2))
    assert a.segments == b.segments
    np.testing.assert_array_equal(a.xyz, b.xyz)
    np.testing.assert_array_equal(a.aatype, b.aatype)


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_hidden_sequences(chains, dropout):
    sampler = CropSampler(chains, residues_per_batch=400, spatial_fraction=0.0, sequence_dropout=dropout)
    rng = np.random.default_rng(2)
    types = np.concatenate([sampler.batch(rng).aatype.ravel() for _ in range(10)])
    hidden = (types == len(AMINO_ACIDS)).mean()
    if dropout:
        assert hidden == 1.0
    else:  # unknown types of the data (1 in 21), and some residues of some examples
        assert 1 / 30 < hidden < 0.3


def test_chains_are_drawn_by_weight(chains):
    sampler = CropSampler(chains, residues_per_batch=256, spatial_fraction=0.0)
    sampler_weights = sampler._run_weight / sampler._run_weight.sum()
    rng = np.random.default_rng(3)
    drawn = np.bincount(
        [sampler._pick(rng, 0, len(sampler_weights)) for _ in range(4000)], minlength=len(sampler_weights)
    )
    np.testing.assert_allclose(drawn / 4000, sampler_weights, atol=0.03)
