from __future__ import annotations

from pathlib import Path

import numpy as np

from adp3d.training.handedness_statistics import statistics, write_tables
from adp3d.training.ramachandran_statistics import TorsionSample
from adp3d.validation.handedness import Tables, handedness


def helix(hand: float, n: int = 60) -> np.ndarray:
    angle = hand * np.deg2rad(100.0) * np.arange(n)
    return np.stack([2.3 * np.cos(angle), 2.3 * np.sin(angle), 1.5 * np.arange(n)], axis=1)


def sample(ca: np.ndarray, cluster: int) -> TorsionSample:
    x = np.full((len(ca), 4, 3), np.nan)
    x[:, 1] = ca
    return TorsionSample(x, "A" * len(ca), np.ones(len(ca) - 1, bool), cluster)


def test_tables_learn_the_hand_they_were_shown(tmp_path: Path) -> None:
    for hand in (1.0, -1.0):
        tables = statistics([sample(helix(hand), 0)])
        assert handedness(helix(hand), tables=tables).local > 0.5
        assert handedness(helix(-hand), tables=tables).local < -0.5
    write_tables(tables, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as z:
        stored = Tables(z["local"], z["fold"])
    np.testing.assert_allclose(stored.local, tables.local, atol=2e-3)


def test_equal_numbers_of_both_hands_and_short_chains_say_nothing() -> None:
    tables = statistics([sample(helix(1.0), 0), sample(helix(-1.0), 1), sample(helix(1.0, 20), 2)])
    np.testing.assert_allclose(tables.local, 0.0, atol=1e-9)


def test_a_crowded_cluster_counts_once() -> None:
    crowded = statistics([sample(helix(1.0), 0) for _ in range(5)])
    np.testing.assert_allclose(crowded.local, statistics([sample(helix(1.0), 0)]).local, atol=1e-9)
