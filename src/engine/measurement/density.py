"""A cryo-EM map: what it says of the residues of a job that lie in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.domains import bare
from ..contract.errors import InputError
from ..contract.requests import Request
from ..contract.settings import rows
from ..contract.specification import RefineSpec
from ..density.crop import check_overlap, crop
from ..density.map import DensityMap
from ..density.misfit import DOUBTFUL_CORRELATION, DOUBTFUL_Z, examine_placement
from ..density.neighbourhood import near
from ..density.noise import estimate_noise
from ..density.resample import limit_sampling
from ..likelihood.density import DensityLikelihood
from ..physics.grid import Grid
from ..physics.pseudo_atoms import prepare_atoms
from ..solver.potential_cost import PotentialCost
from ..structure.other_atoms import other_atoms, other_scatterers
from ..structure.symmetry import IDENTITY
from .density_potential import DensityPotential
from .other_density import without_others
from .over_sharpened import known_sharpness, softened
from .protocol import Scene
from .symmetry import average_copies, images_in_reach, own_share
from .whole_map import MapFiles, WholeMap, read_whole_map

__all__ = ["NAME", "NEIGHBOUR_RADIUS", "DensityMeasurement", "bind_map", "load", "load_density", "reach_of"]

NAME = "density"

NEIGHBOUR_RADIUS = 2.0
"""Angstrom around atoms that are not the job's, whose density the job must not claim: the least radius of a mask
around atoms in `adp3d.density.score`."""
_REACH_PER_RESIDUE = 1.2
"""Angstrom that each missing residue adds to how far from known atoms density is looked at. A loop that goes straight
out and back reaches 1.9 A for each of its residues; real ones stay well within two thirds of that."""
_REACH = (8.0, 30.0)
"""Least and largest reach in angstrom: side chains and one free residue; and what keeps the box affordable (gaps of 18
residues and more have the same)."""
_BLURS = (0.0, 40.0, 120.0, 400.0)
"""B in A^2 of the coarse-to-fine pyramid; positional spreads of 0, 0.7, 1.2 and 2.3 A."""
_B_RANGE = (5.0, 400.0)
"""B in A^2 within which the result is kept: atoms sharper than a voxel, and no atoms at all."""
_DEFAULT_B = 60.0
"""B in A^2 where it cannot be measured, because map and model agree in no shell; chosen by hand, as nothing is
known."""
_BYTES_PER_VOXEL = 16
"""For each voxel of each replica computed at once: model density and its gradient, in single precision and twice."""
_BYTES_PER_MAP_VOXEL = 40
"""For each voxel once: the map, its weights and spectra; measured."""
_SECONDS_PER_VOXEL = 3e-7
"""Core time for each voxel, replica and step; measured on one core of a server of 2024."""
_FLOOR_NOTE = (
    "The map shows no noise where the molecule is not (its solvent is blank: thresholded, masked or sharpened by a "
    "network; or it is simulated), so a floor of {sigma:.3g} is taken for it; half maps would tell more."
)


@dataclass(frozen=True)
class DensityMeasurement:
    """A map made ready for the residues of a job.

    Attributes
    ----------
    whole : WholeMap
        The map as it was read.
    density : DensityMap
        Cropped around the model.
    likelihood : DensityLikelihood
        Of complete backbones, with its pyramid of blurs. What atoms that are not the job's explain of the map is taken
        out of its levels.
    b_factor : float
        Sharpness of the map: B in A^2 of the atoms that explain it best.
    known : ndarray of bool, shape (N,)
        Residues that the starting model shows.
    noise_method : str
        Where the noise comes from, as in `NoiseModel`.
    fits : bool
        Whether the starting model lies in density.
    copies_correlation : float or None
        Correlation of the map around symmetric copies; None without them.
    """

    whole: WholeMap
    density: DensityMap
    likelihood: DensityLikelihood
    b_factor: float
    known: NDArray[np.bool_]
    noise_method: str
    fits: bool = True
    copies_correlation: float | None = None

    @property
    def name(self) -> str:
        """Name in the registry."""
        return NAME

    @property
    def source(self) -> DensityMap:
        """The whole map, on an orthogonal grid, as models are built in it."""
        return self.whole.working

    @property
    def resolution(self) -> float:
        """In angstrom."""
        return self.whole.resolution

    @property
    def potential(self) -> DensityPotential:
        """From coarse to fine as the noise falls."""
        return DensityPotential(self.likelihood, NAME)

    @property
    def cost(self) -> PotentialCost:
        """In proportion to the voxels around the model."""
        voxels = int(np.prod(self.density.shape))
        return PotentialCost(voxels * _BYTES_PER_MAP_VOXEL, voxels * _BYTES_PER_VOXEL, voxels * _SECONDS_PER_VOXEL)

    def of_residues(self, rows: NDArray[np.int64]) -> DensityMeasurement:
        """The same map for some residues of the job only, ascending rows (K,): the others are not there."""
        return replace(self, likelihood=self.likelihood.of_residues(torch.as_tensor(rows)), known=self.known[rows])

    def log_likelihood(self, x: Tensor) -> Tensor:
        """See `Judge`."""
        return self.likelihood(x)

    def figures(self, x: Tensor) -> dict[str, Tensor]:
        """Correlation of model and map (-1 to 1) over the voxels that the job answers for."""
        return {"correlation": self.likelihood.correlation(x)}

    def residue_figures(self, x: Tensor) -> dict[str, NDArray[np.float64]]:
        """Local fit of each residue, from 0 to 1; 0 outside the map."""
        return {"fit": np.clip(np.nan_to_num(self.likelihood.per_residue_fit(x[None])[0]), 0.0, 1.0)}

    def start_correlation(self, x: Tensor) -> float:
        """Map-model correlation over the mask with only the known residues of x (1, N, 4, 3) present."""
        return float(self.known_only().correlation(x)[0])

    def start_fit(self, x: Tensor) -> NDArray[np.float64]:
        """Local correlation of each known residue of the starting model x (1, N, 4, 3); NaN elsewhere."""
        fit: NDArray[np.float64] = self.known_fit(x)[0]
        return fit

    def start_share(self, x: Tensor) -> NDArray[np.float64]:
        """Density of the map at each known residue of the starting model x (1, N, 4, 3), over what the model has there.

        As `known_fit`, but what is missing beside a residue does not lower it.
        """
        share: NDArray[np.float64] = np.where(self.known, self.known_only().per_residue_share(x)[0], np.nan)
        return share

    def known_fit(self, x: Tensor) -> NDArray[np.float64]:
        """Local correlation of known residues (replica, N) of models x (replica, N, 4, 3); NaN elsewhere.

        What is missing has no part in it, wherever it is: models that differ there can be compared.
        """
        fit: NDArray[np.float64] = np.where(self.known, self.known_only().per_residue_fit(x), np.nan)
        return fit

    def known_only(self) -> DensityLikelihood:
        """The likelihood of the map alone, without blurs, of what the starting model shows."""
        full = self.likelihood
        present = torch.as_tensor(self.known, device=full.atoms.residue.device)[full.atoms.residue]
        atoms = replace(full.atoms, occupancy=full.atoms.occupancy * present)
        sharp = full.levels[0]
        return replace(full, atoms=atoms, levels=(sharp,), operators=(atoms.density(sharp.grid, 0.0),), level=0)


def load(request: Request, scene: Scene) -> DensityMeasurement:
    """Map that is asked for as ``density@MAP`` or, with its resolution in angstrom, ``density@MAP 3.2``.

    Raises
    ------
    InputError
        If there is none, or it cannot be used.
    """
    if request.file is None or len(request.words) > 1:
        raise InputError("A map comes from a file: write density@MAP, and its resolution in angstrom if you know it.")
    return load_density(MapFiles(request.file, None, _resolution(request)), scene)


def load_density(files: MapFiles, scene: Scene) -> DensityMeasurement:
    """Read a map and bind it to the residues of a job.

    Raises
    ------
    InputError
        If the map cannot be used or does not overlap with the model.
    """
    return bind_map(read_whole_map(files, scene.points, scene.events), scene)


def bind_map(whole: WholeMap, scene: Scene) -> DensityMeasurement:
    """Cut out what concerns a job, and find noise and sharpness of the map.

    Raises
    ------
    InputError
        If the map does not overlap with the model.
    """
    overlap = check_overlap(whole.stored, scene.points)
    whole = softened(whole, scene)
    density, resolution, points, device = whole.working, whole.resolution, scene.points, scene.device
    noise = estimate_noise(density, whole.halves, points)
    cut = limit_sampling(crop(density, points, reach_of(scene.known[:, 1]) + 4.0), resolution)
    mask = _fit_mask(cut, scene)
    symmetry, copies_correlation, operators = scene.symmetry, None, IDENTITY[None]
    if symmetry is not None:
        mask = own_share(cut, scene, mask, symmetry)
        averaged = average_copies(cut, density, scene, mask, symmetry)
        cut, copies_correlation, operators = averaged.density, averaged.correlation, averaged.operators
        scene.events.message(averaged.line(symmetry))
    b_factor = _sharpness(cut, scene, resolution)
    if noise.method == "floor":
        scene.events.message(_FLOOR_NOTE.format(sigma=noise.sigma))
    scene.events.message(
        f"Map: {'x'.join(map(str, cut.shape))} voxels of {cut.voxel_size.mean():.2f} A, resolution "
        f"{resolution:.1f} A, B {b_factor:.0f} A^2, noise {noise.sigma:.3g} from {noise.method}."
    )
    atoms = prepare_atoms(scene.polymer.aatype, b_factor, device=device)
    if symmetry is not None:
        atoms = images_in_reach(atoms, scene, cut, mask, symmetry, reach_of(scene.known[:, 1]))
    # copies are explained by their images
    others = other_scatterers(scene.structure, (*scene.labels, *scene.copies)).averaged(operators)
    own = without_others(cut, scene, others, resolution)
    likelihood = DensityLikelihood.from_map(
        torch.as_tensor(own.values, device=device),
        Grid.of_map(cut),
        atoms,
        resolution,
        noise.sigma**2,
        torch.as_tensor(mask.astype(np.float32), device=device),
        _BLURS,
    )
    bound = DensityMeasurement(
        whole, cut, likelihood, b_factor, scene.known[:, 1], noise.method, copies_correlation=copies_correlation
    )
    correlation = bound.start_correlation(scene.start()[None])
    if overlap.mean_z >= DOUBTFUL_Z and correlation >= DOUBTFUL_CORRELATION:
        return bound
    misfit = examine_placement(density, points)
    if misfit.fits and correlation >= 0:
        return bound
    scene.events.message(misfit.advice(), "warning")
    return replace(bound, fits=False)


def _resolution(request: Request) -> float | None:
    if not request.words:
        return None
    (word,) = request.words
    try:
        value = float(word)
    except ValueError:
        raise InputError(f"The resolution of a map is a number, in angstrom, not {word!r}.") from None
    (row,) = (row for row in rows(RefineSpec) if row.name == "resolution")
    checked: float = bare(row.setting.domain).check(row.name, value)
    return checked


def reach_of(known: NDArray[np.bool_]) -> float:
    """How far from known atoms missing residues (N,) may lie, in angstrom, from the longest gap."""
    longest = current = 0
    for absent in ~known:
        current = current + 1 if absent else 0
        longest = max(longest, current)
    return float(np.clip(_REACH[0] + _REACH_PER_RESIDUE * longest, *_REACH))


def _fit_mask(density: DensityMap, scene: Scene) -> NDArray[np.bool_]:
    """Voxels the job answers for: within reach of its model, not at atoms that belong to something else."""
    mask = near(density, scene.points, reach_of(scene.known[:, 1]))
    others = other_atoms(scene.structure, scene.labels, np.zeros(scene.polymer.n_residues, bool))
    if len(others):
        mask &= ~near(density, others, NEIGHBOUR_RADIUS) | near(density, scene.points, NEIGHBOUR_RADIUS)
    if not mask.any():
        raise InputError("No voxel of the map lies near the model; check that the model is docked into this map.")
    return mask


def _sharpness(density: DensityMap, scene: Scene, resolution: float) -> float:
    """Global B of the atoms that explains the fall-off of the map, from the known residues."""
    known = known_sharpness(density, scene, resolution)
    if known is None:
        scene.events.message(
            f"The map's sharpness could not be measured on the model; B = {_DEFAULT_B:.0f} A^2 is used."
        )
        return _DEFAULT_B
    return float(np.clip(known, *_B_RANGE))
