"""Residues that two models share: by number, by alignment, chain by chain."""

import numpy as np
import pytest

from adp3d.pipeline.common_residues import common_residues

SEQUENCE = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVG"
OTHER = "GSHWWDPNECVHYTDNPGCWMEYDPHTNCWGDMHPEYNCDW"


def model(*chains):
    """Labels and letters of chains given as (name, letters, first number)."""
    labels = [(name, first + i, "") for name, letters, first in chains for i in range(len(letters))]
    return labels, "".join(letters for _, letters, _ in chains)


def shared(one, other):
    rows, others = common_residues(*one, *other)
    return list(zip(rows.tolist(), others.tolist(), strict=True))


def test_the_same_model_is_compared_whole():
    one = model(("A", SEQUENCE, 1), ("B", SEQUENCE[:20], 1))
    assert shared(one, one) == [(k, k) for k in range(61)]


def test_gaps_and_tails_on_either_side_are_left_out():
    labels, letters = model(("A", SEQUENCE, 1))
    rows = [k for k in range(41) if k not in (9, 10, 11)]
    gapped = [labels[k] for k in rows], "".join(letters[k] for k in rows)
    longer = model(("A", "GSH" + SEQUENCE, -2))
    assert shared(gapped, longer) == [(i, k + 3) for i, k in enumerate(rows)]
    assert shared(longer, gapped) == [(k + 3, i) for i, k in enumerate(rows)]


def test_models_with_other_numbers_are_aligned():
    native = model(("A", SEQUENCE[:15] + SEQUENCE[20:], 301))
    pairs = shared(model(("A", SEQUENCE, 1)), native)
    assert pairs == [(k if k < 15 else k + 5, k) for k in range(36)]


def test_chains_find_their_namesakes_or_what_is_most_alike():
    one, other = model(("A", SEQUENCE, 1), ("B", SEQUENCE, 1)), model(("B", SEQUENCE, 1), ("A", SEQUENCE, 1))
    assert shared(one, other) == [(k, (k + 41) % 82) for k in range(82)]
    renamed = model(("X", OTHER, 1), ("Y", SEQUENCE, 1))
    assert shared(model(("A", SEQUENCE, 1)), renamed) == [(k, k + 41) for k in range(41)]
    # a namesake of another protein does not count, and one partner is not taken twice
    swapped = model(("A", OTHER, 1), ("B", SEQUENCE, 1))
    assert shared(model(("A", SEQUENCE, 1), ("C", SEQUENCE, 1)), swapped) == [(k, k + 41) for k in range(41)]


def test_point_mutations_are_left_out_and_other_proteins_share_nothing():
    mutated = SEQUENCE[:5] + "W" + SEQUENCE[6:]
    assert shared(model(("A", SEQUENCE, 1)), model(("A", mutated, 1))) == [(k, k) for k in range(41) if k != 5]
    assert shared(model(("A", SEQUENCE, 1)), model(("A", OTHER, 1))) == []
    assert shared(model(("A", "X" * 41, 1)), model(("A", "X" * 41, 1))) == []


@pytest.mark.parametrize("seed", range(5))
def test_sequences_by_chance_share_nothing(seed):
    rng = np.random.default_rng(seed)
    one, other = ("".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 150)) for _ in range(2))
    assert shared(model(("A", one, 1)), model(("A", other, 1))) == []
