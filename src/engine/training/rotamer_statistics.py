"""Rotamer contours from crystal structures of the training split.

Run as ``python -m adp3d.training.rotamer_statistics DATA_FOLDER OUT``: DATA_FOLDER holds the
``chains_full_*.npz`` shards, OUT is the ``rotamers.npz`` that validation ships.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..contract.errors import InputError
from ..validation.amino_acids import CHI_PATHS, SIDE_CHAIN_BONDS
from ..validation.c_beta import c_beta_deviation
from ..validation.rotamers import RotamerContours, chi_periods
from ..validation.torsions import dihedral
from .ramachandran_statistics import AtomSample, crystal_atoms

__all__ = ["ATOM14", "TYPES", "ChiSample", "chi_density", "chi_samples", "main", "rotamer_contours", "write_rotamers"]

Array = NDArray[np.float64]
ChiSample = tuple[Array, NDArray[np.int64]]
"""Chi angles (M, D) in degrees of one residue type, and the cluster (M,) of the chain of each."""

TYPES = tuple(sorted(set(CHI_PATHS) - {"MSE"}))

SPACING: Mapping[int, float] = {1: 3.0, 2: 6.0, 3: 12.0, 4: 20.0}
"""Distance in degrees of the grid points by number of chi angles: as fine as 200 kB allow."""

WIDTH: Mapping[int, float] = {1: 3.0, 2: 5.0, 3: 9.0, 4: 12.0}
"""Typical standard deviation in degrees of the smoothing kernels; rotamers are some 10 degrees wide."""

FACTORS = (0.67, 1.0, 1.5, 2.2)
"""Widths of the kernels relative to `WIDTH`, from dense to sparse regions."""

FAVOURED_MASS, ALLOWED_MASS = 0.98, 0.997
FOLDS = 4
FLOOR = 1e-4
"""Density added everywhere, relative to a uniform one."""

STEP = 0.2
"""Resolution of the stored log densities, a factor of 1.1 either way."""

RESOLUTION, LARGEST_B, LARGEST_DEVIATION = 1.8, 30.0, 0.12
"""Angstrom, A^2 of CA, and angstrom of CB: which residues are trusted. A side chain that was built the wrong way round
pulls its CB away (Lovell et al. 2003, Proteins 50, 437); with these few in the data, their places would be allowed."""

ATOM14: Mapping[str, tuple[str, ...]] = {
    name: ("N", "CA", "C", "O", *dict.fromkeys(b for _, b in bonds if b != "N"))
    for name, bonds in SIDE_CHAIN_BONDS.items()
}
"""Names of the slots of the shards by residue type: the bonds are listed in an order that gives that of atom14."""


def chi_samples(chains: Iterable[AtomSample]) -> dict[str, ChiSample]:
    """Chi angles of all side chains without a missing atom and with CB in its place, by residue type."""
    angles: dict[str, list[Array]] = defaultdict(list)
    clusters: dict[str, list[NDArray[np.int64]]] = defaultdict(list)
    slots = {
        gemmi.find_tabulated_residue(name).one_letter_code: (name, [ATOM14[name].index(a) for a in CHI_PATHS[name]])
        for name in TYPES
    }
    for chain in chains:
        codes = np.array(list(chain.sequence))
        for code, (name, path) in slots.items():
            atoms = chain.x[codes == code]
            sound = c_beta_deviation([name] * len(atoms), atoms[:, :4], atoms[:, 4]) <= LARGEST_DEVIATION
            points = atoms[sound][:, path]
            chi = dihedral(points[:, :-3], points[:, 1:-2], points[:, 2:-1], points[:, 3:])
            chi = chi[np.isfinite(chi).all(-1)]
            angles[name].append(chi)
            clusters[name].append(np.full(len(chi), chain.cluster))
    return {name: (np.concatenate(angles[name]), np.concatenate(clusters[name])) for name in angles}


def chi_density(chi: Array, weights: Array, periods: Array) -> Array:
    """Adaptive periodic kernel estimate of the density relative to a uniform one; shape (G_1, ..., G_D).

    Every residue is spread by a Gaussian whose width falls with the density to the power 1 / (D + 2), as estimated by
    a kernel of fixed width first (I. Abramson 1982, Ann. Stat. 10, 1217, has 1/2 for every D, which in four dimensions
    leaves the kernels of rare rotamers too wide to tell them from what is between), rounded to one of `FACTORS`.

    Parameters
    ----------
    chi : ndarray, shape (M, D)
        Degrees.
    weights : ndarray, shape (M,)
        Positive weight of each residue.
    periods : ndarray, shape (D,)
        Degrees.
    """
    count = chi.shape[1]
    shape = tuple(np.rint(periods / SPACING[count]).astype(int).tolist())
    index = np.rint(np.mod(chi, periods) * shape / periods).astype(np.int64) % shape
    flat = np.ravel_multi_index(tuple(index.T), shape)
    size = int(np.prod(shape))
    histogram = np.bincount(flat, weights, size).reshape(shape) * size / weights.sum()
    base = WIDTH[count] / SPACING[count]
    pilot = gaussian_filter(histogram, base * FACTORS[2], mode="wrap")
    mean = np.exp((histogram * np.log(np.maximum(pilot, 1e-12))).sum() / size)
    factor = np.maximum(pilot / mean, 1e-12) ** (-1.0 / (count + 2))
    nearest = np.abs(np.log(factor)[..., None] - np.log(FACTORS)).argmin(-1)
    smooth = np.full(shape, FLOOR)
    for row, width in enumerate(FACTORS):
        smooth += gaussian_filter(np.where(nearest == row, histogram, 0.0), base * width, mode="wrap")
    return smooth


def rotamer_contours(name: str, sample: ChiSample) -> RotamerContours:
    """Contours of one residue type.

    Chains of large clusters count less: the weight of a cluster grows with the square root of its residues. The levels
    are those that enclose `FAVOURED_MASS` and `ALLOWED_MASS` of residues that the density was *not* made of, one of
    `FOLDS` parts of the clusters after the other: a residue in a sparse region would otherwise stand on its own kernel.

    Raises
    ------
    InputError
        If the sample has too few clusters.
    """
    chi, clusters = sample
    periods = chi_periods(name)
    kinds, inverse, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    if len(kinds) < FOLDS:
        raise InputError(f"The chains given have too few {name} residues; give more chains.")
    weights = 1.0 / np.sqrt(sizes[inverse])
    fold = inverse % FOLDS
    level = np.empty(len(chi))
    for part in range(FOLDS):
        held = fold == part
        log_density = np.log(chi_density(chi[~held], weights[~held], periods))
        level[held] = RotamerContours(log_density, 0.0, 0.0, periods).evaluate(chi[held])
    order = np.argsort(-level)
    mass = np.cumsum(weights[order]) / weights.sum()
    favoured, allowed = (
        float(level[order[min(len(order) - 1, int(np.searchsorted(mass, share)))]])
        for share in (FAVOURED_MASS, ALLOWED_MASS)
    )
    code = np.clip(np.rint((np.log(chi_density(chi, weights, periods)) - np.log(FLOOR)) / STEP), 0, 255)
    return RotamerContours(np.log(FLOOR) + STEP * code, favoured, allowed, periods)


def write_rotamers(contours: Mapping[str, RotamerContours], counts: Mapping[str, int], path: Path) -> None:
    """Store contours in 8 bits per grid point, without loss (`rotamer_contours` has rounded them)."""
    names = sorted(contours)
    tables = {n: np.rint((contours[n].log_density - np.log(FLOOR)) / STEP).astype(np.uint8) for n in names}
    np.savez_compressed(
        path,
        names=np.array(names),
        offset=np.log(FLOOR),
        step=STEP,
        favoured=np.array([contours[n].favoured for n in names]),
        allowed=np.array([contours[n].allowed for n in names]),
        counts=np.array([counts[n] for n in names]),
        **tables,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: read the shards, print the counts, write the contours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    samples = chi_samples(crystal_atoms(options.data_folder, resolution=RESOLUTION, largest_b=LARGEST_B))
    contours = {name: rotamer_contours(name, sample) for name, sample in samples.items()}
    counts = {name: len(chi) for name, (chi, _) in samples.items()}
    write_rotamers(contours, counts, options.out)
    print(", ".join(f"{name} {counts[name]}" for name in sorted(counts)))


if __name__ == "__main__":
    main()
