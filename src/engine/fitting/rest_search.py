"""Bodies found in a map one after the other, each in what those before it leave of the density."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ..density.map import DensityMap
from ..density.neighbourhood import near
from .body import Atoms
from .placement import Place, find_places
from .standing import LEAST_Z, Standing, judge_places

__all__ = ["Docked", "RestSearch", "on_one_spot"]

_EXPLAINED_RADIUS = 3.0
"""Angstrom around placed atoms whose density is taken: half the width of a chain with its side chains, as in
`fitting.redock`, and half an angstrom more, since whole bodies have all their atoms."""
_LEAST_PLACES = 4
"""Fewer tell nothing of chance (`judge_places`)."""
_SAME_SPOT = 2.0
"""Angstrom between atoms of two bodies that cannot both be there."""
_MOST_SHARED = 0.2
"""Part of a body's atoms that may be on the spot of another's: chains in contact have none, a body laid over another
as by a symmetry of its shape has more than half."""
_UNMOVED, _UNTURNED = 1.0, 2.0
"""Angstrom and degrees below which a body was in its place before."""


@dataclass(frozen=True)
class Docked:
    """What became of one body.

    Attributes
    ----------
    name : str
        Such as ``chains A, B``, ``chain A`` or ``A 146 to 334``.
    residues : int
        Of its polymers.
    place : Place or None
        None if it was not found.
    standing : Standing or None
        How far its place stands out; None if the map had no room for a search.
    shift : float
        Way of its centre in angstrom.
    angle : float
        Turn in degrees.
    """

    name: str
    residues: int
    place: Place | None
    standing: Standing | None
    shift: float = 0.0
    angle: float = 0.0

    def line(self) -> str:
        """Sentence for the user."""
        if self.standing is None:
            return f"{self.name}: nothing is left of the map that it could lie in."
        if self.place is None:
            return (
                f"{self.name}: not found; its best place is {self.standing.z:.1f} standard deviations above others, "
                f"and {LEAST_Z:g} are needed."
            )
        way = f"moved by {self.shift:.0f} A and {self.angle:.0f} degrees"
        if self.shift < _UNMOVED and self.angle < _UNTURNED:
            way = f"in its place before, moved by {self.shift:.1f} A"
        return (
            f"{self.name}: {way}; correlation {self.place.correlation:.2f}, the next place has "
            f"{self.standing.next:.2f} (z = {self.standing.z:.1f})."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values: ``part``, ``residues``, ``shift``, ``angle``, ``correlation``, ``next`` and ``z``.

        The first three of the place are None if it was not found.
        """
        found = self.place
        return {
            "part": self.name,
            "residues": self.residues,
            "shift": None if found is None else round(self.shift, 1),
            "angle": None if found is None else round(self.angle, 1),
            "correlation": None if found is None else round(found.correlation, 4),
            "next": None if self.standing is None else round(self.standing.next, 4),
            "z": None if self.standing is None else round(self.standing.z, 2),
        }


class RestSearch:
    """Searches one after the other.

    Parameters
    ----------
    density : DensityMap
    resolution : float
        Of the map in angstrom.
    device : torch.device, optional
    poll : callable
        Called every second or so; what it raises ends the search.
    told : callable
        Receives a sentence for each body when it was tried.

    Attributes
    ----------
    tried : list of Docked
        In order.
    spare : list of Place
        Further places that the last body found could have taken as well: where its copies are.
    """

    def __init__(
        self,
        density: DensityMap,
        resolution: float,
        device: torch.device | None = None,
        poll: Callable[[], None] = lambda: None,
        told: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.tried: list[Docked] = []
        self.spare: list[Place] = []
        self._density, self._resolution, self._device = density, resolution, device
        self._poll, self._told = poll, told
        self._taken: list[NDArray[np.float64]] = []

    def place(self, name: str, residues: int, atoms: Atoms) -> Docked:
        """Search a body; if it is found, its density is taken from the map."""
        self.spare = []
        if float(self._density.values.std()) == 0.0 and self._taken:
            return self._note(Docked(name, residues, None, None))
        places = find_places(self._density, atoms, self._resolution, device=self._device, poll=self._poll)
        if len(places) < _LEAST_PLACES:
            return self._note(Docked(name, residues, None, None))
        standing = judge_places([place.correlation for place in places])
        if not standing.found:
            return self._note(Docked(name, residues, None, standing))
        docked = self.put(name, residues, atoms, places[0], standing)
        self.spare = places[1 : standing.count]
        return docked

    def put(self, name: str, residues: int, atoms: Atoms, place: Place, standing: Standing | None) -> Docked:
        """Take a place for a body that is known to lie there."""
        self.take(place.apply(atoms.xyz))
        shift = float(np.linalg.norm(place.apply(atoms.centre) - atoms.centre))
        angle = float(np.degrees(Rotation.from_matrix(place.rotation).magnitude()))
        return self._note(Docked(name, residues, place, standing, shift, angle))

    def miss(self, name: str, residues: int, standing: Standing | None) -> Docked:
        """Note that a body is nowhere, as its twin before it."""
        return self._note(Docked(name, residues, None, standing))

    def take(self, xyz: NDArray[np.float64]) -> None:
        """Take the density around atoms (n, 3) from the map."""
        taken = near(self._density, xyz, _EXPLAINED_RADIUS)
        values = np.where(taken, np.median(self._density.values), self._density.values)
        self._density = self._density.with_values(values)
        self._taken.append(xyz)

    def free(self, xyz: NDArray[np.float64]) -> bool:
        """Whether hardly any atom (n, 3) is on the spot of one that has been placed."""
        return not self._taken or not on_one_spot(xyz, self._taken)

    def _note(self, docked: Docked) -> Docked:
        self.tried.append(docked)
        self._told(docked.line())
        return docked


def on_one_spot(xyz: NDArray[np.float64], others: Sequence[NDArray[np.float64]]) -> bool:
    """Whether atoms (n, 3) cannot be where they are because others are there."""
    distance, _ = cKDTree(np.concatenate(others)).query(xyz, distance_upper_bound=_SAME_SPOT)
    return float(np.isfinite(distance).mean()) > _MOST_SHARED
