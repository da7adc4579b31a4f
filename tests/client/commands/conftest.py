"""The models and maps of the hand-over's tests, and a window, for tests of commands."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest


def _fixtures(room):
    path = Path(__file__).resolve().parents[1] / room / "conftest.py"
    spec = importlib.util.spec_from_file_location(f"adp3d_{room}_fixtures", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_handover, _panel = _fixtures("handover"), _fixtures("panel")
make_model, make_map, select, make_job = (
    _handover.make_model,
    _handover.make_map,
    _handover.select,
    _handover.make_job,
)
application, area = _panel.application, _panel.area


@pytest.fixture
def density(make_map):
    """Map of the helix that `make_model` opens, with a little noise."""

    def make(model, spacing=1.0):
        xyz = np.asarray(model.atoms.scene_coords)
        origin = xyz.min(0) - 8.0
        size = np.ceil((xyz.max(0) + 8.0 - origin) / spacing).astype(int)
        k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
        grid = origin + spacing * np.stack([i, j, k], axis=-1)
        values = np.random.default_rng(0).normal(scale=0.02, size=size[::-1])
        for point in xyz:
            values += np.exp(-((grid - point) ** 2).sum(-1) / 1.5)
        return make_map(array=values.astype(np.float32), origin=tuple(origin), step=(spacing,) * 3)

    return make
