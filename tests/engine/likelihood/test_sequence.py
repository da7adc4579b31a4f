"""The likelihood of a sequence: the chain rule, gradients, unknown residues."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ideal_backbone import build_backbone
from small_protein_mpnn import NEIGHBOURS, small_weights

from adp3d.likelihood.design_network import ALPHABET
from adp3d.likelihood.protein_mpnn import ProteinMPNN
from adp3d.likelihood.sequence import SequenceLikelihood
from adp3d.structure.polymer import Polymer

NETWORK = ProteinMPNN(small_weights(), NEIGHBOURS)
DEVICE = torch.device("cpu")


def _backbones(n, replicas=2):
    x = build_backbone([-62.0] * n, [-43.0] * n)
    return torch.as_tensor(x + 0.3 * np.random.default_rng(1).normal(size=(replicas, *x.shape)))


def test_two_residues_have_probabilities_that_sum_to_one_over_all_sequences():
    x = _backbones(2, 1)
    total = torch.zeros(1, dtype=torch.float64)
    for first in ALPHABET:
        for second in ALPHABET:
            likelihood = SequenceLikelihood.of_polymer(NETWORK, Polymer.single_chain("AA"), DEVICE)
            types = torch.tensor([ALPHABET.index(first), ALPHABET.index(second)])
            found = NETWORK.log_probabilities(x, types, likelihood.positions, likelihood.chains, likelihood.orders[0])
            total += found[0, torch.arange(2), types].sum().exp()
    assert float(total) == pytest.approx(1.0, abs=1e-9)


def test_gradients_are_those_of_finite_differences():
    likelihood = SequenceLikelihood.of_polymer(NETWORK, Polymer.single_chain("MKVLAAGI"), DEVICE, orders=2)
    x = _backbones(8)
    value, gradient = likelihood.value_and_gradient(x)
    torch.testing.assert_close(value, likelihood(x))
    way = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    step = 1e-5
    slope = (likelihood(x + step * way) - likelihood(x - step * way)) / (2 * step)
    torch.testing.assert_close((gradient * way).sum((1, 2, 3)), slope, rtol=1e-6, atol=1e-7)
    # turning or moving the whole changes nothing
    assert gradient.sum((1, 2)).abs().max() < 1e-9


def test_unknown_residues_do_not_count_and_orders_are_averaged():
    polymer = Polymer.single_chain("MKXLAAGI")
    likelihood = SequenceLikelihood.of_polymer(NETWORK, polymer, DEVICE, orders=3, seed=5)
    x = _backbones(8)
    each = likelihood.per_residue(x)
    assert torch.equal(each[:, 2], torch.zeros(2, dtype=torch.float64))
    alone = [
        SequenceLikelihood(NETWORK, likelihood.types, likelihood.positions, likelihood.chains, order[None])(x)
        for order in likelihood.orders
    ]
    torch.testing.assert_close(each.sum(-1), torch.stack(alone).mean(0))
    assert len({tuple(order.tolist()) for order in likelihood.orders}) == 3
