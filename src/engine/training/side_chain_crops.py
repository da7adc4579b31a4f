"""Training examples of the side-chain model: residues around a place, with all of their atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .crops import Crop, CropSampler
from .dataset import Chain

__all__ = ["AtomCrop", "AtomCropSampler"]

_BEST_RESOLUTION, _WORST_RESOLUTION = 2.0, 3.0
"""Angstrom: chains are drawn as their clusters say up to the first, never beyond the second. Side chains of worse
models are what their programs prefer."""


@dataclass(frozen=True)
class AtomCrop:
    """A batch of B examples of up to N residues, the nearest ones to a residue of an entry.

    Attributes
    ----------
    crop : Crop
        Backbones, types and numbering; padded residues have zeros.
    atoms : ndarray of float32, shape (B, N, 14, 3)
        Centred as the crop is, in angstrom.
    there : ndarray of bool, shape (B, N, 14)
    present : ndarray of bool, shape (B, N)
        False for padding.
    inner : ndarray of bool, shape (B, N)
        Residues whose surroundings are in the example too: those to learn from.
    """

    crop: Crop
    atoms: NDArray[np.float32]
    there: NDArray[np.bool_]
    present: NDArray[np.bool_]
    inner: NDArray[np.bool_]


class AtomCropSampler:
    """Draws batches from chains with side chains.

    Parameters
    ----------
    chains : list of Chain
        Loaded with side chains; those without any are left aside.
    residues : int
        Of an example.
    examples : int
        Of a batch.
    """

    def __init__(self, chains: list[Chain], *, residues: int = 128, examples: int = 6) -> None:
        self.around = CropSampler([chain for chain in chains if chain.atom14 is not None])
        self.residues = residues
        self.examples = examples
        weight = np.array([chain.weight * _trust(chain) * len(chain.aatype) for chain in self.around.chains])
        self._cumulative = np.cumsum(weight)

    def batch(self, rng: np.random.Generator) -> AtomCrop:
        """One batch; all randomness comes from ``rng``."""
        parts = []
        for _ in range(self.examples):
            home = int(np.searchsorted(self._cumulative, rng.uniform(0, self._cumulative[-1]), side="right"))
            home = min(home, len(self._cumulative) - 1)
            parts.append(self._example(home, int(rng.integers(len(self.around.chains[home].aatype)))))
        return self._stack(parts)

    def whole(self, number: int) -> AtomCrop:
        """A chain from end to end, with what touches it, as one example."""
        chain = self.around.chains[number]
        pool = [number, *self.around.partners.get(number, [])]
        length = sum(len(self.around.chains[c].aatype) for c in pool)
        middle = int(np.linalg.norm(chain.xyz[:, 1] - chain.xyz[:, 1].mean(0), axis=-1).argmin())
        picked = self._nearest(pool, chain.xyz[middle, 1], length)
        return self._stack([(picked, np.array([c == number for c, _ in picked]))], length)

    def _example(self, home: int, residue: int) -> tuple[list[tuple[int, int]], NDArray[np.bool_]]:
        """Chain and row of each residue, in order, and which of them are well surrounded."""
        chains = self.around.chains
        centre = chains[home].xyz[residue, 1]
        picked = self._nearest([home, *self.around.partners.get(home, [])], centre, self.residues)
        reach = np.array([np.linalg.norm(chains[c].xyz[r, 1] - centre) for c, r in picked])
        # whatever lies within 8 A of an inner residue is there
        inner = reach < reach.max() - 8.0 if len(picked) == self.residues else np.ones(len(picked), bool)
        return picked, inner

    def _nearest(self, pool: list[int], centre: NDArray[np.float32], count: int) -> list[tuple[int, int]]:
        rows = [(c, r) for c in pool for r in range(len(self.around.chains[c].aatype))]
        ca = np.concatenate([self.around.chains[c].xyz[:, 1] for c in pool])
        nearest = np.argsort(np.linalg.norm(ca - centre, axis=-1), kind="stable")[:count]
        return [rows[k] for k in np.sort(nearest)]

    def _stack(self, parts: list[tuple[list[tuple[int, int]], NDArray[np.bool_]]], size: int = 0) -> AtomCrop:
        b, n = len(parts), size or self.residues
        atoms = np.zeros((b, n, 14, 3), np.float32)
        there, present, inner = np.zeros((b, n, 14), bool), np.zeros((b, n), bool), np.zeros((b, n), bool)
        aatype, chain, index = (np.zeros((b, n), np.int64) for _ in range(3))
        centres, names = np.zeros((b, 3), np.float32), []
        for i, (picked, surrounded) in enumerate(parts):
            order = {c: k for k, c in enumerate(dict.fromkeys(c for c, _ in picked))}
            count = len(picked)
            present[i, :count], inner[i, :count] = True, surrounded
            for k, (c, r) in enumerate(picked):
                source = self.around.chains[c]
                assert source.atom14 is not None
                atoms[i, k], there[i, k] = source.atom14.xyz[r], source.atom14.there[r]
                aatype[i, k], chain[i, k], index[i, k] = source.aatype[r], order[c], source.residue_index[r]
            centres[i] = atoms[i, :count, 1].mean(0)
            atoms[i, :count] -= centres[i]
            names.append(tuple(order))
        # absent atoms stay where nothing is measured from them
        atoms[~there] = 0.0
        crop = Crop((n,), atoms[:, :, :4], aatype, chain, index, np.zeros(b, bool), tuple(names), centres)
        return AtomCrop(crop, atoms, there, present, inner)


def _trust(chain: Chain) -> float:
    """From 1 to 0, how far the side chains of a chain are observed."""
    if chain.resolution <= 0:
        return 0.2
    return float(np.clip((_WORST_RESOLUTION - chain.resolution) / (_WORST_RESOLUTION - _BEST_RESOLUTION), 0.0, 1.0))
