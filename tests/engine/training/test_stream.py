"""Batches drawn ahead, and the maps they come with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adp3d.training.crops import CropSampler
from adp3d.training.dataset import AtomCloud, load_chains
from adp3d.training.knowledge import every_kth
from adp3d.training.map_conditions import draw_conditions
from adp3d.training.map_source import MapSource
from adp3d.training.stream import BatchStream
from adp3d.training.validation import ordinary_conditions, validation_set

CPU = torch.device("cpu")


@pytest.fixture
def sampler(archive, packed):
    """Helices, two of three with all of their atoms, which here are the backbone."""
    chains = load_chains(packed(*(archive.Record(n=40, pdb=f"{k}aaa", c40=k) for k in range(3))), "train")
    chains = [replace(chain, atoms=_backbone_cloud(chain) if k < 2 else None) for k, chain in enumerate(chains)]
    return CropSampler(chains, residues_per_batch=160, spatial_fraction=0.0, max_length=40)


def _backbone_cloud(chain):
    n = len(chain.xyz)
    element = np.tile([1, 0, 0, 2], n).astype(np.uint8)
    return AtomCloud(
        chain.xyz.reshape(-1, 3), element, np.repeat(np.arange(n), 4).astype(np.int32), np.zeros(4 * n, np.float32)
    )


def test_batches_are_the_same_for_any_number_of_workers(sampler):
    maps = MapSource(sampler)
    drawn = []
    for workers in (0, 1, 3):
        with BatchStream(sampler, maps, 4, 10, CPU, workers) as stream:
            drawn.append([stream.next() for _ in range(3)])
    for other in drawn[1:]:
        for a, b in zip(drawn[0], other, strict=True):
            assert torch.equal(a.batch.mean, b.batch.mean) and a.looks == b.looks
            if a.batch.density is not None:
                assert torch.equal(a.batch.density.levels[0][0], b.batch.density.levels[0][0])
    assert not torch.equal(drawn[0][0].batch.mean[:1], drawn[0][1].batch.mean[:1])
    later = BatchStream(sampler, maps, 4, 12, CPU, 0).next()
    assert torch.equal(later.batch.mean, drawn[0][2].batch.mean)


def test_only_examples_with_side_chains_have_maps(sampler):
    maps = MapSource(sampler, fraction=1.0)
    rng = np.random.default_rng(0)
    crop = sampler.batch(rng)
    chosen = maps.choose(crop, rng)
    assert chosen.tolist() == [example != (2,) for example in crop.chains]
    shown = maps.evidence(crop, None, chosen, rng)
    assert [m is not None for m in shown] == chosen.tolist()


def test_the_map_lies_on_its_example(sampler):
    """Backbone atoms stand out of the map, in the frame that the noisy batch gives them."""
    maps = MapSource(sampler, fraction=1.0)
    with BatchStream(sampler, maps, 1, 0, CPU, 0) as stream:
        for _ in range(4):
            drawn = stream.next()
            grids = drawn.batch.density
            if grids is None:
                continue
            on = grids.sample(1, drawn.clean.flatten(1, 2))[grids.present][..., 0]
            off = grids.sample(1, drawn.clean.flatten(1, 2) + 5.0)[grids.present][..., 0]
            assert float(on.mean()) > 0.3 > float(off.mean())


def test_known_residues_explain_their_density(sampler):
    maps = MapSource(sampler, fraction=1.0)
    rng = np.random.default_rng(3)
    crop = sampler.batch(rng)
    chosen = maps.choose(crop, rng)
    i = int(np.flatnonzero(chosen)[0])
    pattern = every_kth(crop, 1)
    (some,) = [m for k, m in enumerate(maps.evidence(crop, pattern, chosen, rng, draw_conditions(rng, 3.0))) if k == i]
    voxel = torch.from_numpy(crop.xyz[i].reshape(-1, 3)) - some.origin
    at = voxel.round().long()
    assert float(some.taken[at[:, 0], at[:, 1], at[:, 2]].min()) > 0.6


def test_validation_asks_with_and_without_maps(sampler):
    whole = CropSampler(sampler.chains[:2], residues_per_batch=80, spatial_fraction=0.0, max_length=40)
    cases = validation_set(whole, 2, with_maps=True)
    assert [(c.sequence, c.spacing, c.resolution) for c in cases] == [
        (True, 0, 0.0), (False, 0, 0.0), (True, 8, 0.0), (True, -1, 0.0), (True, -1, 2.5), (True, -1, 4.0),
    ]  # fmt: skip
    assert cases[3].crops is cases[4].crops and all(m is not None for m in cases[5].maps[0])
    assert ordinary_conditions(4.0).noise == 0.15
    assert len(validation_set(whole, 2, with_maps=False)) == 3
