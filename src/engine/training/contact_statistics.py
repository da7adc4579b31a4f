"""Fit how likely contacts of side chains are, from crystal structures of the training split.

Run as ``python -m adp3d.training.contact_statistics DATA_FOLDER OUT``: DATA_FOLDER holds ``chains_full_*.npz`` shards,
OUT is the ``contacts.npz`` that `adp3d.rotamers` ships.

For each residue the rotamers of the library are put on its backbone amid all other residues as they are; each may turn
its first two chi by 14 degrees if it runs into less then. With E the sum of contacts and f the log density of chi where
the backbone is (`adp3d.rotamers.backbone_library`),

    p(rotamer) = exp(-E + a f) / sum over rotamers of exp(-E + a f),

and the table of contacts, the share of the repulsion and a are those that make the rotamers that the crystals have
likeliest: a conditional logit, convex, with a Gaussian prior on the entries and on the steps from one to the next.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, vstack
from scipy.spatial import cKDTree

from ..contract.errors import InputError
from ..rotamers.backbone_library import backbone_rotamers
from ..rotamers.contacts import FIRST, NODES, REACH, STEP
from ..rotamers.kinds import BESIDE, N_MOVING, beside, kinds_of
from ..rotamers.library import chi_log_density, rotamers_of
from ..rotamers.repulsion import repulsion
from ..sidechain.build import build_side_chains
from ..sidechain.geometry_table import geometry_table
from ..sidechain.measure import chi_difference, measure_chi
from ..sidechain.templates import BACKBONE, CHIS, RESIDUE_NAMES
from ..structure.polymer import AMINO_ACIDS
from ..validation.torsions import backbone_torsions
from .ramachandran_statistics import AtomSample, crystal_atoms

__all__ = ["PARAMETERS", "Choices", "choices_of", "fit", "main", "table_of"]

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

RESOLUTION, LARGEST_B = 1.9, 80.0
"""Angstrom, and A^2 of CA: residues beyond are blanked, and not seen as neighbours either."""
LEAST, MOST = 60, 500
"""Residues of a chain: contacts with other chains are not seen, of which short ones have most."""
PEAKS = 10
"""Rotamers of a residue, the likeliest ones, and the true one in any case."""
NEAR = np.deg2rad(40.0)
"""Radians; residues of which no rotamer is nearer, in all chi, are left out."""
TURNED = 0.68
"""Nats that turning by 14 degrees costs, at a standard deviation of 12."""
PRIOR, SMOOTH = 2.0, 2.0
"""Precision of entries, and of steps between neighbouring distances, in nats^-2; not fine-tuned. In a fit to some 150
chains, factors of two either way in both change the log-likelihood of training chains left out by 0.005 nats a residue;
a smoother table (2 and 8) gains 0.01."""
_KINDS_AROUND = BESIDE + 5
_COLUMNS = 3


def _pairs() -> Numbers:
    """Numbers (N_MOVING, kinds around) of pairs of kinds; those of two side chains are the same either way."""
    table = np.full((N_MOVING, _KINDS_AROUND), -1)
    count = 0
    for i in range(N_MOVING):
        for j in range(_KINDS_AROUND):
            if i > j:
                table[i, j] = table[j, i]
            else:
                table[i, j], count = count, count + 1
    return table


_PAIR = _pairs()
_N_PAIRS = int(_PAIR.max()) + 1
PARAMETERS = _N_PAIRS * NODES + _COLUMNS
"""Entries of the table, then the shares of the repulsion of residues apart and bonded, then minus a."""


@dataclass(frozen=True)
class Choices:
    """Rotamers of M residues, R in all.

    Attributes
    ----------
    features : csr_matrix, shape (R, `PARAMETERS`)
        Times the parameters: the energies.
    counts : ndarray of int64, shape (M,)
        Rotamers of each residue.
    right : ndarray of int64, shape (M,)
        Rows of those that the crystals have.
    """

    features: csr_matrix
    counts: Numbers
    right: Numbers


def choices_of(chain: AtomSample) -> Choices | None:
    """Rotamers of the residues of one chain; None if it has none whose side chains are whole."""
    there = np.isfinite(chain.x).all(-1)
    x = torch.from_numpy(np.nan_to_num(chain.x)).float()
    aatype = torch.tensor([AMINO_ACIDS.index(code) for code in chain.sequence])
    proposed = _proposed(x, torch.from_numpy(there), aatype)
    if proposed is None:
        return None
    owner, chi, counts, right = proposed
    atoms = build_side_chains(x[owner, : len(BACKBONE)], aatype[owner], chi)[:, len(BACKBONE) + 1 :]
    moving = kinds_of(aatype[owner])[:, len(BACKBONE) + 1 :]
    row, slot = torch.nonzero(moving >= 0, as_tuple=True)
    points, kind = atoms[row, slot].double().numpy(), moving[row, slot]
    residue, _ = np.nonzero(there)
    around, kind_around = chain.x[there], kinds_of(aatype)[torch.from_numpy(there)]
    near = cKDTree(around).query_ball_point(points, REACH)
    p = np.repeat(np.arange(len(points)), [len(each) for each in near])
    q = np.concatenate([np.asarray(each, np.int64) for each in near])
    own = owner.numpy()[row.numpy()[p]]
    step = residue[q] - own
    linked = np.concatenate([[False], chain.linked, [False]])
    bonded = ((step == 1) & linked[own + 1]) | ((step == -1) & linked[own])
    ring = bonded & (step == -1) & (aatype.numpy()[own] == RESIDUE_NAMES.index("PRO"))
    counted = (step != 0) & ~ring
    p, q, bonded = p[counted], q[counted], bonded[counted]
    kinds = beside(kind_around[q], torch.from_numpy(bonded))
    apart = np.linalg.norm(points[p] - around[q], axis=1)
    wall = repulsion(torch.from_numpy(apart**2), kind[p], kinds).numpy()
    walls = np.zeros((len(owner), 2))
    candidate = row.numpy()[p]
    np.add.at(walls, (candidate, (kinds >= BESIDE).long().numpy()), wall)
    # of each peak the one of five that runs into least
    costs = walls.sum(1).reshape(-1, 5) + np.array([0.0, *[TURNED] * 4])
    best = costs.argmin(1) + 5 * np.arange(len(costs))
    place = np.full(len(owner), -1)
    place[best] = np.arange(len(best))
    kept = place[candidate] >= 0
    at = np.maximum((apart[kept] - FIRST) / STEP, 0.0)
    low = at.astype(np.int64)
    first = _PAIR[kind[p].numpy()[kept], kinds.numpy()[kept]] * NODES
    peaks = np.arange(0, len(owner), 5)
    density = _log_density(chain, aatype[owner[peaks]].numpy(), owner[peaks].numpy(), chi[peaks].numpy())
    rows, columns, values = [], [], []
    for node, share in ((low, 1 - (at - low)), (low + 1, at - low)):
        inside = node < NODES  # the table ends in zero
        rows.append(place[candidate[kept]][inside])
        columns.append(first[inside] + node[inside])
        values.append(share[inside])
    for number, column in enumerate((walls[best, 0], walls[best, 1], density)):
        rows.append(np.arange(len(best)))
        columns.append(np.full(len(best), PARAMETERS - _COLUMNS + number))
        values.append(column)
    index = np.concatenate(rows), np.concatenate(columns)
    features = csr_matrix((np.concatenate(values).astype(np.float32), index), shape=(len(best), PARAMETERS))
    return Choices(features, counts, right)


def _log_density(chain: AtomSample, kind: Numbers, owner: Numbers, chi: NDArray[np.floating]) -> Array:
    """Log density (R,) of rotamers (R, 4) of residues (R,), types given; anywhere where phi or psi is not defined."""
    result = chi_log_density(kind, chi)
    torsions = backbone_torsions(chain.x[:, : len(BACKBONE)], chain.linked)
    tables = backbone_rotamers()
    for i in np.unique(owner).tolist():
        rows = owner == i
        table = tables.get(int(kind[rows][0]))
        if table is not None and np.isfinite([torsions.phi[i], torsions.psi[i]]).all():
            result[rows] = table.at(float(torsions.phi[i]), float(torsions.psi[i])).log_density(chi[rows])
    return result


def _proposed(
    x: torch.Tensor, there: torch.Tensor, aatype: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, Numbers, Numbers] | None:
    """Owners (C,) and torsions (C, 4), five of each peak; peaks of each residue, and the rows of the right ones."""
    table = geometry_table()
    chi, known = measure_chi(x, aatype, there)
    exists = table.chi_exists[aatype]
    whole = (known | ~exists).all(-1) & exists.any(-1) & there[:, : len(BACKBONE) + 1].all(-1)
    owner, torsions, counts, right = [], [], [], []
    first = 0
    for i in torch.nonzero(whole)[:, 0].tolist():
        library = rotamers_of().get(int(aatype[i]))
        if library is None:
            continue
        peaks = torch.as_tensor(library.chi, dtype=torch.float32).unflatten(0, (5, -1))
        off = chi_difference(peaks[0], chi[i].expand(peaks.shape[1], CHIS), aatype[i].expand(peaks.shape[1]))
        off = torch.where(exists[i], off, torch.zeros_like(off)).amax(-1)
        nearest = int(off.argmin())
        if off[nearest] > NEAR:
            continue
        chosen = list(range(min(PEAKS, peaks.shape[1])))
        if nearest not in chosen:
            chosen[-1] = nearest
        owner.append(torch.full((5 * len(chosen),), i))
        torsions.append(peaks[:, chosen].transpose(0, 1).flatten(0, 1))
        counts.append(len(chosen))
        right.append(first + chosen.index(nearest))
        first += len(chosen)
    if not owner:
        return None
    return torch.cat(owner), torch.cat(torsions), np.array(counts), np.array(right)


def _joined(parts: Sequence[Choices]) -> Choices:
    """The choices of several chains."""
    sizes = np.cumsum([0, *[part.features.shape[0] for part in parts]])
    right = [part.right + size for part, size in zip(parts, sizes[:-1], strict=True)]
    counts = np.concatenate([part.counts for part in parts])
    return Choices(csr_matrix(vstack([part.features for part in parts])), counts, np.concatenate(right))


def _log_likelihood(choices: Choices, parameters: Array) -> tuple[float, Array]:
    """Log-likelihood of the right rotamers in nats, and its gradient."""
    energy = np.asarray(choices.features @ parameters.astype(np.float32), np.float64)
    starts = np.concatenate([[0], np.cumsum(choices.counts)[:-1]])
    group = np.repeat(np.arange(len(starts)), choices.counts)
    least = np.minimum.reduceat(energy, starts)
    weight = np.exp(least[group] - energy)
    total = np.add.reduceat(weight, starts)
    left = weight / total[group]
    left[choices.right] -= 1.0
    value = float((least - energy[choices.right] - np.log(total)).sum())
    return value, np.asarray(choices.features.T @ left.astype(np.float32), np.float64)


def fit(choices: Choices, iterations: int = 100) -> Array:
    """The most probable parameters (`PARAMETERS`,)."""

    def cost(parameters: Array) -> tuple[float, Array]:
        value, slope = _log_likelihood(choices, parameters)
        table = parameters[:-_COLUMNS].reshape(_N_PAIRS, NODES)
        step = np.diff(table, axis=1, append=0.0)
        pull = PRIOR * table - SMOOTH * step
        pull[:, 1:] += SMOOTH * step[:, :-1]
        penalty = 0.5 * (PRIOR * (table**2).sum() + SMOOTH * (step**2).sum())
        slope = -slope
        slope[:-_COLUMNS] += pull.ravel()
        return penalty - value, slope

    start = np.zeros(PARAMETERS)
    start[-_COLUMNS:] = 0.1, 0.2, -0.5
    bounds = [(None, None)] * (PARAMETERS - _COLUMNS) + [(0.0, None), (0.0, None), (None, 0.0)]
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": iterations})
    return np.asarray(found.x, np.float64)


def table_of(parameters: Array) -> Array:
    """Energies (N_MOVING, kinds around, NODES) in nats."""
    return parameters[:-_COLUMNS].reshape(_N_PAIRS, NODES)[_PAIR]


def _choices(chains: Iterable[AtomSample]) -> list[Choices]:
    fitting = (chain for chain in chains if LEAST <= len(chain.sequence) <= MOST)
    return [found for chain in fitting if (found := choices_of(chain)) is not None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: read the shards, fit, print how well, write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_folder", type=Path, help="folder with chains_full_*.npz")
    parser.add_argument("out", type=Path, help="NPZ file to write")
    options = parser.parse_args(arguments)
    parts = _choices(crystal_atoms(options.data_folder, resolution=RESOLUTION, largest_b=LARGEST_B))
    if not parts:
        raise InputError(f"{options.data_folder} has no crystal structure with whole side chains.")
    held = parts[-max(1, len(parts) // 10) :]
    if len(parts) > 1:
        kept = fit(_joined(parts[: -len(held)]))
        mean = _log_likelihood(_joined(held), kept)[0] / sum(len(part.counts) for part in held)
        print(f"{mean:.3f} nats a residue for {len(held)} chains that are left out")
    parameters = fit(_joined(parts))
    print(f"{len(parts)} chains, repulsion and library {parameters[-_COLUMNS:].round(3).tolist()}")
    np.savez_compressed(options.out, energy=table_of(parameters).astype(np.float16), repulsion=parameters[-_COLUMNS:-1])


if __name__ == "__main__":
    main()
