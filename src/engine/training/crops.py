"""Batches of training examples: contiguous crops and spatial crops of several segments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..structure.polymer import AMINO_ACIDS
from .dataset import Chain

__all__ = ["Crop", "CropSampler"]

_CONTACT = 10.0
_NEARBY = 18.0
_SIDES = (48, 64, 96, 128)
"""Residues of either side of a complex: what a side is, its fold or half of one, shows from fifty residues on."""
_KEPT_APART = frozenset(
    ("1avx", "1hcf", "1jiw", "1mlc", "1qa9", "1zhi", "2a9k", "2sic", "2vdb", "4pou", "5hgg", "6b0s")
)
"""PDB codes of complexes that energies of interfaces are tested with: their chains are never seen together."""

_Segments = list[tuple[int, int, int]]
"""Segments of an example: chain, first residue in it, and length."""
_Draw = Callable[[tuple[int, ...], np.random.Generator], "_Segments | None"]
"""Draws an example whose segments have these lengths; None if this try found none."""


@dataclass(frozen=True)
class Crop:
    """A batch of B examples that share the lengths of their segments.

    Attributes
    ----------
    segments : tuple of int
        Residues in each segment; the noise is independent between segments.
    xyz : ndarray of float32, shape (B, N, 4, 3)
        Centred coordinates, in angstrom.
    aatype, chain_index, residue_index : ndarray of int64, shape (B, N)
        Residue type 20 is unknown.
    ca_only : ndarray of bool, shape (B,)
    chains : tuple of tuple of int
        Chains that the segments of each example come from, as the sampler numbers them.
    centre : ndarray of float32, shape (B, 3)
        What was subtracted from the coordinates of the entry, in angstrom.
    """

    segments: tuple[int, ...]
    xyz: NDArray[np.float32]
    aatype: NDArray[np.int64]
    chain_index: NDArray[np.int64]
    residue_index: NDArray[np.int64]
    ca_only: NDArray[np.bool_]
    chains: tuple[tuple[int, ...], ...] = ()
    centre: NDArray[np.float32] | None = None


class CropSampler:
    """Draws batches at random from a list of chains.

    Half of the contiguous crops come from chains barely longer than the crop, so that compact
    whole domains are as common as pieces of larger ones; spatial crops take segments that touch in
    space, across chains where the entry has several, so that chain breaks and interfaces are ordinary; complexes are
    long stretches of two chains that touch.

    Parameters
    ----------
    chains : list of Chain
    residues_per_batch : int
        Batch size times crop length.
    max_length : int
        Longest crop.
    spatial_fraction : float
        Fraction of batches made of spatial crops.
    complex_fraction : float
        Fraction of batches made of two chains in contact.
    sequence_dropout : float
        Fraction of examples whose whole sequence is hidden.

    Attributes
    ----------
    chains : list of Chain
    partners : dict
        For each chain the others of its entry that touch it.
    """

    def __init__(
        self,
        chains: list[Chain],
        *,
        residues_per_batch: int = 1536,
        max_length: int = 256,
        spatial_fraction: float = 0.25,
        complex_fraction: float = 0.0,
        sequence_dropout: float = 0.4,
    ) -> None:
        self.chains = chains
        self.residues_per_batch = residues_per_batch
        self.max_length = max_length
        self.spatial_fraction = spatial_fraction
        self.complex_fraction = complex_fraction
        self.sequence_dropout = sequence_dropout
        runs = [
            (c, int(s), int(length), chain.weight)
            for c, chain in enumerate(chains)
            for s, length in zip(chain.run_start, chain.run_length, strict=True)
            if length >= 32
        ]
        runs.sort(key=lambda run: run[2])
        self._run_chain = np.array([run[0] for run in runs])
        self._run_start = np.array([run[1] for run in runs])
        self._run_length = np.array([run[2] for run in runs])
        self._run_weight = np.array([run[3] for run in runs])
        self._cumulative = np.concatenate([[0.0], np.cumsum(self._run_weight)])
        self.partners = _partners(chains)
        self._paired = np.array(sorted(self.partners), np.int64)
        weight = np.array([chains[c].weight for c in self._paired])
        self._paired_share = weight / weight.sum() if len(weight) else weight

    def batch(self, rng: np.random.Generator) -> Crop:
        """One batch; all randomness comes from ``rng``."""
        kind = rng.random()
        if kind < self.spatial_fraction:
            return self._spatial(rng)
        if kind < self.spatial_fraction + self.complex_fraction:
            return self._complex(rng)
        return self._contiguous(rng)

    def _contiguous(self, rng: np.random.Generator) -> Crop:
        length = int(min(self._run_length[self._pick(rng, 0, len(self._run_length))], self.max_length))
        lowest = int(np.searchsorted(self._run_length, length))
        snug = max(int(np.searchsorted(self._run_length, 1.15 * length)), lowest + 1)
        pieces = []
        for k in range(max(1, self.residues_per_batch // length)):
            run = self._pick(rng, lowest, snug if k % 2 else len(self._run_length))
            offset = rng.integers(0, self._run_length[run] - length + 1)
            start = self._run_start[run] + offset
            pieces.append([(int(self._run_chain[run]), int(start), length)])
        return self._assemble(pieces, (length,), rng)

    def _spatial(self, rng: np.random.Generator) -> Crop:
        total = int(rng.choice([64, 96, 128, 192]))
        count = int(rng.integers(2, 6))
        cuts = np.sort(rng.choice(np.arange(1, total // 8), count - 1, replace=False)) * 8
        segments = tuple(int(s) for s in np.diff(np.concatenate([[0], cuts, [total]])))
        return self._of_segments(segments, self._segments_in_contact, rng)

    def _complex(self, rng: np.random.Generator) -> Crop:
        sides = (int(rng.choice(_SIDES)), int(rng.choice(_SIDES)))
        return self._of_segments(sides, self._sides_in_contact, rng)

    def _of_segments(self, lengths: tuple[int, ...], draw: _Draw, rng: np.random.Generator) -> Crop:
        """A batch of examples of several segments; contiguous crops if none is found."""
        wanted = max(1, self.residues_per_batch // sum(lengths))
        pieces: list[_Segments] = []
        for _ in range(20 * wanted):
            example = draw(lengths, rng)
            if example is not None:
                pieces.append(example)
            if len(pieces) == wanted:
                break
        return self._assemble(pieces, lengths, rng) if pieces else self._contiguous(rng)

    def _sides_in_contact(self, sides: tuple[int, ...], rng: np.random.Generator) -> _Segments | None:
        """A stretch of each of two chains, around residues that touch."""
        if not len(self._paired):
            return None
        home = int(rng.choice(self._paired, p=self._paired_share))
        other = int(rng.choice(self.partners[home]))
        pair = home, other
        ca = [self.chains[c].xyz[:, 1] for c in pair]
        touching = np.argwhere(np.linalg.norm(ca[0][:, None] - ca[1][None], axis=-1) < _CONTACT)
        if not len(touching):
            return None
        placed: _Segments = []
        for c, residue, length in zip(pair, touching[rng.integers(len(touching))].tolist(), sides, strict=True):
            begins = residue - rng.permutation(length)
            begin = next((int(b) for b in begins if self._fits(c, int(b), length, placed)), None)
            if begin is None:
                return None
            placed.append((c, begin, length))
        return placed

    def _segments_in_contact(self, segments: tuple[int, ...], rng: np.random.Generator) -> _Segments | None:
        """Place segments one after another, each near the ones before, without overlap."""
        lowest = int(np.searchsorted(self._run_length, segments[0]))
        if lowest >= len(self._run_length):
            return None
        run = self._pick(rng, lowest, len(self._run_length))
        home = int(self._run_chain[run])
        start = int(self._run_start[run] + rng.integers(0, self._run_length[run] - segments[0] + 1))
        placed = [(home, start, segments[0])]
        pool = [home, *self.partners.get(home, [])]
        for length in segments[1:]:
            found = None
            c0, s0, l0 = placed[int(rng.integers(len(placed)))]
            centre = self.chains[c0].xyz[s0 + l0 // 2, 1]
            near = [
                (c, int(r))
                for c in pool
                for r in np.flatnonzero(np.linalg.norm(self.chains[c].xyz[:, 1] - centre, axis=-1) < _NEARBY)
            ]
            for k in rng.permutation(len(near))[:12]:
                c, residue = near[k]
                begin = residue - length // 2
                if self._fits(c, begin, length, placed):
                    found = (c, begin, length)
                    break
            if found is None:
                return None
            placed.append(found)
        # the network reads residues in order: sort by chain, then along it; lengths must stay in order
        lengths = [p[2] for p in placed]
        return placed if lengths == list(segments) else None

    def _fits(self, c: int, begin: int, length: int, placed: list[tuple[int, int, int]]) -> bool:
        chain = self.chains[c]
        if begin < 0 or begin + length > len(chain.aatype):
            return False
        if chain.residue_index[begin + length - 1] - chain.residue_index[begin] != length - 1:
            return False
        return all(c != o or begin + length <= s or s + size <= begin for o, s, size in placed)

    def _pick(self, rng: np.random.Generator, low: int, high: int) -> int:
        """Index of a run in [low, high), drawn by weight."""
        target = rng.uniform(self._cumulative[low], self._cumulative[high])
        return int(np.clip(np.searchsorted(self._cumulative, target, side="right") - 1, low, high - 1))

    def _assemble(
        self, pieces: list[list[tuple[int, int, int]]], segments: tuple[int, ...], rng: np.random.Generator
    ) -> Crop:
        xyz, aatype, chain_index, residue_index, ca_only, centres = [], [], [], [], [], []
        for example in pieces:
            parts = [self.chains[c] for c, _, _ in example]
            names = {c: k for k, c in enumerate(dict.fromkeys(c for c, _, _ in example))}
            coords = np.concatenate([p.xyz[s : s + n] for p, (_, s, n) in zip(parts, example, strict=True)])
            types = np.concatenate([p.aatype[s : s + n] for p, (_, s, n) in zip(parts, example, strict=True)])
            centres.append(coords.mean((0, 1)))
            xyz.append(coords - centres[-1])
            aatype.append(self._hide(types, rng))
            chain_index.append(np.concatenate([np.full(n, names[c]) for c, _, n in example]))
            residue_index.append(
                np.concatenate([p.residue_index[s : s + n] for p, (_, s, n) in zip(parts, example, strict=True)])
            )
            ca_only.append(any(p.ca_only for p in parts))
        return Crop(
            segments,
            np.stack(xyz).astype(np.float32),
            np.stack(aatype),
            np.stack(chain_index).astype(np.int64),
            np.stack(residue_index),
            np.array(ca_only),
            tuple(tuple(dict.fromkeys(c for c, _, _ in example)) for example in pieces),
            np.stack(centres).astype(np.float32),
        )

    def _hide(self, aatype: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        if rng.random() < self.sequence_dropout:
            return np.full_like(aatype, len(AMINO_ACIDS))
        if rng.random() < 0.3:
            return np.where(rng.random(len(aatype)) < rng.uniform(0.0, 0.5), len(AMINO_ACIDS), aatype)
        return aatype


def _partners(chains: list[Chain]) -> dict[int, list[int]]:
    """For each chain the others of its entry that touch it, but for complexes that are kept apart."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, chain in enumerate(chains):
        if chain.entry[:4].lower() not in _KEPT_APART:
            groups[chain.source].append(i)
    partners: dict[int, list[int]] = defaultdict(list)
    for members in groups.values():
        for i in members:
            for j in members:
                if i < j and _touch(chains[i], chains[j]):
                    partners[i].append(j)
                    partners[j].append(i)
    return dict(partners)


def _touch(a: Chain, b: Chain) -> bool:
    gaps = np.linalg.norm(a.xyz[::4, None, 1] - b.xyz[None, ::4, 1], axis=-1)
    # identical copies of a chain in one file lie on top of each other: not partners
    return bool(2.5 < gaps.min() < _CONTACT)
