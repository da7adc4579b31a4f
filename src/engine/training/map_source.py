"""Maps for training examples: simulated anew for each, and shown as a job would show them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..prior.evidence import DensityEvidence
from .crops import Crop, CropSampler
from .knowledge import SHARED_ERROR, KnownPattern
from .map_conditions import MapConditions, draw_conditions
from .simulated_map import simulate_map
from .surroundings import Scatterers, double_helix, join, ordered_waters, place_beside, scatterers_of

__all__ = ["MapSource"]

_MARGIN = (6.0, 11.0)
"""Angstrom of the map around the residues of an example: cubes reach 9 A, jobs cut more."""
_FOREIGN, _NUCLEIC = 0.25, 0.1
_SURE = 1.0
"""Known atoms with a standard deviation above this, in angstrom, do not explain density."""
_FEWEST_RULER = 20
_OWN = 0.05


class MapSource:
    """Simulates the map of each example of a batch, from all atoms of its entry.

    Parameters
    ----------
    sampler : CropSampler
        Where the examples come from: it has the chains and which of them touch.
    fraction : float
        Fraction of the possible examples that get a map.
    """

    def __init__(self, sampler: CropSampler, fraction: float = 0.8) -> None:
        self._chains = sampler.chains
        self._partners = sampler.partners
        self._fraction = fraction
        self._whole = [i for i, chain in enumerate(self._chains) if chain.atoms is not None]

    def choose(self, crop: Crop, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which examples shall have a map, shape (B,); never those whose side chains are not known."""
        possible = np.array([all(self._chains[c].atoms is not None for c in example) for example in crop.chains])
        return possible & (rng.random(len(crop.xyz)) < self._fraction)

    def evidence(
        self,
        crop: Crop,
        pattern: KnownPattern | None,
        chosen: NDArray[np.bool_],
        rng: np.random.Generator,
        conditions: MapConditions | None = None,
    ) -> list[DensityEvidence | None]:
        """Map of each example in the frame of the crop, None where not chosen.

        Parameters
        ----------
        crop : Crop
        pattern : KnownPattern or None
            Known atoms, whose density counts as explained and whose surroundings set the map's units.
        chosen : ndarray of bool, shape (B,)
        rng : numpy.random.Generator
        conditions : MapConditions, optional
            The same for all; drawn for each by default.
        """
        return [
            self._example(crop, pattern, i, rng, conditions or draw_conditions(rng)) if wanted else None
            for i, wanted in enumerate(chosen)
        ]

    def _example(
        self, crop: Crop, pattern: KnownPattern | None, i: int, rng: np.random.Generator, conditions: MapConditions
    ) -> DensityEvidence:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        assert crop.centre is not None
        xyz = crop.xyz[i]
        own, others = self._scatterers(crop.chains[i], crop.centre[i], rng)
        extra = [ordered_waters(own, round(conditions.waters * len(xyz)), rng)]
        if not others and rng.random() < _FOREIGN:
            guest = self._chains[int(rng.choice(self._whole))].atoms
            assert guest is not None
            extra.append(place_beside(scatterers_of(guest, rng), own.xyz, rng))
        elif rng.random() < _NUCLEIC:
            extra.append(place_beside(double_helix(int(rng.integers(6, 20))), own.xyz, rng))
        margin = rng.uniform(*_MARGIN)
        low, high = xyz.min((0, 1)) - margin, xyz.max((0, 1)) + margin
        everything = join([own, *others, *extra])
        simulated = simulate_map(everything, low, high, conditions, own.xyz, generator)
        model, known = _model_atoms(xyz, own, pattern, i, rng)
        if others and rng.random() < 0.5:
            # other chains are often in the model already
            known = np.concatenate([known, *(other.xyz for other in others)])
        return simulated.shown(conditions.told_resolution, model, known)

    def _scatterers(
        self, chains: tuple[int, ...], centre: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[Scatterers, list[Scatterers]]:
        """Atoms of the example's own chains, and of each that touches them, in the frame of the crop."""
        beside = dict.fromkeys(p for c in chains for p in self._partners.get(c, []) if p not in chains)

        def moved(c: int) -> Scatterers | None:
            cloud = self._chains[c].atoms
            if cloud is None:
                return None
            made = scatterers_of(cloud, rng)
            return Scatterers(made.xyz - centre, made.element, made.residue, made.relative_b)

        own = [part for c in chains if (part := moved(c)) is not None]
        return join(own), [part for c in beside if (part := moved(c)) is not None]


def _model_atoms(
    xyz: NDArray[np.float32], own: Scatterers, pattern: KnownPattern | None, i: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Backbone atoms that set the units of the map, and atoms whose density is explained."""
    nothing = np.zeros((0, 3), np.float32)
    if pattern is None:
        return xyz.reshape(-1, 3), nothing
    shown = xyz + pattern.bend[i]
    known = pattern.sigma[i] > 0
    sure = known & (pattern.sigma[i] < _SURE * (SHARED_ERROR if pattern.bend[i].any() else 1.0))
    rulers = shown[known] if known.any(1).sum() >= _FEWEST_RULER else xyz.reshape(-1, 3)
    explained = [shown[sure]]
    if sure.any() and rng.random() < 0.5:
        # side chains of known residues, which a user's model may have
        places = xyz[sure[:, 1], 1]
        if len(places):
            distance, atom = cKDTree(own.xyz).query(places, distance_upper_bound=_OWN)
            residues = own.residue[atom[np.isfinite(distance)]]
            explained.append(own.xyz[np.isin(own.residue, residues)])
    return rulers.astype(np.float32), np.concatenate([nothing, *explained]).astype(np.float32)
