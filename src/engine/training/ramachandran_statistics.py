"""Ramachandran contours from crystal structures of the training split.

Run as ``python -m adp3d.training.ramachandran_statistics DATA_FOLDER OUT``: DATA_FOLDER holds the
``chains_full_*.npz`` shards, OUT is the ``ramachandran.npz`` that validation ships.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..contract.errors import InputError
from ..validation.ramachandran import KINDS, Contours, residue_kinds
from ..validation.torsions import backbone_torsions

__all__ = [
    "AtomSample",
    "TorsionSample",
    "crystal_atoms",
    "crystal_chains",
    "density",
    "main",
    "statistics",
    "write_contours",
]

GRID = 90
"""Points per turn of the stored grid (4 degrees); densities are estimated at twice that."""

FAVOURED_MASS, ALLOWED_MASS = 0.98, 0.998
BANDWIDTHS = (3.0, 4.5, 7.0, 10.0, 14.0)
"""Standard deviations in degrees of the smoothing kernels, from dense to sparse regions."""

FLOOR = 1e-9
"""Density per square degree added everywhere; uniform would be 7.7e-6."""

STEP = 0.065
"""Resolution of the stored log densities: 8 bits reach from `FLOOR` to 0.016 per square degree."""

AMINO_ACIDS = "ARNDCQEGHILKMFPSTWYV"


@dataclass(frozen=True)
class TorsionSample:
    """One chain's backbone (L, 4, 3) in A (NaN where missing), sequence, links and sampling cluster."""

    x: NDArray[np.float64]
    sequence: str
    linked: NDArray[np.bool_]
    cluster: int


@dataclass(frozen=True)
class AtomSample:
    """One chain's heavy atoms (L, 14, 3) in A, atom14 slots, NaN where missing; the rest as in `TorsionSample`."""

    x: NDArray[np.float64]
    sequence: str
    linked: NDArray[np.bool_]
    cluster: int


def crystal_chains(
    folder: Path, split: str = "train", resolution: float = 2.0, largest_b: float = 40.0
) -> Iterator[TorsionSample]:
    """Backbones of `crystal_atoms`, whose parameters and errors it has."""
    for chain in crystal_atoms(folder, split, resolution, largest_b):
        yield TorsionSample(chain.x[:, :4], chain.sequence, chain.linked, chain.cluster)


def crystal_atoms(
    folder: Path, split: str = "train", resolution: float = 2.0, largest_b: float = 40.0
) -> Iterator[AtomSample]:
    """Read X-ray chains of a split at `resolution` A or better, one per 90 % identity cluster.

    Residues with a CA B-factor above `largest_b` A^2 are blanked: their torsions are poorly determined. Chains that a
    ``leave_out.tsv`` beside the shards lists (columns shard, row) are left out.

    Raises
    ------
    InputError
        If the folder has no ``chains_full_*.npz`` shard.
    """
    shards = sorted(folder.glob("chains_full_*.npz"))
    if not shards:
        raise InputError(f"{folder} holds no chains_full_*.npz; give the folder of the structure shards.")
    table = folder / "leave_out.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()[1:] if table.is_file() else []
    left_out = {tuple(line.split("\t")[:2]) for line in lines}
    for shard in shards:
        with np.load(shard) as z:
            data = {name: z[name] for name in z.files}
        wanted = (
            (data["split"] == split)
            & (data["method"] == "XRAY")
            & data["rep90"].astype(bool)
            & (data["resolution"] > 0)
            & (data["resolution"] <= resolution)
        )
        for chain in np.flatnonzero(wanted):
            if (shard.name, str(chain)) in left_out:
                continue
            residues = slice(*data["res_ptr"][chain : chain + 2])
            atoms = slice(*data["atom_ptr"][chain : chain + 2])
            mask = ((data["atommask"][residues, None] >> np.arange(14)) & 1).astype(bool)
            x = np.full((*mask.shape, 3), np.nan)
            x[mask] = data["xyz"][atoms] * 0.01
            x[data["bfac"][residues] > largest_b] = np.nan
            sequence = "".join(AMINO_ACIDS[code] for code in data["aatype"][residues])
            linked = ~data["brk"][residues].astype(bool)[:-1]
            yield AtomSample(x, sequence, linked, int(data["c40"][chain]))


