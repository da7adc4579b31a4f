"""What measurements say of structures, under names that tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .protocol import Judge, Measurement

__all__ = ["described", "figures_of", "log_likelihoods", "residue_figures_of"]


def figures_of(measurements: Sequence[Measurement], x: Tensor) -> dict[str, Tensor]:
    """Figures of all measurements for replicas x (replica, N, 4, 3), named ``measurement.figure``."""
    return {f"{m.name}.{name}": values for m in measurements for name, values in m.figures(x).items()}


def residue_figures_of(measurements: Sequence[Measurement], x: Tensor) -> dict[str, NDArray[np.float64]]:
    """Figures of residues of one structure x (N, 4, 3), named likewise."""
    return {f"{m.name}.{name}": values for m in measurements for name, values in m.residue_figures(x).items()}


def log_likelihoods(measurements: Sequence[Measurement], x: Tensor) -> dict[str, Tensor]:
    """Log p(y|x) of replicas x (replica, N, 4, 3) by each measurement that judges them, (replica,), in nats."""
    return {m.name: m.log_likelihood(x) for m in measurements if isinstance(m, Judge)}


def described(measurements: Sequence[Measurement], x: Tensor) -> dict[str, Any]:
    """For the report: the figures of one structure x (1, N, 4, 3) by measurement; nothing without measurements."""
    if not measurements:
        return {}
    return {
        "measurements": {
            m.name: {name: round(float(values[0]), 4) for name, values in m.figures(x).items()} for m in measurements
        }
    }
