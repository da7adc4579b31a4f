"""Backbones built from torsions with ideal geometry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from adp3d.structure.backbone import place_atom, place_oxygen

Builder = Callable[..., NDArray[np.float64]]


def _build(phi: Sequence[float], psi: Sequence[float], omega: float | Sequence[float] = 180.0) -> NDArray[np.float64]:
    n = len(phi)
    omega = np.broadcast_to(omega, n)
    atoms = [np.zeros(3), np.array([1.459, 0.0, 0.0]), np.array([2.01, 1.424, 0.0])]
    for i in range(n):
        following = phi[i + 1] if i + 1 < n else phi[i]
        for length, angle, torsion in (
            (1.336, 117.2, psi[i]),
            (1.459, 121.7, omega[i]),
            (1.525, 111.0, following),
        ):
            atoms.append(place_atom(*atoms[-3:], length, np.deg2rad(angle), np.deg2rad(torsion)))
    trace = np.array(atoms)
    main = trace[: 3 * n].reshape(n, 3, 3)
    oxygen = place_oxygen(main[:, 0], main[:, 1], main[:, 2], trace[3 : 3 * n + 1 : 3])
    return np.concatenate([main, oxygen[:, None]], axis=1)


@pytest.fixture
def build() -> Builder:
    """``build(phi, psi, omega=180)``: backbone (N, 4, 3) in A with the given torsions in degrees."""
    return _build


@pytest.fixture
def helix() -> NDArray[np.float64]:
    """Right-handed alpha helix of 30 residues, (30, 4, 3)."""
    return _build([-60.0] * 30, [-45.0] * 30)


@pytest.fixture
def strand() -> NDArray[np.float64]:
    """Twisted beta strand of 30 residues, (30, 4, 3)."""
    return _build([-115.0] * 30, [135.0] * 30)
