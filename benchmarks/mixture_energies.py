"""Recover the energy of a one-dimensional Gaussian mixture from its exact denoiser, in three ways.

Usage: ``python benchmarks/mixture_energies.py [--steps 400] [--draws 500]``. Writes ``energies.csv`` and
``mixture.png``: potentials, forces and probabilities, exact and recovered along the probability flow, along diffusion
paths and from errors of denoising, over the range that holds 99.9 % of the probability. It is the first test of "Can we
extract physics-like energies from generative protein diffusion models?"; nothing is trained here, so what is left is
the error of the integrals.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import matplotlib
import numpy as np
import torch
from command import positive, run_command
from numpy.typing import NDArray
from report import Row, write_table
from torch import Tensor

from adp3d.energy.contributions import normal_numbers
from adp3d.energy.denoising import denoising_energy_integral
from adp3d.energy.flow import flow_energy
from adp3d.energy.path import path_energy

matplotlib.use("Agg")
import matplotlib.pyplot as plt

WEIGHTS, MEANS, WIDTHS = (0.5, 0.3, 0.2), (-1.27, 0.63, 2.23), (0.4, 0.25, 0.6)
"""Of mean zero."""
VARIANCE = sum(w * (m * m + s * s) for w, m, s in zip(WEIGHTS, MEANS, WIDTHS, strict=True))
LOWEST, HIGHEST = 0.01, 60.0
"""Noise ratios: far below the narrowest width, far above the distance of the means."""
HELD = 0.999
"""Probability that the range of the comparison holds."""
PATH_STEPS = 15
"""Times the steps of the flow, as those of paths are of first order."""


def terms(y: Tensor, ratio: float) -> tuple[Tensor, Tensor, Tensor]:
    """Log of each component's density at y (...), distance from its mean, and its variance, with noise."""
    mean, width = torch.tensor(MEANS, dtype=y.dtype), torch.tensor(WIDTHS, dtype=y.dtype)
    variance = width**2 + ratio**2
    away = y[..., None] - mean
    return (
        torch.tensor(WEIGHTS, dtype=y.dtype).log() - 0.5 * (away**2 / variance + (2 * math.pi * variance).log()),
        away,
        variance,
    )


def energy(y: Tensor, ratio: float = 0.0) -> Tensor:
    """Exact -log p with noise of a ratio, in nats."""
    return -torch.logsumexp(terms(y, ratio)[0], -1)


def denoise(y: Tensor, ratio: float) -> Tensor:
    """Exact denoiser, by Tweedie's formula."""
    logs, away, variance = terms(y, ratio)
    return y - ratio**2 * (logs.softmax(-1) * away / variance).sum(-1)


def states(count: int) -> Tensor:
    """Evenly spaced values over the range of the comparison, (count, 1)."""
    fine = torch.linspace(-8.0, 9.0, 40001, dtype=torch.float64)
    share = torch.cumsum(torch.exp(-energy(fine)), 0) * (fine[1] - fine[0])
    inside = fine[(share > (1 - HELD) / 2) & (share < (1 + HELD) / 2)]
    return torch.linspace(float(inside[0]), float(inside[-1]), count, dtype=torch.float64)[:, None]


def recovered(y: Tensor, steps: int, draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Energies (state,) by method."""
    levels = np.geomspace(LOWEST, HIGHEST, steps + 1)
    many = np.geomspace(LOWEST, HIGHEST, PATH_STEPS * steps + 1)
    wide = y.expand(-1, draws)  # each draw a coordinate
    noise = normal_numbers((draws,), seed, y)
    return {
        "flow": flow_energy(denoise, y, levels, normal_numbers((1,), seed, y), data_variance=VARIANCE).total.numpy(),
        "path": path_energy(denoise, wide, many, noise, data_variance=VARIANCE).total.numpy() / draws,
        "denoising": denoising_energy_integral(denoise, wide, levels, noise).total.numpy() / draws,
    }


def draw(path: Path, y: NDArray[np.float64], exact: NDArray[np.float64], found: dict[str, NDArray[np.float64]]) -> None:
    """Potentials, forces and probabilities, exact (line) and recovered (points)."""
    figure, panels = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    curves = {
        "Potential (nats)": lambda e: e,
        "Force (nats per unit)": lambda e: -np.gradient(e, y),
        "Probability density": lambda e: np.exp(-e),
    }
    for axes, (title, shape) in zip(panels, curves.items(), strict=True):
        axes.plot(y, shape(exact), color="0.6", linewidth=4, label="exact")
        for k, (method, values) in enumerate(found.items()):
            axes.plot(
                y, shape(values), ".", color=f"C{k}", markersize=3 + 3 * (len(found) - k), alpha=0.8, label=method
            )
        axes.set(title=title, xlabel="coordinate")
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    """Compare and write table and picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "mixture_energies")
    parser.add_argument("--states", type=positive, default=41)
    parser.add_argument("--steps", type=positive, default=400)
    parser.add_argument("--draws", type=positive, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    y = states(options.states)
    found = recovered(y, options.steps, options.draws, options.seed)
    exact = energy(y[:, 0]).numpy()
    rows: list[Row] = []
    for method, values in found.items():
        off = np.exp(exact - values) - 1
        rows.append(
            {
                "method": method,
                "mean_percent": 100 * float(np.abs(off).mean()),
                "worst_percent": 100 * float(np.abs(off).max()),
            }
        )
        print(
            f"{method}: probabilities off by {rows[-1]['mean_percent']:.2f} % on average, "
            f"{rows[-1]['worst_percent']:.2f} % at most"
        )
    write_table(options.out / "energies.csv", rows)
    draw(options.out / "mixture.png", y[:, 0].numpy(), exact, found)


if __name__ == "__main__":
    run_command(main)
