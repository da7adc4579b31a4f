"""A symmetric map: one copy answers for its own share of the density, to which its neighbours' atoms add theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from ..contract.errors import InputError
from ..density.blank import blank_voxels
from ..density.crop import crop
from ..density.map import DensityMap
from ..density.resample import resample_like
from ..density.sample import sample
from ..physics.images import Images
from ..physics.pseudo_atoms import AtomSet, backbone_to_atoms
from ..structure.symmetry import IDENTITY, Symmetry, apply
from .protocol import Scene

__all__ = ["AveragedMap", "average_copies", "images_in_reach", "own_share"]

_REACH = 8.0
"""Angstrom from a voxel at which atoms of other copies are taken along: atoms at B 60 end after 4.5 A, and known ones
move by less than the rest before their neighbours are looked for again."""
_THERE = 0.5
"""Part of a copy's known atoms that must lie in the map (and not where it is blank) for its density to be used."""
_SHOWN = 0.5
"""Part of the voxels of a job that a copy must have in the map to be in the mean; chosen by hand, so that a corner of a
copy at the border of a map is not taken for the whole of it."""
_SPLINE_VOXELS = 6
"""Voxels beyond what is interpolated, after which the ends of the part do not matter to its cubic splines."""
_CONTRADICTED = 0.1
"""Mean correlation of the map around copies below which it does not have the symmetry: noise that drowns a map by ten
to one gives as little, and nothing is built in that."""
_DOUBTFUL = 0.3
"""Mean correlation below which the user should look again."""


@dataclass(frozen=True)
class AveragedMap:
    """The map around one copy, averaged over all copies that it shows.

    Attributes
    ----------
    density : DensityMap
    operators : ndarray, shape (n, 3, 4)
        That take this copy to those in the mean, itself included and first.
    correlation : float
        Mean correlation of the density around the others with this one's, each as much as it has voxels in the map;
        NaN without others.
    """

    density: DensityMap
    operators: NDArray[np.float64]
    correlation: float

    @property
    def copies(self) -> int:
        """Copies in the mean, this one included."""
        return len(self.operators)

    def line(self, symmetry: Symmetry) -> str:
        """What was done, in words."""
        if self.copies < 2:
            return f"The map shows one copy of the symmetry {symmetry.name} only; it is used as it is."
        return (
            f"The map is averaged over {self.copies} copies by the symmetry {symmetry.name} for this job (the file "
            f"stays as it is); around them it correlates by {self.correlation:.2f}."
        )


def average_copies(
    cut: DensityMap, source: DensityMap, scene: Scene, mask: NDArray[np.bool_], symmetry: Symmetry
) -> AveragedMap:
    """Mean of the map over the copies that it shows, on the grid of one of them.

    Parameters
    ----------
    cut : DensityMap
        The map around the job's copy.
    source : DensityMap
        The whole map.
    scene : Scene
    mask : ndarray of bool, shape of ``cut``
        Voxels over which copies are compared.
    symmetry : Symmetry

    Raises
    ------
    InputError
        If the map does not have the symmetry.
    """
    total, count = cut.values.astype(np.float64), np.ones(cut.shape)
    own = cut.values[mask]
    found, voxels, shown = [], [], [IDENTITY]
    blank = source.with_values(blank_voxels(source).astype(np.float32))
    for operator in symmetry.neighbours():
        if (sample(blank, apply(operator, scene.points), outside=1.0) < 0.5).mean() < _THERE:
            continue
        grid = DensityMap(cut.values, apply(operator, cut.origin), cut.axes @ operator[:, :3].T)
        index = np.stack(np.meshgrid(*map(np.arange, cut.shape), indexing="ij"), -1)
        place = source.to_index(grid.to_points(index))
        inside = np.asarray(((place >= 0) & (place <= np.array(source.shape) - 1)).all(-1))
        if inside[mask].mean() < _SHOWN:
            continue
        part = crop(source, grid.to_points(index[mask & inside]), _SPLINE_VOXELS * float(source.voxel_size.max()))
        inside &= _within(part, grid, index)
        values = resample_like(part, grid).values
        both = inside[mask]
        found.append(float(np.nan_to_num(np.corrcoef(own[both], values[mask][both])[0, 1])))
        voxels.append(int(both.sum()))
        shown.append(operator)
        total += np.where(inside, values, 0.0)
        count += inside
    if not found:
        return AveragedMap(cut, IDENTITY[None], float("nan"))
    mean = float(np.average(found, weights=voxels))
    if mean < _CONTRADICTED:
        raise InputError(
            f"The map does not have the symmetry {symmetry.name}: around its copies it correlates by {mean:.2f} only; "
            "check the axis and the centre of the symmetry, and where the model lies."
        )
    if mean < _DOUBTFUL:
        scene.events.message(
            f"The map hardly has the symmetry {symmetry.name} (around its copies it correlates by {mean:.2f}): check "
            "the axis and the centre of the symmetry.",
            "warning",
        )
    return AveragedMap(cut.with_values((total / count).astype(np.float32)), np.stack(shown), mean)


def own_share(density: DensityMap, scene: Scene, mask: NDArray[np.bool_], symmetry: Symmetry) -> NDArray[np.bool_]:
    """The voxels of a mask that are nearer to the known atoms of the job's copy than to those of any other.

    The shares of all copies tile the mask of the whole: a sum over one share is the sum over the whole divided by the
    number of copies.
    """
    voxels = density.to_points(np.argwhere(mask))
    distance, _ = cKDTree(scene.points).query(voxels)
    others = np.concatenate([apply(operator, scene.points) for operator in symmetry.neighbours()])
    low, high = voxels.min(0) - distance.max(), voxels.max(0) + distance.max()
    others = others[((others >= low) & (others <= high)).all(-1)]
    share = mask.copy()
    if len(others):
        nearest, _ = cKDTree(others).query(voxels, distance_upper_bound=float(distance.max()) + 1e-6)
        share[mask] = distance <= nearest
    return share


def images_in_reach(
    atoms: AtomSet, scene: Scene, density: DensityMap, mask: NDArray[np.bool_], symmetry: Symmetry, missing_reach: float
) -> AtomSet:
    """Atoms with the images that may add density to a mask.

    Parameters
    ----------
    atoms : AtomSet
        Of the job's residues, without images.
    scene : Scene
    density : DensityMap
        The grid.
    mask : ndarray of bool, shape of ``density``
    symmetry : Symmetry
    missing_reach : float
        Angstrom that missing residues may be from known ones: wherever that may bring them, their images are there.
    """
    start: Tensor = scene.start()[None]
    xyz = backbone_to_atoms(start, atoms)[0].double().cpu().numpy()
    known = scene.known[:, 1][atoms.residue.cpu().numpy()]
    operators = symmetry.neighbours()
    tree = cKDTree(density.to_points(np.argwhere(mask)))
    chosen = np.zeros((len(operators), len(xyz)), bool)
    for row, operator in zip(chosen, operators, strict=True):
        distance, _ = tree.query(apply(operator, xyz), distance_upper_bound=_REACH + missing_reach)
        row[:] = np.where(known, distance <= _REACH, np.isfinite(distance[known]).any())
    if not chosen.any():
        return atoms
    return atoms.with_images(Images.of(operators, chosen, atoms.local))


def _within(part: DensityMap, grid: DensityMap, index: NDArray[np.int64]) -> NDArray[np.bool_]:
    place = part.to_index(grid.to_points(index))
    return np.asarray(((place >= 0) & (place <= np.array(part.shape) - 1)).all(-1))
