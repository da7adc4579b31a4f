from __future__ import annotations

import numpy as np
import pytest
import torch
from atom14_model import demo_atom14

from adp3d.contract.errors import InputError
from adp3d.rotamers.contacts import NODES
from adp3d.rotamers.kinds import BESIDE, N_MOVING
from adp3d.structure.polymer import AMINO_ACIDS
from adp3d.training import contact_statistics as statistics
from adp3d.training.contact_statistics import PARAMETERS, choices_of, fit, main, table_of
from adp3d.training.ramachandran_statistics import AtomSample


@pytest.fixture(scope="module")
def choices():
    atoms, aatype, present = demo_atom14()
    x = np.where(present.numpy()[..., None], atoms.double().numpy(), np.nan)
    sequence = "".join(AMINO_ACIDS[k] for k in aatype.tolist())
    found = choices_of(AtomSample(x, sequence, np.ones(len(sequence) - 1, bool), 0))
    assert found is not None
    return found


def test_rotamers_of_each_residue_are_listed_with_the_true_one(choices):
    ends = np.cumsum(choices.counts)
    assert choices.features.shape == (ends[-1], PARAMETERS)
    assert np.all(choices.right < ends)
    assert np.all(choices.right >= ends - choices.counts)


def test_gradient_is_that_of_the_likelihood(choices):
    rng = np.random.default_rng(0)
    at = rng.normal(0, 0.1, PARAMETERS)
    _, slope = statistics._log_likelihood(choices, at)
    for k in np.argsort(-np.abs(slope))[:4]:
        step = np.zeros(PARAMETERS)
        step[k] = 0.02
        up, down = (statistics._log_likelihood(choices, at + s)[0] for s in (step, -step))
        assert (up - down) / 0.04 == pytest.approx(slope[k], rel=0.02, abs=0.02)


def test_fit_makes_true_rotamers_likelier_and_the_table_symmetric(choices):
    parameters = fit(choices, 20)
    table = table_of(parameters)
    assert table.shape == (N_MOVING, BESIDE + 5, NODES)
    np.testing.assert_array_equal(table[:, :N_MOVING], table[:, :N_MOVING].transpose(1, 0, 2))
    before = statistics._log_likelihood(choices, np.zeros(PARAMETERS))[0]
    assert statistics._log_likelihood(choices, parameters)[0] > before + 0.5 * len(choices.counts)


def test_a_chain_without_side_chains_has_nothing_to_choose():
    atoms, aatype, _ = demo_atom14()
    x = atoms.double().numpy().copy()
    x[:, 4:] = np.nan
    sequence = "".join(AMINO_ACIDS[k] for k in aatype.tolist())
    assert choices_of(AtomSample(x, sequence, np.ones(len(sequence) - 1, bool), 0)) is None
    assert torch.is_tensor(aatype)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(InputError, match="chains_full"):
        main([str(tmp_path), str(tmp_path / "contacts.npz")])
