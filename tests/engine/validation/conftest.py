"""Backbones built from torsions with ideal geometry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ideal_backbone import build_backbone
from numpy.typing import NDArray

Builder = Callable[..., NDArray[np.float64]]


@pytest.fixture
def build() -> Builder:
    """``build(phi, psi, omega=180)``: backbone (N, 4, 3) in A with the given torsions in degrees."""
    return build_backbone


@pytest.fixture
def helix() -> NDArray[np.float64]:
    """Right-handed alpha helix of 30 residues, (30, 4, 3)."""
    return build_backbone([-60.0] * 30, [-45.0] * 30)


@pytest.fixture
def strand() -> NDArray[np.float64]:
    """Twisted beta strand of 30 residues, (30, 4, 3)."""
    return build_backbone([-115.0] * 30, [135.0] * 30)
