"""What maps show beside CA atoms, by residue type and resolution, from the training split.

Run as ``python -m adp3d.training.side_chain_density_statistics DATA_FOLDER OUT``: OUT is the ``side_chain_density.npz``
that tracing ships.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..structure.polymer import AMINO_ACIDS
from ..tracing.field import FreeDensity
from ..tracing.sequence_fit import RESOLUTIONS, TABLES, SideChainDensity, values_beside
from ..tracing.steps import BOND
from .dataset import Chain, load_chains
from .map_conditions import draw_conditions
from .simulated_map import simulate_map
from .surroundings import scatterers_of

__all__ = ["collect", "density_statistics", "main"]

Array = NDArray[np.float64]

_CHAINS = 150
"""Chains for each resolution: 25,000 residues, 300 of the rarest type."""
_ERROR = 0.25
"""Angstrom by which CA atoms are off (standard deviation for each coordinate), as those of right segments are."""
_MARGIN = 8.0
"""Angstrom of the map around CA atoms: the furthest points are 6 away."""
_TOLERANCE = 0.5
"""Angstrom by which a distance of neighbouring CA atoms may differ from that across a peptide."""
_SEED = 20_260
_PRIOR = 20.0
"""Residues like the mean of all that are added to each type."""


def collect(chain: Chain, resolution: float, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
    """Values (M, D) beside the residues of a chain in one simulated map, and their types (M,)."""
    if chain.atoms is None:
        raise ValueError(f"{chain.entry} has no side chains")
    conditions = replace(draw_conditions(rng, resolution), told_resolution=resolution, surroundings="whole")
    backbone = chain.xyz
    low, high = backbone.min((0, 1)) - _MARGIN, backbone.max((0, 1)) + _MARGIN
    own = scatterers_of(chain.atoms, rng)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    simulated = simulate_map(own, low, high, conditions, own.xyz, generator)
    evidence = simulated.shown(resolution, backbone.reshape(-1, 3), np.zeros((0, 3), np.float32))
    ca = backbone[:, 1].astype(np.float64)
    linked = np.abs(np.linalg.norm(np.diff(ca, axis=0), axis=-1) - BOND) < _TOLERANCE
    whole = linked[:-1] & linked[1:] & (chain.aatype[1:-1] < len(AMINO_ACIDS))
    seen = ca + _ERROR * rng.standard_normal(ca.shape)
    values = values_beside(FreeDensity.whole(evidence), seen[:-2], seen[1:-1], seen[2:])
    return values[whole], chain.aatype[1:-1][whole]


def density_statistics(values: Array, types: NDArray[np.int64]) -> tuple[Array, ...]:
    """The arrays of `TABLES` from values (M, D) beside residues of types (M,)."""
    pooled_mean = values.mean(0)
    mean = np.stack(
        [
            (values[types == kind].sum(0) + _PRIOR * pooled_mean) / ((types == kind).sum() + _PRIOR)
            for kind in range(len(AMINO_ACIDS))
        ]
    )
    table = mean, np.cov((values - mean[types]).T), pooled_mean, np.cov(values.T)
    fitted = SideChainDensity(*table, right=0.0, wrong=0.0)
    both = fitted.log_ratio(values, types), fitted.log_ratio_of_others(values, types)
    return *table, *(nats.mean(keepdims=True) for nats in both)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: read the shards, simulate, measure, write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_folder", type=Path, help="folder with chains_*.npz")
    parser.add_argument("out", type=Path, help="NPZ file to write")
    options = parser.parse_args(arguments)
    chains = [chain for chain in load_chains(options.data_folder, "train") if chain.atoms is not None]
    if not chains:
        raise InputError(f"No chains with side chains in {options.data_folder}; give the folder of the full shards.")
    rng = np.random.default_rng(_SEED)
    tables = []
    for resolution in RESOLUTIONS:
        chosen = rng.permutation(len(chains))[:_CHAINS]
        parts = [collect(chains[i], resolution, rng) for i in chosen]
        values, types = (np.concatenate(part) for part in zip(*parts, strict=True))
        tables.append(density_statistics(values, types))
        print(f"{resolution:g} A: {len(values)} residues in {len(parts)} maps")
    stacked = {
        name: np.stack(rows).astype(np.float32) for name, rows in zip(TABLES, zip(*tables, strict=True), strict=True)
    }
    np.savez_compressed(options.out, allow_pickle=False, **stacked)


if __name__ == "__main__":
    main()
