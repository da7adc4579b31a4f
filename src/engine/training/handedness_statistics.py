"""Log odds of chain twist and segment crossing against their mirror images, from the training split.

Run as ``python -m adp3d.training.handedness_statistics DATA_FOLDER OUT``: DATA_FOLDER holds the
``chains_full_*.npz`` shards, OUT is the ``handedness.npz`` that validation ships.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..validation.handedness import FOLD_BINS, LOCAL_BINS, Tables, fold_features, local_features
from .ramachandran_statistics import TorsionSample, crystal_chains

__all__ = ["main", "statistics", "write_tables"]

PRIOR_COUNT = 3.0
"""Pseudo-count per bin: rare bins stay near even odds."""

SHORTEST = 40


def statistics(samples: Sequence[TorsionSample]) -> Tables:
    """Count feature bins over chains, each cluster of similar chains with weight 1, and mirror them."""
    clusters = [sample.cluster for sample in samples]
    sizes = dict(zip(*np.unique(clusters, return_counts=True), strict=True))
    local, fold = np.full(LOCAL_BINS, PRIOR_COUNT), np.full(FOLD_BINS, PRIOR_COUNT)
    for sample in samples:
        if len(sample.sequence) < SHORTEST:
            continue
        ca, weight = sample.x[:, 1], 1.0 / sizes[sample.cluster]
        np.add.at(local, local_features(ca, sample.linked), weight)
        np.add.at(fold, fold_features(ca, sample.linked), weight)
    return Tables(_log_odds(local), _log_odds(fold))


def write_tables(tables: Tables, path: Path) -> None:
    """Store the tables in half precision."""
    np.savez_compressed(path, local=tables.local.astype(np.float16), fold=tables.fold.astype(np.float16))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: read the shards, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    samples = list(crystal_chains(options.data_folder, resolution=2.5, largest_b=np.inf))
    write_tables(statistics(samples), options.out)
    print(f"{len(samples)} chains")


def _log_odds(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """``log n(bin) / n(mirror image of bin)``; reflection reverses the torsion axis, the first."""
    odds: NDArray[np.float64] = np.log(counts) - np.log(counts[::-1])
    return odds


if __name__ == "__main__":
    main()
