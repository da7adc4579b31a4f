"""Batches for the side-chain model: what is hidden, what is shown, and how imperfect it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..prior.builtin.density_grids import DensityGrids
from ..sidechain.geometry_table import geometry_table
from ..sidechain.measure import canonical
from ..sidechain.scene import Scene
from .map_source import MapSource
from .side_chain_crops import AtomCrop, AtomCropSampler

__all__ = ["Conditions", "SideChainBatch", "SideChainDraws", "make_batch"]

_TRACE, _MIXED = 0.3, 0.1
"""Fractions of examples that give CA only, and of those that do so in one stretch."""
_INFORMED = 0.4
"""Fraction of examples that know some side chains."""
_PERFECT = 0.35
"""Fraction of examples with the deposited backbone."""
_NOISE = (0.03, 0.7)
"""Angstrom: from refined models to what a denoiser gives in a poor map."""
_TRACE_NOISE = 0.3
"""Angstrom: most for CA traces, on which bonds are built."""
_SHARED = 0.85
"""Part of the noise that the atoms of a residue and of its neighbours along the chain share."""
_MAPS = 0.2
"""Fraction of examples with a map; simulating them costs more than the update."""


@dataclass(frozen=True)
class Conditions:
    """What a batch of B examples is given.

    Attributes
    ----------
    noise : ndarray, shape (B,)
        Standard deviation of the backbone's error in angstrom.
    trace : ndarray of bool, shape (B, N)
        Residues of which only CA is given.
    known : ndarray of bool, shape (B, N)
        Residues whose side chains are given.
    mapped : ndarray of bool, shape (B,)
        Examples that see a map.
    """

    noise: NDArray[np.float64]
    trace: NDArray[np.bool_]
    known: NDArray[np.bool_]
    mapped: NDArray[np.bool_]


@dataclass(frozen=True)
class SideChainBatch:
    """One batch.

    Attributes
    ----------
    given : Scene
        What the model may see.
    whole : Scene
        The same with all side chains in view and without errors, for the encoder.
    there : Tensor of bool, shape (B, N, 14)
        Atoms that are observed.
    counts : Tensor of bool, shape (B, N)
        Residues to learn from.
    """

    given: Scene
    whole: Scene
    there: Tensor
    counts: Tensor


class SideChainDraws:
    """Batches by number; each is a pure function of the seed and its number.

    Parameters
    ----------
    sampler : AtomCropSampler
    with_maps : bool
    seed : int
    device : torch.device
    """

    def __init__(self, sampler: AtomCropSampler, with_maps: bool, seed: int, device: torch.device) -> None:
        self._sampler = sampler
        self._maps = MapSource(sampler.around, fraction=1.0) if with_maps else None
        self._seed = seed
        self._device = device

    def draw(self, number: int) -> SideChainBatch:
        """Batch of a number."""
        rng = np.random.default_rng([self._seed, number])
        crop = self._sampler.batch(rng)
        return make_batch(crop, _draw_conditions(crop, self._maps is not None, rng), self._maps, rng, self._device)


def make_batch(
    crop: AtomCrop, conditions: Conditions, maps: MapSource | None, rng: np.random.Generator, device: torch.device
) -> SideChainBatch:
    """Examples under given conditions; the random numbers are those of errors and maps."""
    table = geometry_table()
    aatype = torch.from_numpy(crop.crop.aatype)
    there = torch.from_numpy(crop.there)
    there = there & torch.cat([there.new_ones(*aatype.shape, 4), table.exists[aatype]], -1)
    atoms, there = canonical(torch.from_numpy(crop.atoms), aatype, there)
    present = torch.from_numpy(crop.present)
    complete = (there[..., 4:] | ~table.exists[aatype]).all(-1) & present
    trace, known = torch.from_numpy(conditions.trace) & present, torch.from_numpy(conditions.known) & complete
    density = None
    if maps is not None and conditions.mapped.any():
        evidence = maps.evidence(crop.crop, None, conditions.mapped, rng)
        seen = [(i, e) for i, e in enumerate(evidence) if e is not None]
        numbers = {i: k for k, (i, _) in enumerate(seen)}
        density = DensityGrids.of([e for _, e in seen], [numbers.get(i, -1) for i in range(len(evidence))], 1)
    whole = Scene(
        atoms, ~trace, there[..., 4:], torch.zeros_like(known), aatype, torch.from_numpy(crop.crop.chain_index),
        torch.from_numpy(crop.crop.residue_index), present,
    )  # fmt: skip
    moved = atoms + _errors(crop, conditions.noise, rng)
    given = replace(whole, atoms=moved, shown=there[..., 4:] & known[..., None], known=known, density=density)
    counts = complete & torch.from_numpy(crop.inner) & ~known
    return SideChainBatch(_to(given, device), _to(whole, device), there.to(device), counts.to(device))


def _draw_conditions(crop: AtomCrop, with_maps: bool, rng: np.random.Generator) -> Conditions:
    b, n = crop.present.shape
    noise = np.exp(rng.uniform(math.log(_NOISE[0]), math.log(_NOISE[1]), b))
    noise[rng.random(b) < _PERFECT] = 0.0
    trace, known = np.zeros((b, n), bool), np.zeros((b, n), bool)
    for i in range(b):
        kind = rng.random()
        if kind < _TRACE:
            trace[i] = True
        elif kind < _TRACE + _MIXED:
            start, length = int(rng.integers(n)), int(rng.integers(4, max(5, n // 2)))
            trace[i, start : start + length] = True
        if trace[i].any():
            noise[i] = min(noise[i], _TRACE_NOISE)
        if rng.random() < _INFORMED:
            known[i] = _known_residues(crop.atoms[i, :, 1], rng) & ~trace[i]
    return Conditions(noise, trace, known, np.asarray(with_maps & (rng.random(b) < _MAPS)))


def _known_residues(ca: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Scattered residues, or all but those around a place, as where a side chain is built into a model."""
    n = len(ca)
    if rng.random() < 0.5:
        return np.asarray(rng.random(n) < rng.uniform(0.1, 0.95))
    return np.asarray(np.linalg.norm(ca - ca[rng.integers(n)], axis=-1) > rng.uniform(4.0, 14.0))


def _errors(crop: AtomCrop, noise: NDArray[np.float64], rng: np.random.Generator) -> Tensor:
    """Displacements (B, N, 14, 3): smooth along the chain, and a smaller one of each backbone atom's own."""
    b, n = crop.present.shape
    raw = rng.standard_normal((b, n + 4, 3))
    smooth = sum(raw[:, k : k + n] for k in range(5)) / np.sqrt(5.0)
    moved = np.repeat(_SHARED * smooth[:, :, None], 14, axis=2)
    moved[:, :, :4] += np.sqrt(1 - _SHARED**2) * rng.standard_normal((b, n, 4, 3))
    return torch.from_numpy((noise[:, None, None, None] * moved).astype(np.float32))


def _to(scene: Scene, device: torch.device) -> Scene:
    if device.type == "cpu":
        return scene
    density = scene.density
    if density is not None:
        density = DensityGrids(
            tuple(tuple(level.to(device) for level in levels) for levels in density.levels),
            density.spacing.to(device),
            density.resolution.to(device),
            density.points,
            density.map_of,
            density.origin.to(device),
        )
    return Scene(
        scene.atoms.to(device), scene.has_backbone.to(device), scene.shown.to(device), scene.known.to(device),
        scene.aatype.to(device), scene.chain_index.to(device), scene.residue_index.to(device),
        scene.present.to(device), density,
    )  # fmt: skip
