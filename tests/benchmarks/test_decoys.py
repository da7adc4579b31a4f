"""Decoys of a known structure."""

import numpy as np
import pytest
import torch
from atom14_model import demo_atom14

from adp3d.contract.errors import InputError
from adp3d.prior.registry import load_prior
from adp3d.structure.polymer import AMINO_ACIDS, Polymer
from adp3d.validation.superpose import rmsd


@pytest.fixture
def decoys(load):
    return load("decoys")


@pytest.fixture
def made(load):
    """A protein of 60 residues and the chain without a learned prior."""
    xyz, types = demo_atom14()[:2]
    polymer = Polymer.single_chain("".join(AMINO_ACIDS[kind] for kind in types[:60].tolist()))
    return load("held_out").Protein("demo", polymer, xyz[:60, :4]), load_prior("gaussian", polymer, torch.device("cpu"))


def test_decoys_of_all_kinds_lie_where_they_are_meant_to(decoys, made):
    kinds, x = decoys.decoys_of(*made, 9, 0)
    assert kinds == ["true", *3 * ["bent", "renoised", "refolded"]]
    away = rmsd(x[1:, :, 1].double().numpy(), x[0, :, 1].double().numpy(), superposed=True)
    assert away.min() >= decoys.SMALLEST and away.max() <= decoys.LARGEST
    np.testing.assert_allclose(x[0].mean((0, 1)), 0.0, atol=1e-4)
    assert int(((x[3] - x[0]).norm(dim=-1).amax(-1) > 1e-3).sum()) == 20, "a third of the chain"


def test_what_cannot_be_made_is_said(decoys, made, monkeypatch):
    monkeypatch.setattr(decoys, "SMALLEST", 9.99)
    monkeypatch.setattr(decoys, "TRIES", 2)
    with pytest.raises(InputError, match="demo: no bent decoy"):
        decoys.decoys_of(*made, 3, 0)
