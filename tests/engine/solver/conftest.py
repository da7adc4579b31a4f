"""Ideal backbones, for the tests of the solver's parts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from ideal_backbone import build_backbone


def _build(phi: list[float], psi: list[float], omega: float | list[float] = 180.0) -> torch.Tensor:
    return torch.from_numpy(build_backbone(phi, psi, omega))


@pytest.fixture(scope="session")
def build() -> Callable[..., torch.Tensor]:
    """``build(phi, psi, omega=180)``: backbone (N, 4, 3) in A with the given torsions in degrees."""
    return _build


@pytest.fixture(scope="session")
def helix() -> torch.Tensor:
    """Right-handed alpha helix of 20 residues, (20, 4, 3), float64."""
    return _build([-60.0] * 20, [-45.0] * 20)
