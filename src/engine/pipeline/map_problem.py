"""From a map file and a partial model to the density likelihood of the job."""

from __future__ import annotations

from dataclasses import dataclass, replace

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.errors import InputError
from ..contract.specification import RefineSpec
from ..density.crop import check_overlap, crop
from ..density.map import DensityMap
from ..density.neighbourhood import near
from ..density.noise import estimate_noise
from ..density.read import read_map
from ..density.resample import limit_sampling, resample
from ..density.resolution import estimate_resolution
from ..density.sharpness import relative_sharpness
from ..job.events import Events
from ..likelihood.density import DensityLikelihood
from ..physics.grid import Grid
from ..physics.pseudo_atoms import backbone_to_atoms, prepare_atoms
from ..placing.target import Target
from ..structure.observed import BACKBONE_ATOMS
from .misfit import DOUBTFUL_CORRELATION, DOUBTFUL_Z, examine_placement

__all__ = ["MapProblem", "load_map_problem", "other_atoms", "placeholder_backbone", "voxels_too_coarse"]

_NEIGHBOUR_RADIUS = 2.0
"""Angstrom around atoms that are not the job's, whose density the job must not claim."""
_REACH_PER_RESIDUE = 1.2
_REACH = (8.0, 30.0)
_BLURS = (0.0, 40.0, 120.0, 400.0)
"""B in A^2 of the coarse-to-fine pyramid; positional spreads of 0, 0.7, 1.2 and 2.3 A."""
_DEFAULT_B = 60.0
_NYQUIST_SLACK = 0.95
"""Rounding of stated resolutions and voxel sizes that is no contradiction."""
_FLOOR_NOTE = (
    "The map shows no noise where the molecule is not (its solvent is blank: thresholded, masked or sharpened by a "
    "network; or it is simulated), so a floor of {sigma:.3g} is taken for it; half maps would tell more."
)


@dataclass(frozen=True)
class MapProblem:
    """The map made ready for the solver.

    Attributes
    ----------
    source : DensityMap
        The whole map, on an orthogonal grid.
    density : DensityMap
        Cropped around the model.
    likelihood : DensityLikelihood
        Of complete backbones, with its pyramid of blurs.
    resolution : float
        In angstrom.
    b_factor : float
        Sharpness of the map: B in A^2 of the atoms that explain it best.
    known : ndarray of bool, shape (N,)
        Residues that the starting model shows.
    noise_method : str
        Where the noise comes from, as in `NoiseModel`.
    fits : bool
        Whether the starting model lies in density.
    """

    source: DensityMap
    density: DensityMap
    likelihood: DensityLikelihood
    resolution: float
    b_factor: float
    known: NDArray[np.bool_]
    noise_method: str
    fits: bool = True

    def start_correlation(self, x: Tensor) -> float:
        """Map-model correlation over the mask with only the known residues of x (1, N, 4, 3) present."""
        return float(self._known_only().correlation(x)[0])

    def start_fit(self, x: Tensor) -> NDArray[np.float64]:
        """Local correlation of each known residue of the starting model x (1, N, 4, 3); NaN elsewhere."""
        return np.where(self.known, self._known_only().per_residue_fit(x)[0], np.nan)

    def _known_only(self) -> DensityLikelihood:
        full = self.likelihood
        present = torch.as_tensor(self.known, device=full.atoms.residue.device)[full.atoms.residue]
        atoms = replace(full.atoms, occupancy=full.atoms.occupancy * present)
        sharp = full.levels[0]
        return replace(full, atoms=atoms, levels=(sharp,), operators=(atoms.density(sharp.grid, 0.0),), level=0)


def load_map_problem(
    spec: RefineSpec, structure: gemmi.Structure, target: Target, device: torch.device, events: Events
) -> MapProblem:
    """Read the map, cut out what concerns the job, and find its resolution, noise and sharpness.

    Raises
    ------
    InputError
        If the map cannot be used or does not overlap with the model.
    """
    density = read_map(spec.map)
    for note in density.notes:
        events.message(note, "warning")
    halves = None if spec.half_maps is None else (read_map(spec.half_maps[0]), read_map(spec.half_maps[1]))
    points = target.xyz[target.known]
    overlap = check_overlap(density, points)
    resolution = spec.resolution
    if resolution is None:
        estimate = estimate_resolution(density, halves)
        resolution = estimate.value
        for warning in estimate.warnings:
            events.message(warning, "warning")
        events.message(
            f"Resolution estimated from {estimate.method}: {resolution:.1f} A (give 'resolution' if you know it)."
        )
    if voxels_too_coarse(density, resolution):
        finest = 2.0 * float(density.voxel_size.max())
        events.message(
            f"The map's voxels of {density.voxel_size.max():.2f} A hold no detail finer than {finest:.1f} A, but the "
            f"resolution given is {resolution:g} A: give the map's true resolution, or a map with finer voxels.",
            "warning",
        )
    if not density.is_orthogonal:
        density = resample(density, float(min(density.voxel_size.min(), resolution / 3)))
    whole_noise = estimate_noise(density, halves, points)
    cut = limit_sampling(crop(density, points, _reach(target) + 4.0), resolution)
    known = target.known[:, 1]
    mask = _fit_mask(cut, structure, target)
    grid = Grid.of_map(cut)
    values = torch.as_tensor(cut.values, device=device)
    start = torch.as_tensor(placeholder_backbone(target), dtype=torch.float32, device=device)[None]
    b_factor = _sharpness(cut, grid, target, start, known, resolution, events)
    variance = whole_noise.sigma**2
    if whole_noise.method == "floor":
        events.message(_FLOOR_NOTE.format(sigma=whole_noise.sigma))
    events.message(
        f"Map: {'x'.join(map(str, cut.shape))} voxels of {cut.voxel_size.mean():.2f} A, resolution "
        f"{resolution:.1f} A, B {b_factor:.0f} A^2, noise {whole_noise.sigma:.3g} from {whole_noise.method}."
    )
    atoms = prepare_atoms(target.polymer.aatype, b_factor, device=device)
    likelihood = DensityLikelihood.from_map(
        values, grid, atoms, resolution, variance, torch.as_tensor(mask, device=device), _BLURS
    )
    maps = MapProblem(density, cut, likelihood, resolution, b_factor, known, whole_noise.method)
    correlation = maps.start_correlation(start)
    if overlap.mean_z >= DOUBTFUL_Z and correlation >= DOUBTFUL_CORRELATION:
        return maps
    misfit = examine_placement(density, points)
    if misfit.fits and correlation >= 0:
        return maps
    events.message(misfit.advice(), "warning")
    return replace(maps, fits=False)


