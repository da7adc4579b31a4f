"""Where a rigid body lies in a map: the distinct places that fit best, and how far the best stands out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.errors import InputError
from ..density.map import DensityMap
from .body import Atoms, Body
from .field import Field
from .global_search import search_everywhere
from .pose import Poses, climb

__all__ = ["Place", "find_places"]

_COARSE = (10.0, 16.0)
"""Angstrom: resolution of the search over everything, a third of the body's radius within these limits. Coarser ones
hide the shape of small proteins; finer ones need many more orientations (the sixth power of their number of steps)."""
_FINE = (7.0, 5.0)
"""Resolutions at which the poses then climb, as far as the map has them."""
_KEPT = (200, 40, 20)
"""Poses that climb at each of these, the last number at the finest of them."""
_POINTS = (1000, 2000, 4000)
"""Points of the body at each of these, likewise."""
_SAME_WAY = 4.0
"""Angstrom that atoms at the body's radius may lie apart in poses that count as one."""


@dataclass(frozen=True)
class Place:
    """A place of a body: ``x -> rotation x + shift`` for its atoms.

    Attributes
    ----------
    rotation : ndarray, shape (3, 3)
    shift : ndarray, shape (3,)
        In angstrom.
    correlation : float
        Of body and map about their means, at the finest resolution of the search.
    """

    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]
    correlation: float

    def apply(self, xyz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions (..., 3) moved there."""
        return np.asarray(xyz @ self.rotation.T + self.shift)

    def after(self, rotation: NDArray[np.float64], shift: NDArray[np.float64]) -> Place:
        """Place of another body that ``x -> rotation x + shift`` lays upon this one."""
        return Place(self.rotation @ rotation, self.rotation @ shift + self.shift, self.correlation)


def find_places(
    map: DensityMap,
    atoms: Atoms,
    resolution: float,
    most: int = 20,
    device: torch.device | None = None,
    poll: Callable[[], None] = lambda: None,
) -> list[Place]:
    """Search a body everywhere in a map, coarse to fine; where it is now is among what is tried.

    Parameters
    ----------
    map : DensityMap
    atoms : Atoms
    resolution : float
        Of the map in angstrom.
    most : int
        Places to return at most.
    device : torch.device, optional
    poll : callable
        Called every second or so; what it raises ends the search.

    Returns
    -------
    list of Place
        Distinct ones, best first.

    Raises
    ------
    InputError
        If the map is flat.
    """
    if float(map.values.std()) == 0.0:
        raise InputError("The map has the same density everywhere, so nothing can be found in it.")
    coarse = max(min(max(atoms.radius / 3, _COARSE[0]), _COARSE[1]), resolution)
    field = Field.of(map, resolution, coarse, coarse / 3, device)
    poses = search_everywhere(field, atoms, coarse, _KEPT[0], poll).and_one(torch.as_tensor(atoms.centre))
    levels = list(dict.fromkeys((coarse, *(max(fine, resolution) for fine in _FINE))))
    for number, wanted in enumerate(levels):
        if number:
            field = Field.of(map, resolution, wanted, wanted / 3, device)
        last = number == len(levels) - 1
        body = Body.of(atoms, wanted, _POINTS[-1 if last else number], device)
        poses, scores = climb(field, body, poses, step=wanted / 6)
        if not number and scores[-1] < scores[:-1].median():
            poses, scores = poses[slice(-1)], scores[:-1]  # where the body is now is as bad as any
        poll()
        kept = _distinct(poses, scores, body.radius)[: _KEPT[-1 if last else number + 1]]
        poses, scores = poses[kept], scores[kept]
    centre = atoms.centre
    return [
        Place(r, s - r @ centre, float(c))
        for r, s, c in zip(
            poses.rotation[:most].double().cpu().numpy(),
            poses.shift[:most].double().cpu().numpy(),
            scores[:most].tolist(),
            strict=True,
        )
    ]


def _distinct(poses: Poses, scores: Tensor, radius: float) -> Tensor:
    """Indices of poses that are not near a better one, best first."""
    tips = torch.eye(3, device=scores.device) * radius
    marks = torch.cat([poses.apply(tips), poses.apply(-tips)], 1)
    kept: list[int] = []
    for i in scores.argsort(descending=True).tolist():
        way = (marks[kept] - marks[i]).square().sum(-1).mean(-1).sqrt() if kept else torch.full((1,), torch.inf)
        if bool((way > _SAME_WAY).all()):
            kept.append(i)
    return torch.tensor(kept, device=scores.device)