def density(
    phi: NDArray[np.float64], psi: NDArray[np.float64], weights: NDArray[np.float64], grid: int = GRID
) -> NDArray[np.float64]:
    """Adaptive periodic kernel estimate of the density per square degree; shape (grid, grid).

    Every residue is spread by a Gaussian whose width falls with the square root of a pilot density
    (I. Abramson 1982, Ann. Stat. 10, 1217), rounded to one of `BANDWIDTHS`.

    Parameters
    ----------
    phi, psi : ndarray, shape (M,)
        Torsions in degrees.
    weights : ndarray, shape (M,)
        Positive weight of each residue.
    grid : int
        Points per turn of the result.
    """
    fine = 2 * grid
    cell = 360.0 / fine
    # Nearest grid point, so that the density sits at the points and not half a cell off.
    i = np.rint((phi + 180.0) / cell).astype(np.int64) % fine
    j = np.rint((psi + 180.0) / cell).astype(np.int64) % fine
    histogram = np.bincount(i * fine + j, weights, fine * fine).reshape(fine, fine) / weights.sum()
    pilot = gaussian_filter(histogram, BANDWIDTHS[2] / cell, mode="wrap")
    relative = np.sqrt(pilot / np.exp((histogram * np.log(np.maximum(pilot, 1e-12))).sum()))
    width = np.clip(BANDWIDTHS[1] / np.maximum(relative, 1e-6), BANDWIDTHS[0], BANDWIDTHS[-1])
    nearest = np.abs(np.log(width)[..., None] - np.log(BANDWIDTHS)).argmin(-1)
    smooth = sum(
        (
            gaussian_filter(np.where(nearest == k, histogram, 0.0), sigma / cell, mode="wrap")
            for k, sigma in enumerate(BANDWIDTHS)
        ),
        start=np.zeros_like(histogram),
    )
    reduced: NDArray[np.float64] = (smooth / cell**2 + FLOOR)[::2, ::2]
    return reduced


def statistics(samples: Sequence[TorsionSample]) -> tuple[Contours, NDArray[np.int64]]:
    """Contours over the four kinds of residue, and the number of residues behind each.

    Each cluster of similar chains has weight 1 per position, shared among its chains.

    Raises
    ------
    InputError
        If a kind of residue does not occur.
    """
    clusters = np.array([sample.cluster for sample in samples])
    sizes = dict(zip(*np.unique(clusters, return_counts=True), strict=True))
    columns = []
    for sample in samples:
        torsions = backbone_torsions(sample.x, sample.linked)
        use = np.isfinite(torsions.phi) & np.isfinite(torsions.psi)
        kinds = residue_kinds(sample.sequence, sample.linked)
        weight = np.full(kinds.size, 1.0 / sizes[sample.cluster])
        columns.append(np.stack([torsions.phi, torsions.psi, weight, kinds])[:, use])
    phi, psi, weights, kinds = np.concatenate(columns, axis=1)
    log_density, favoured, allowed, counts = [], [], [], []
    for kind, name in enumerate(KINDS):
        mine = kinds == kind
        if not mine.any():
            raise InputError(f"The chains given have no {name} residue; give more chains.")
        table = _rounded(np.log(density(phi[mine], psi[mine], weights[mine])))
        single = Contours(table[None], np.zeros(1), np.zeros(1))
        level = single.evaluate(phi[mine], psi[mine], np.zeros(1, np.int64))
        order = np.argsort(-level)
        mass = np.cumsum(weights[mine][order]) / weights[mine].sum()
        last = order.size - 1
        favoured.append(level[order[min(last, int(np.searchsorted(mass, FAVOURED_MASS)))]])
        allowed.append(level[order[min(last, int(np.searchsorted(mass, ALLOWED_MASS)))]])
        log_density.append(table)
        counts.append(mine.sum())
    return Contours(np.array(log_density), np.array(favoured), np.array(allowed)), np.array(counts)


def write_contours(contours: Contours, counts: NDArray[np.int64], path: Path) -> None:
    """Store the contours in 8 bits per grid point, without loss (`statistics` has rounded them)."""
    coded = np.rint((contours.log_density - np.log(FLOOR)) / STEP).astype(np.uint8)
    np.savez_compressed(
        path,
        log_density=coded,
        offset=np.log(FLOOR),
        step=STEP,
        favoured=contours.favoured,
        allowed=contours.allowed,
        counts=counts,
        kinds=np.array(KINDS),
    )


def _rounded(log_density: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nearest value that 8 bits can hold, so that levels are taken on what will be read back."""
    code = np.clip(np.rint((log_density - np.log(FLOOR)) / STEP), 0, 255)
    rounded: NDArray[np.float64] = np.log(FLOOR) + STEP * code
    return rounded


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: read the shards, print the counts, write the contours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_folder", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    samples = list(crystal_chains(options.data_folder))
    contours, counts = statistics(samples)
    write_contours(contours, counts, options.out)
    found = ", ".join(f"{name} {n}" for name, n in zip(KINDS, counts, strict=True))
    print(f"{len(samples)} chains: {found}")


if __name__ == "__main__":
    main()