def voxels_too_coarse(density: DensityMap, resolution: float) -> bool:
    """Whether a map's voxels cannot hold detail of this resolution (in angstrom)."""
    return resolution < _NYQUIST_SLACK * 2.0 * float(density.voxel_size.max())


def placeholder_backbone(target: Target) -> NDArray[np.float64]:
    """Starting backbone with unknown atoms at the nearest known CA of their chain, shape (N, 4, 3).

    Only for sums in which unknown residues have zero weight: it keeps their coordinates finite.
    """
    out = target.xyz.copy()
    has_ca = np.flatnonzero(target.known[:, 1])
    if not len(has_ca):
        return np.where(np.isfinite(out), out, np.nanmean(out, axis=(0, 1)))
    nearest = has_ca[np.abs(np.arange(len(out))[:, None] - has_ca[None]).argmin(1)]
    return np.where(np.isfinite(out), out, out[nearest, 1][:, None])


def _reach(target: Target) -> float:
    """How far from known atoms missing residues may lie, in angstrom, from the longest gap."""
    missing = ~target.known[:, 1]
    longest = current = 0
    for absent in missing:
        current = current + 1 if absent else 0
        longest = max(longest, current)
    return float(np.clip(_REACH[0] + _REACH_PER_RESIDUE * longest, *_REACH))


def _fit_mask(density: DensityMap, structure: gemmi.Structure, target: Target) -> NDArray[np.float32]:
    """Voxels the job answers for: within reach of its model, not at atoms that belong to something else."""
    points = target.xyz[target.known]
    mask = near(density, points, _reach(target))
    others = other_atoms(structure, target, np.zeros(target.n_residues, bool))
    if len(others):
        mask &= ~near(density, others, _NEIGHBOUR_RADIUS) | near(density, points, _NEIGHBOUR_RADIUS)
    if not mask.any():
        raise InputError("No voxel of the map lies near the model; check that the model is docked into this map.")
    return mask.astype(np.float32)


def other_atoms(structure: gemmi.Structure, target: Target, with_side_chains: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Atoms of the first model beside the job's backbone, (K, 3), in angstrom; no waters.

    All of what is not the job's (ligands, nucleic acids, other chains), and the side chains of some of its residues
    (``with_side_chains``, shape (N,)).
    """
    job: dict[tuple[str, int | None, str], int] = {
        (chain, number, icode.strip()): i for i, (chain, number, icode) in enumerate(target.labels)
    }
    positions = []
    for chain in structure[0]:
        for residue in chain:
            row = job.get((chain.name, residue.seqid.num, residue.seqid.icode.strip()))
            if residue.is_water() or (row is not None and not with_side_chains[row]):
                continue
            positions += [a.pos.tolist() for a in residue if row is None or a.name not in BACKBONE_ATOMS]
    return np.array(positions, dtype=np.float64).reshape(-1, 3)


def _sharpness(
    density: DensityMap,
    grid: Grid,
    target: Target,
    start: Tensor,
    known: NDArray[np.bool_],
    resolution: float,
    events: Events,
) -> float:
    """Global B of the atoms that explains the fall-off of the map, from the known residues."""
    trial_b = 20.0
    atoms = prepare_atoms(target.polymer.aatype, trial_b, known.astype(np.float64), device=start.device)
    model = atoms.density(grid)(backbone_to_atoms(start, atoms))[0].cpu().numpy()
    try:
        fitted = relative_sharpness(density, model, resolution)
    except InputError:
        events.message(f"The map's sharpness could not be measured on the model; B = {_DEFAULT_B:.0f} A^2 is used.")
        return _DEFAULT_B
    return float(np.clip(trial_b + fitted.b_factor, 5.0, 400.0))
