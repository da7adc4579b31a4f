"""The bundled example: its backbone, and its map as a field that traces run through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from atom14_model import DEMO, demo_atom14

from adp3d.contract.specification import RefineSpec
from adp3d.job.events import NullEvents
from adp3d.measurement.density import load_density
from adp3d.measurement.map_evidence import load_map_evidence
from adp3d.measurement.whole_map import MapFiles
from adp3d.pipeline.problem import load_problem
from adp3d.tracing.field import FreeDensity

MAP = Path(DEMO).with_name("emd_20026_protomer.map.gz")


@pytest.fixture(scope="session")
def backbone() -> np.ndarray:
    """N, CA, C and O (172, 4, 3)."""
    return demo_atom14()[0][:, :4].numpy()


@pytest.fixture(scope="session")
def left_by(backbone: np.ndarray) -> Callable[[np.ndarray], FreeDensity]:
    """Its density (1.75 A), less that of known residues (172,), side chains included."""
    spec = RefineSpec(output="none", map=str(MAP), model=str(DEMO), device="cpu", prior="gaussian", resolution=1.75)
    problem = load_problem(spec, NullEvents())
    scene = problem.scene(NullEvents())
    density = load_density(MapFiles(spec.map, None, spec.resolution), scene)
    everything = np.ones(len(backbone), bool)

    def left(known: np.ndarray) -> FreeDensity:
        seen = load_map_evidence(density, scene, everything, known)
        return FreeDensity.of(seen.explained_by(backbone[known]))

    return left
