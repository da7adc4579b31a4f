"""What chains of equal sequence show of each other's gaps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from adp3d.pipeline.equal_chains import EqualChains, _same_residues
from adp3d.structure.polymer import Polymer

LENGTH = 30
GAP = slice(LENGTH + 12, LENGTH + 18)
"""Of the second chain."""
MOTION = Rotation.from_rotvec([0.3, 1.1, -0.4])
SHIFT = np.array([20.0, -5.0, 3.0])


@pytest.fixture
def chain():
    """A walk of residues."""
    rng = np.random.default_rng(5)
    return np.cumsum(rng.normal(0.0, 2.2, (LENGTH, 1, 3)), axis=0) + rng.normal(0.0, 0.8, (LENGTH, 4, 3))


def model_of(chains, sequences):
    index = np.repeat(np.arange(len(chains)), [len(one) for one in chains])
    polymer = Polymer("".join(sequences), index, np.arange(len(index)), tuple("ABCD"[: len(chains)]))
    return EqualChains(np.concatenate(chains), _same_residues(polymer), index, np.arange(len(index)))


def elsewhere(x):
    return MOTION.apply(x.reshape(-1, 3)).reshape(x.shape) + SHIFT


def test_a_gap_is_as_the_other_chain_has_it(chain):
    found = np.ones(2 * LENGTH, bool)
    found[GAP] = False
    x = np.concatenate([chain, elsewhere(chain)])
    equal = model_of([chain, elsewhere(chain)], ["A" * LENGTH] * 2)
    (guess,) = equal.guesses(np.where(found[:, None, None], x, 1e3), found, GAP)
    np.testing.assert_allclose(guess, elsewhere(chain)[12:18], atol=1e-6)


def test_what_other_chains_lack_or_have_otherwise_is_no_guess(chain):
    second = elsewhere(chain)
    found = np.ones(2 * LENGTH, bool)
    found[GAP] = False
    x = np.concatenate([chain, second])
    equal = model_of([chain, second], ["A" * LENGTH] * 2)
    without = found.copy()
    without[14] = False  # the first chain lacks a part of it, too
    assert equal.guesses(x, without, GAP) == []
    bent = x.copy()
    bent[:12] += np.random.default_rng(0).normal(0.0, 4.0, (12, 4, 3))
    bent[18:LENGTH] += np.random.default_rng(1).normal(0.0, 4.0, (LENGTH - 18, 4, 3))
    assert equal.guesses(bent, found, GAP) == []
    assert model_of([chain, second], ["A" * LENGTH, "A" * (LENGTH - 1) + "G"]).guesses(x, found, GAP) == []


def test_the_chain_whose_ends_are_most_alike_comes_first(chain):
    rng = np.random.default_rng(2)
    worse = chain + rng.normal(0.0, 0.4, chain.shape)
    x = np.concatenate([worse, elsewhere(chain), chain])
    found = np.ones(3 * LENGTH, bool)
    found[GAP] = False
    first, second = model_of([worse, elsewhere(chain), chain], ["A" * LENGTH] * 3).guesses(x, found, GAP)
    np.testing.assert_allclose(first, elsewhere(chain)[12:18], atol=1e-6)
    assert 0.1 < np.sqrt(np.square(second - first).sum(-1).mean()) < 2.0


def test_a_part_of_a_model_sees_the_chains_that_are_not_sampled(chain):
    whole = model_of([chain, elsewhere(chain)], ["A" * LENGTH] * 2)
    rows = np.arange(LENGTH + 6, LENGTH + 24)
    part = whole.sampling(rows)
    found = np.ones(len(rows), bool)
    found[6:12] = False
    x = elsewhere(chain)[6:24]
    (guess,) = part.guesses(x, found, slice(6, 12))
    np.testing.assert_allclose(guess, elsewhere(chain)[12:18], atol=1e-6)
