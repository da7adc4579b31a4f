"""Rotamers by backbone torsions, from crystal structures of the training split.

Run as ``python -m adp3d.training.backbone_rotamer_statistics DATA_FOLDER OUT``: DATA_FOLDER holds
``chains_full_*.npz`` shards, OUT is the ``backbone_rotamers.npz`` that `adp3d.rotamers` ships.

A side chain counts for the peak of its type's contours that is nearest. With w the weight of residue j at a point of
the grid, which falls with the distance of its phi and psi as a von Mises distribution does,

    p(rotamer) = (sum of w over its residues + n p_0) / (sum of w + n),

p_0 being its frequency anywhere; its mean torsions likewise.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..rotamers.backbone_library import BackboneRotamers
from ..rotamers.library import contours_of, peaks_of
from ..sidechain.geometry_table import geometry_table
from ..sidechain.measure import measure_chi
from ..sidechain.templates import MSE, RESIDUE_NAMES
from ..structure.polymer import AMINO_ACIDS
from ..validation.torsions import backbone_torsions
from .ramachandran_statistics import AtomSample, crystal_atoms

__all__ = ["RotamerSample", "backbone_table", "main", "rotamer_samples", "write_table"]

Array = NDArray[np.float64]

RESOLUTION, LARGEST_B = 2.2, 50.0
"""Angstrom, and A^2 of CA: which residues count. More of them serve better here than better ones."""
GRID = 24
"""Points per turn, 15 degrees apart."""
WIDTH = np.deg2rad(15.0)
"""Standard deviation of the weights in radians; 10 and 20 degrees do as well on validation chains."""
PRIOR, PRIOR_MEAN = 10.0, 5.0
"""Residues for which frequencies, and mean torsions, anywhere count."""
FURTHEST = np.deg2rad(60.0)
"""Radians of any chi from the nearest peak, beyond which a side chain has no rotamer."""
USUAL, USUAL_COUNT = np.deg2rad(12.0), 10.0
"""Standard deviation of torsions about their rotamer where little is known, and for how many residues it counts."""
LARGEST = np.deg2rad(40.0)
"""Radians at which deviations are cut off in standard deviations."""
LOG_STEP, DEGREES = 0.05, 0.5
"""Units in which logarithms of probabilities, and degrees of means, are stored."""


@dataclass(frozen=True)
class RotamerSample:
    """M side chains of a type: backbone torsions phi and psi (M,), and chi (M, D), all in radians."""

    phi: Array
    psi: Array
    chi: Array


def rotamer_samples(chains: Iterable[AtomSample]) -> dict[int, RotamerSample]:
    """Whole side chains whose phi and psi are defined, by residue type."""
    found: dict[int, list[Array]] = defaultdict(list)
    table = geometry_table()
    for chain in chains:
        torsions = backbone_torsions(chain.x[:, :4], chain.linked)
        aatype = torch.tensor([AMINO_ACIDS.index(code) for code in chain.sequence])
        there = torch.from_numpy(np.isfinite(chain.x).all(-1))
        chi, known = measure_chi(torch.from_numpy(np.nan_to_num(chain.x)), aatype, there)
        exists = table.chi_exists[aatype]
        whole = ((known | ~exists).all(-1) & exists.any(-1)).numpy()
        whole &= np.isfinite(torsions.phi) & np.isfinite(torsions.psi)
        rows = np.column_stack([np.deg2rad(torsions.phi), np.deg2rad(torsions.psi), chi.numpy()])
        for kind in np.unique(aatype.numpy()[whole]).tolist():
            found[kind].append(rows[whole & (aatype.numpy() == kind)])
    joined = {kind: np.concatenate(parts) for kind, parts in found.items()}
    return {
        kind: RotamerSample(rows[:, 0], rows[:, 1], rows[:, 2 : 2 + int(table.chi_exists[kind].sum())])
        for kind, rows in joined.items()
    }


def backbone_table(kind: int, sample: RotamerSample) -> BackboneRotamers:
    """Rotamers of a residue type (row of `RESIDUE_NAMES`) by backbone torsions."""
    contours = contours_of()[kind]
    period = np.deg2rad(contours.periods)
    peaks = peaks_of(contours)[:, : period.size]
    off = sample.chi[:, None] - peaks
    off -= period * np.rint(off / period)
    nearest = np.square(off).sum(-1).argmin(1)
    off = off[np.arange(len(off)), nearest]
    kept = np.abs(off).max(-1) < FURTHEST
    phi, psi, off, nearest = sample.phi[kept], sample.psi[kept], off[kept], nearest[kept]
    own = np.eye(len(peaks))[nearest]
    count = own.sum(0)
    anywhere = (count + 0.5) / (count + 0.5).sum()
    mean = (own.T @ off) / np.maximum(count, 1.0)[:, None]
    points = np.deg2rad(np.arange(GRID) * 360.0 / GRID - 180.0)
    from_phi, from_psi = (np.exp((np.cos(points[:, None] - each) - 1.0) / WIDTH**2) for each in (phi, psi))
    around = np.einsum("am,bm,mr->abr", from_phi, from_psi, own, optimize=True)
    moved = np.stack(
        [np.einsum("am,bm,mr->abr", from_phi, from_psi, own * part[:, None], optimize=True) for part in off.T], -1
    )
    probability = (around + PRIOR * anywhere) / (around.sum(-1, keepdims=True) + PRIOR)
    local = (moved + PRIOR_MEAN * mean) / (around + PRIOR_MEAN)[..., None]
    i, j = (np.rint((np.rad2deg(each) + 180.0) * GRID / 360.0).astype(np.int64) % GRID for each in (phi, psi))
    left = np.minimum(np.abs(off - local[i, j, nearest]), LARGEST)
    spread = np.sqrt((own.T @ left**2 + USUAL_COUNT * USUAL**2) / (count + USUAL_COUNT)[:, None])
    return BackboneRotamers(probability, peaks + local, spread, period)


def write_table(tables: Mapping[int, BackboneRotamers], path: Path) -> None:
    """Write the file that `adp3d.rotamers.backbone_library` reads."""
    names = [RESIDUE_NAMES[kind] for kind in tables]
    arrays: dict[str, NDArray[np.generic]] = {
        "names": np.array(names), "log_step": np.array(LOG_STEP), "degrees": np.array(DEGREES)
    }  # fmt: skip
    for kind, table in tables.items():
        name = RESIDUE_NAMES[kind]
        peak = np.rad2deg(peaks_of(contours_of()[kind])[:, : table.period.size]).astype(np.float32)
        off = np.rint((np.rad2deg(table.chi) - peak) / DEGREES)
        arrays[f"{name}_peak"] = peak
        arrays[f"{name}_log"] = np.minimum(np.rint(-np.log(table.probability) / LOG_STEP), 255).astype(np.uint8)
        arrays[f"{name}_off"] = np.clip(off, -127, 127).astype(np.int8)
        arrays[f"{name}_spread"] = np.rad2deg(table.spread).astype(np.float16)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: read the shards, count, write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_folder", type=Path, help="folder with chains_full_*.npz")
    parser.add_argument("out", type=Path, help="NPZ file to write")
    options = parser.parse_args(arguments)
    samples = rotamer_samples(crystal_atoms(options.data_folder, resolution=RESOLUTION, largest_b=LARGEST_B))
    types = [kind for kind in contours_of() if kind != MSE]
    missing = [RESIDUE_NAMES[kind] for kind in types if kind not in samples]
    if missing:
        raise InputError(f"{options.data_folder} has no whole side chain of {', '.join(missing)}.")
    write_table({kind: backbone_table(kind, samples[kind]) for kind in types}, options.out)
    print(f"{sum(len(sample.phi) for sample in samples.values())} side chains")


if __name__ == "__main__":
    main()
