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
    measured = benchmark.measure(session, 12, 3, 4)
    timing = measured.timing
    assert timing.count >= 4
    assert measured.frames.shape == (4,)
    assert (measured.frames > 0).all()
    assert len(measured.undisturbed) <= timing.count
    assert (measured.undisturbed <= timing.longest).all()
    values = [timing.median, timing.percentile_99, timing.longest, timing.processor_median, timing.processor_99]
    assert np.isfinite(values).all()
