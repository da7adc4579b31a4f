"""Ideal backbones, for the tests of the solver's parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from adp3d.structure.backbone import place_atom, place_oxygen


def _build(phi: list[float], psi: list[float], omega: list[float] | None = None) -> torch.Tensor:
    n = len(phi)
    omega = omega or [180.0] * n
    atoms = [np.zeros(3), np.array([1.459, 0.0, 0.0]), np.array([2.01, 1.424, 0.0])]
    for i in range(n):
        following = phi[(i + 1) % n]
        for length, angle, torsion in (
            (1.336, 117.2, psi[i]),
            (1.459, 121.7, omega[i]),
            (1.525, 111.0, following),
        ):
            atoms.append(place_atom(*atoms[-3:], length, np.deg2rad(angle), np.deg2rad(torsion)))
    trace = np.array(atoms)
    main = trace[: 3 * n].reshape(n, 3, 3)
    oxygen = place_oxygen(main[:, 0], main[:, 1], main[:, 2], trace[3 : 3 * n + 1 : 3])
    return torch.from_numpy(np.concatenate([main, oxygen[:, None]], axis=1))


@pytest.fixture(scope="session")
def build() -> Callable[..., torch.Tensor]:
    """``build(phi, psi, omega=180)``: backbone (N, 4, 3) in A with the given torsions in degrees."""
    return _build


@pytest.fixture(scope="session")
def helix() -> torch.Tensor:
    """Right-handed alpha helix of 20 residues, (20, 4, 3), float64."""
    return _build([-60.0] * 20, [-45.0] * 20)
