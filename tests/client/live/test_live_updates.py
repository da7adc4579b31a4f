from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "live_updates.py"


def test_benchmark_of_live_updates(session):
    spec = importlib.util.spec_from_file_location("live_updates", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    benchmark.session = None  # so that it does not run by itself inside ChimeraX
    spec.loader.exec_module(benchmark)
    timing, frames = benchmark.measure(session, 12, 3, 4)
    assert timing.count >= 4
    assert frames.shape == (4,)
    assert (frames > 0).all()
    assert np.isfinite([timing.median, timing.percentile_99, timing.longest]).all()
