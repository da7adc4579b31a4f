"""What maps show beside CA atoms, measured on few chains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import adp3d
from adp3d.tracing.sequence_fit import DISTANCES, TABLES, SideChainDensity
from adp3d.training import side_chain_density_statistics as statistics
from adp3d.training.dataset import load_chains
from adp3d.training.side_chain_density_statistics import collect, density_statistics, main

SHIPPED = Path(adp3d.__file__).parent / "tracing" / "data" / "side_chain_density.npz"


def test_statistics_are_means_and_covariances():
    rng = np.random.default_rng(1)
    types = rng.integers(20, size=40_000)
    centre = rng.standard_normal((20, 2))
    values = centre[types] + 0.5 * rng.standard_normal((len(types), 2))
    mean, within, pooled_mean, pooled, right, wrong = density_statistics(values, types)
    np.testing.assert_allclose(mean, centre, atol=0.1)
    np.testing.assert_allclose(within, 0.25 * np.eye(2), atol=0.02)
    np.testing.assert_allclose(pooled_mean, values.mean(0))
    np.testing.assert_allclose(pooled, np.cov(values.T))
    fitted = SideChainDensity(mean, within, pooled_mean, pooled, 0.0, 0.0)
    assert right[0] == pytest.approx(fitted.log_ratio(values, types).mean())
    shuffled = fitted.log_ratio(values, rng.permutation(types)).mean()
    assert wrong[0] == pytest.approx(shuffled, abs=0.02) and right[0] > 1.0 > 0.0 > wrong[0]


def test_values_come_from_whole_stretches_of_chains_with_side_chains(archive, packed):
    chains = load_chains(packed(archive.Record(side_chains=True)), "train")
    chain = next(one for one in chains if one.atoms is not None)
    values, types = collect(chain, 3.0, np.random.default_rng(0))
    assert values.shape == (len(types), len(DISTANCES)) and 0 < len(types) <= len(chain.aatype) - 2
    assert values[:, 0].mean() > values[:, -1].mean()


def test_command_line_writes_what_tracing_reads(archive, packed, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(statistics, "RESOLUTIONS", (3.0, 4.0))
    out = tmp_path / "side_chain_density.npz"
    main([str(packed(archive.Record(side_chains=True), archive.Record(pdb="2abc", split="val"))), str(out)])
    assert "3 A:" in capsys.readouterr().out
    with np.load(out, allow_pickle=False) as made, np.load(SHIPPED, allow_pickle=False) as shipped:
        assert list(made) == list(shipped) == list(TABLES)
        for name in made:
            assert len(made[name]) == 2 and made[name].shape[1:] == shipped[name].shape[1:]
