"""How chains of CA atoms go on, from the training split.

Run as ``python -m adp3d.training.ca_step_statistics DATA_FOLDER OUT``: OUT is the ``ca_steps.npz`` that tracing ships.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..tracing.steps import BOND, directions, label_steps, step_frames
from .dataset import load_chains

__all__ = ["main", "peptide_statistics", "step_statistics"]

Array = NDArray[np.float64]

TOLERANCE = 0.15
"""Angstrom by which a distance of CA atoms may differ from that across a trans peptide: breaks and cis peptides differ
by more."""
FIRST_PRIOR, NEXT_PRIOR = 0.5, 20.0
"""Counts beforehand: of each direction, and of the mean distribution after each direction (rows of rare ones have tens
of counts, those of helices a hundred thousand)."""
FARTHEST = 4.0
"""Angstrom from a CA atom beyond which an atom of its peptide is misplaced in the file."""


def _whole(ca: Array) -> NDArray[np.bool_]:
    """Quads (M - 3,) of a trace (M, 3) without breaks."""
    linked = np.abs(np.linalg.norm(np.diff(ca, axis=0), axis=-1) - BOND) < TOLERANCE
    return np.asarray(linked[:-2] & linked[1:-1] & linked[2:])


def step_statistics(traces: Iterable[Array]) -> tuple[Array, Array]:
    """Log probabilities (D,) of directions, and (D, D) of the next one after each, of CA traces (M, 3)."""
    kinds = len(directions())
    one, pair = np.full(kinds, FIRST_PRIOR), np.zeros((kinds, kinds))
    for ca in traces:
        if len(ca) < 5:
            continue
        label, whole = label_steps(ca), _whole(ca)
        np.add.at(one, label[whole], 1)
        both = whole[:-1] & whole[1:]
        np.add.at(pair, (label[:-1][both], label[1:][both]), 1)
    first = one / one.sum()
    following = (pair + NEXT_PRIOR * first) / (pair.sum(1, keepdims=True) + NEXT_PRIOR)
    return np.log(first), np.log(following)


def peptide_statistics(backbones: Iterable[Array]) -> Array:
    """Mean C, O and next N (D, 3, 3) of backbones (M, 4, 3), as in `adp3d.tracing.steps.Steps`, in angstrom."""
    kinds = len(directions())
    total, count = np.zeros((kinds, 3, 3)), np.zeros(kinds)
    for x in backbones:
        if len(x) < 4:
            continue
        ca = x[:, 1]
        atoms = np.stack([x[1:-2, 2], x[1:-2, 3], x[2:-1, 0]], 1) - ca[1:-2, None]
        local = np.einsum("nji,nkj->nki", step_frames(ca[:-3], ca[1:-2], ca[2:-1]), atoms)
        good = _whole(ca) & (np.linalg.norm(local, axis=-1) < FARTHEST).all(1)
        label = label_steps(ca)[good]
        np.add.at(total, label, local[good])
        np.add.at(count, label, 1)
    mean = total.sum(0) / max(count.sum(), 1.0)
    return np.where(count[:, None, None] > 0, total / np.maximum(count, 1)[:, None, None], mean)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: read the shards, count, write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_folder", type=Path, help="folder with chains_*.npz")
    parser.add_argument("out", type=Path, help="NPZ file to write")
    options = parser.parse_args(arguments)
    chains = load_chains(options.data_folder, "train")
    traces = [chain.xyz[:, 1].astype(np.float64) for chain in chains]
    first, following = step_statistics(traces)
    first_back, following_back = step_statistics(ca[::-1] for ca in traces)
    peptide = peptide_statistics(chain.xyz.astype(np.float64) for chain in chains if not chain.ca_only)
    print(f"{len(chains)} chains, entropy of a step {-(np.exp(first) * first).sum():.2f} nats")
    np.savez_compressed(
        options.out,
        forwards_first=first.astype(np.float32),
        forwards_next=following.astype(np.float16),
        backwards_first=first_back.astype(np.float32),
        backwards_next=following_back.astype(np.float16),
        peptide=peptide.astype(np.float32),
    )


if __name__ == "__main__":
    main()
