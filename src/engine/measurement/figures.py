"""What measurements say of structures, under names that tell them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..restraints.shells import Shells
from ..solver.protocol import Potential
from .protocol import Divisible, Judge, Locates, Measurement

__all__ = [
    "described",
    "figures_of",
    "judges_of",
    "log_likelihoods",
    "potentials_among",
    "residue_figures_of",
    "shells_of",
]


def figures_of(measurements: Sequence[Measurement], x: Tensor) -> dict[str, Tensor]:
    """Figures of all measurements for replicas x (replica, N, 4, 3), named ``measurement.figure``."""
    return {f"{key}.{name}": values for key, m in _named(measurements) for name, values in m.figures(x).items()}


def residue_figures_of(measurements: Sequence[Measurement], x: Tensor) -> dict[str, NDArray[np.float64]]:
    """Figures of residues of one structure x (N, 4, 3), named likewise."""
    return {f"{key}.{name}": values for key, m in _named(measurements) for name, values in m.residue_figures(x).items()}


def judges_of(measurements: Sequence[Measurement]) -> list[Judge]:
    """Those that have a say in which replica is the best one."""
    return [m for m in measurements if isinstance(m, Judge)]


def log_likelihoods(measurements: Sequence[Measurement], x: Tensor) -> dict[str, Tensor]:
    """Log p(y|x) of replicas x (replica, N, 4, 3) by each measurement that judges them, (replica,), in nats."""
    return {key: m.log_likelihood(x) for key, m in _named(measurements) if isinstance(m, Judge)}


def shells_of(measurements: Sequence[Measurement], x: Tensor, known: NDArray[np.bool_]) -> Shells:
    """Where measurements that tell it say CA atoms are, by the places of known atoms (N, 4) of x (N, 4, 3)."""
    told = (m.shells(x, known) for m in measurements if isinstance(m, Locates))
    return sum(told, Shells.none())


def potentials_among(measurements: Sequence[Measurement], known: NDArray[np.bool_]) -> list[Potential]:
    """What measurements pull with while only known residues (N,) have places."""
    told = (m.potential_among(known) if isinstance(m, Divisible) else m.potential for m in measurements)
    return [potential for potential in told if potential is not None]


def described(measurements: Sequence[Measurement], x: Tensor) -> dict[str, Any]:
    """For the report: the figures of one structure x (1, N, 4, 3) by measurement; nothing without measurements."""
    if not measurements:
        return {}
    return {
        "measurements": {
            key: {name: round(float(values[0]), 4) for name, values in m.figures(x).items()}
            for key, m in _named(measurements)
        }
    }


def _named(measurements: Sequence[Measurement]) -> list[tuple[str, Measurement]]:
    """Each with a name of its own: the second of a kind, as of another file, is ``distances_2``."""
    seen: Counter[str] = Counter()
    out = []
    for measurement in measurements:
        seen[measurement.name] += 1
        number = seen[measurement.name]
        out.append((measurement.name if number == 1 else f"{measurement.name}_{number}", measurement))
    return out
