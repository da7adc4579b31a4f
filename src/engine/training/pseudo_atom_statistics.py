"""Measure where side chains put their scattering, seen from the backbone: data for pseudo-atoms.

For each residue type the positions of all side-chain heavy atoms beyond CB, in the frame of N, CA and C,
are described by a mixture of three isotropic Gaussians weighted by the atoms' scattering. Placed on a
backbone, the mixture is the expected density of a side chain whose torsions are unknown.

Run as ``python -m adp3d.training.pseudo_atom_statistics DATA_FOLDER OUT``; DATA_FOLDER holds shards
``chains_full_*.npz`` and OUT is the JSON file to write.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..physics.form_factors import electron_form_factors
from ..structure.polymer import AMINO_ACIDS

__all__ = ["fit_mixture", "main", "measure"]

Array = NDArray[np.float64]

# Elements of the side-chain heavy atoms in the shards' slot order (slot 4 is CB).
SIDE_CHAIN_ELEMENTS = {
    "A": "C", "R": "CCCNCNN", "N": "CCON", "D": "CCOO", "C": "CS", "Q": "CCCON", "E": "CCCOO", "G": "",
    "H": "CCNCCN", "I": "CCCC", "L": "CCCC", "K": "CCCCN", "M": "CCSC", "F": "CCCCCCC", "P": "CCC",
    "S": "CO", "T": "COC", "W": "CCCCNCCCCC", "Y": "CCCCCCCO", "V": "CCC",
}  # fmt: skip
N_SLOTS = 14
MAX_RESOLUTION = 2.5
MAX_B_FACTOR = 60
N_SITES = 3
"""Gaussians per residue type: as many as chi1 has rotamers, which also suits the long side chains."""
MIN_SIGMA = 0.1
"""Smallest spread of a site in A."""
MAX_RESIDUES = 4000
"""Residues of one type that enter the fit."""


def _chains(folder: Path) -> Iterator[tuple[int, NDArray[np.uint8], Array, NDArray[np.bool_]]]:
    """Yield cluster, types (L,), coordinates (L, 14, 3) in A and presence (L, 14) of training chains."""
    shards = sorted(folder.glob("chains_full_*.npz"))
    if not shards:
        raise InputError(f"No chains_full_*.npz in {folder}; give the folder of the structure shards.")
    for shard in shards:
        data = dict(np.load(shard))
        usable = (data["split"] == "train") & (data["method"] == "XRAY") & (data["tier"] < 3)
        usable &= (data["resolution"] > 0) & (data["resolution"] <= MAX_RESOLUTION)
        for i in np.flatnonzero(usable):
            residues = slice(*data["res_ptr"][i : i + 2])
            atoms = slice(*data["atom_ptr"][i : i + 2])
            present = (data["atommask"][residues, None] >> np.arange(N_SLOTS) & 1).astype(bool)
            xyz = np.zeros((len(present), N_SLOTS, 3))
            xyz[present] = data["xyz"][atoms] * 0.01
            present[data["bfac"][residues] > MAX_B_FACTOR] = False
            yield int(data["c40"][i]), data["aatype"][residues], xyz, present


def _in_backbone_frame(xyz: Array) -> Array:
    """Coordinates (L, atoms, 3) in the frame at CA: axes towards C, towards N, and their cross product."""
    ca = xyz[:, 1]
    to_c, to_n = xyz[:, 2] - ca, xyz[:, 0] - ca
    e1 = to_c / np.linalg.norm(to_c, axis=-1, keepdims=True)
    e2 = to_n - (to_n * e1).sum(-1, keepdims=True) * e1
    e2 /= np.linalg.norm(e2, axis=-1, keepdims=True)
    frame = np.stack([e1, e2, np.cross(e1, e2)], axis=1)
    result: Array = np.einsum("rij,raj->rai", frame, xyz - ca[:, None])
    return result


def collect(folder: Path, rng: np.random.Generator) -> dict[str, Array]:
    """Side-chain positions (residues, atoms, 3) in the backbone frame, by one-letter code.

    One chain per sequence cluster, residues complete, at most `MAX_RESIDUES` of a type.
    """
    found: dict[str, list[Array]] = {code: [] for code in AMINO_ACIDS}
    seen: set[int] = set()
    for cluster, aatype, xyz, present in _chains(folder):
        if cluster in seen:
            continue
        seen.add(cluster)
        for index, code in enumerate(AMINO_ACIDS):
            n_atoms = 4 + len(SIDE_CHAIN_ELEMENTS[code])
            chosen = (aatype == index) & present[:, :n_atoms].all(1)
            if n_atoms > 4 and chosen.any():
                found[code].append(_in_backbone_frame(xyz[chosen, :n_atoms])[:, 4:])
    sites: dict[str, Array] = {}
    for code, parts in found.items():
        if parts:
            positions = np.concatenate(parts)
            sites[code] = positions[rng.permutation(len(positions))[:MAX_RESIDUES]]
    return sites


def fit_mixture(
    points: Array,
    weights: Array,
    n_sites: int,
    rng: np.random.Generator,
    restarts: int = 6,
    iterations: int = 60,
) -> tuple[float, Array, Array, Array]:
    """Weighted mixture of isotropic Gaussians by expectation maximisation, best of several starts.

    Parameters
    ----------
    points : ndarray of float64, shape (P, 3)
        Positions in A.
    weights : ndarray of float64, shape (P,)
        Weight of each position.
    n_sites : int
        Number of Gaussians K.
    rng : numpy.random.Generator
        Source of the starts.
    restarts, iterations : int
        Number of starts, and of steps from each.

    Returns
    -------
    log_likelihood : float
        Weighted mean log-density of a position.
    share : ndarray, shape (K,)
        Fraction of the weight in each Gaussian, largest first.
    centre : ndarray, shape (K, 3)
        Centres in A.
    sigma : ndarray, shape (K,)
        Standard deviations per axis in A.
    """
    weights = weights / weights.sum()
    best: tuple[float, Array, Array, Array] | None = None
    for _ in range(restarts):
        centre = points[rng.choice(len(points), n_sites, replace=False, p=weights)]
        share, variance = np.full(n_sites, 1 / n_sites), np.full(n_sites, 1.0)
        for _ in range(iterations):
            square = ((points[:, None] - centre) ** 2).sum(-1)
            log_joint = np.log(share) - 1.5 * np.log(2 * np.pi * variance) - square / (2 * variance)
            log_density = np.logaddexp.reduce(log_joint, axis=1)
            mass = np.exp(log_joint - log_density[:, None]) * weights[:, None]
            share = np.maximum(mass.sum(0), 1e-6)
            centre = mass.T @ points / share[:, None]
            square = ((points[:, None] - centre) ** 2).sum(-1)
            variance = np.maximum((mass * square).sum(0) / (3 * share), MIN_SIGMA**2)
        score = float(weights @ log_density)
        if best is None or score > best[0]:
            order = np.argsort(-share)
            best = score, share[order], centre[order], np.sqrt(variance[order])
    assert best is not None
    return best


def measure(folder: Path, seed: int = 0) -> dict[str, object]:
    """Statistics of every residue type, ready to be written as JSON.

    Parameters
    ----------
    folder : Path
        Holds the shards ``chains_full_*.npz``.
    seed : int
        Seed of the subsampling and of the fits.

    Returns
    -------
    dict
        ``residues[code]``: number of residues, ``cb`` (mean position in A, absent for glycine) and
        ``sites`` (``position`` in A, ``sigma`` in A per axis, ``weight`` in carbon atoms by f(0)).

    Raises
    ------
    InputError
        If the folder has no shards, or a residue type is missing from them.
    """
    rng = np.random.default_rng(seed)
    carbon = electron_form_factors("C")[0].sum()
    positions = collect(folder, rng)
    missing = [code for code in AMINO_ACIDS if code != "G" and code not in positions]
    if missing:
        raise InputError(f"The shards in {folder} have no complete residues of type {', '.join(missing)}.")
    residues: dict[str, object] = {"G": {"n_residues": 0, "cb": None, "sites": []}}
    for code, xyz in positions.items():
        weight = electron_form_factors(SIDE_CHAIN_ELEMENTS[code][1:])[0].sum(-1) / carbon
        sites = []
        if len(weight):
            points, weights = xyz[:, 1:].reshape(-1, 3), np.tile(weight, len(xyz))
            _, *mixture = fit_mixture(points, weights, N_SITES, rng)
            sites = [
                {
                    "position": np.round(centre, 3).tolist(),
                    "sigma": round(float(sigma), 3),
                    "weight": round(float(share * weight.sum()), 3),
                }
                for share, centre, sigma in zip(*mixture, strict=True)
            ]
        cb = np.round(xyz[:, 0].mean(0), 3).tolist()
        residues[code] = {"n_residues": len(xyz), "cb": cb, "sites": sites}
    return {
        "format": 1,
        "frame": "origin CA, axis 1 along CA-C, axis 2 in the plane of N towards N, axis 3 = axis 1 x axis 2",
        "units": "angstrom; weight in carbon atoms by f(0) of electrons",
        "data": f"X-ray chains to {MAX_RESOLUTION} A, B <= {MAX_B_FACTOR} A^2, one per 40 % identity "
        "cluster, training split only",
        "residues": {code: residues[code] for code in AMINO_ACIDS},
    }


def main(arguments: list[str] | None = None) -> None:
    """Command line: measure the shards in a folder and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data_folder", type=Path, help="folder with chains_full_*.npz")
    parser.add_argument("out", type=Path, help="JSON file to write")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    statistics = measure(options.data_folder, options.seed)
    options.out.write_text(json.dumps(statistics, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
