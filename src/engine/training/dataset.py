"""Training chains: from the packed archive to uninterrupted backbone runs."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..structure.polymer import AMINO_ACIDS

__all__ = ["ELEMENTS", "Atom14", "AtomCloud", "Chain", "left_out_rows", "load_chains"]

ELEMENTS = "CNOS"
"""Elements of heavy atoms in proteins, as `AtomCloud` numbers them."""

_CHAIN_BREAK = 2.5
"""C-N distance in angstrom above which two consecutive residues do not count as bonded."""

_CA_ONLY_WEIGHT = 0.25
"""Chains with rebuilt N, C and O teach folds only, so they are drawn less often."""


_ATOM14_ELEMENTS = {
    "A": "NCCOC", "R": "NCCOCCCNCNN", "N": "NCCOCCON", "D": "NCCOCCOO", "C": "NCCOCS", "Q": "NCCOCCCON",
    "E": "NCCOCCCOO", "G": "NCCO", "H": "NCCOCCNCCN", "I": "NCCOCCCC", "L": "NCCOCCCC", "K": "NCCOCCCCN",
    "M": "NCCOCCSC", "F": "NCCOCCCCCCC", "P": "NCCOCCC", "S": "NCCOCO", "T": "NCCOCOC",
    "W": "NCCOCCCCNCCCCC", "Y": "NCCOCCCCCCCO", "V": "NCCOCCC",
}  # fmt: skip
"""Element of each atom14 slot of the archive, by residue type."""

_LEAST_HEAVY_FRACTION = 0.9
"""Chains that lack more of their heavy atoms than this have no map simulated from them."""


@dataclass(frozen=True)
class AtomCloud:
    """All heavy atoms of a chain, for maps.

    Attributes
    ----------
    xyz : ndarray of float32, shape (M, 3)
        In angstrom, in the entry's own frame.
    element : ndarray of uint8, shape (M,)
        Index into `ELEMENTS`.
    residue : ndarray of int32, shape (M,)
        Row of the atom's residue in the archive's chain, whether its backbone is complete or not.
    b_factor : ndarray of float32, shape (M,)
        That of the residue's CA in A^2; 0 where the archive has none.
    """

    xyz: NDArray[np.float32]
    element: NDArray[np.uint8]
    residue: NDArray[np.int32]
    b_factor: NDArray[np.float32]


@dataclass(frozen=True)
class Atom14:
    """Atoms of the residues of a chain in atom14 order, N, CA, C and O always there.

    Attributes
    ----------
    xyz : ndarray of float32, shape (L, 14, 3)
        In angstrom, in the entry's own frame; meaningless where an atom is absent.
    there : ndarray of bool, shape (L, 14)
    """

    xyz: NDArray[np.float32]
    there: NDArray[np.bool_]


@dataclass(frozen=True)
class Chain:
    """One protein chain with a complete backbone at every residue kept.

    Attributes
    ----------
    entry : str
        PDB code and chain name, ``1abc_A``.
    source : str
        Entry and file source; chains that share it share a coordinate frame.
    xyz : ndarray of float32, shape (L, 4, 3)
        N, CA, C, O in angstrom, in the entry's own frame.
    aatype : ndarray of int64, shape (L,)
    residue_index : ndarray of int64, shape (L,)
        Jumps where residues are missing.
    run_start : ndarray of int64
        First residue of each uninterrupted run.
    run_length : ndarray of int64
    weight : float
        Sampling weight, smaller for members of large sequence clusters.
    ca_only : bool
        Only CA is experimental; the other atoms were rebuilt.
    atoms : AtomCloud or None
        All heavy atoms, where nearly all are present.
    atom14 : Atom14 or None
        The same by residue, if `load_chains` was asked for side chains.
    resolution : float
        In angstrom; 0 where unknown.
    """

    entry: str
    source: str
    xyz: NDArray[np.float32]
    aatype: NDArray[np.int64]
    residue_index: NDArray[np.int64]
    run_start: NDArray[np.int64]
    run_length: NDArray[np.int64]
    weight: float
    ca_only: bool
    atoms: AtomCloud | None = None
    atom14: Atom14 | None = None
    resolution: float = 0.0


def load_chains(
    folder: Path,
    split: str,
    *,
    shards: tuple[str, ...] | None = None,
    representatives: bool = True,
    side_chains: bool = False,
) -> list[Chain]:
    """Chains of one split of the packed archive.

    Parameters
    ----------
    folder : Path
        Folder with ``chains_*.npz`` shards (arrays ``xyz, centroid, atommask, aatype, resnum, brk,
        res_ptr, atom_ptr`` and one value per chain for ``pdb, chain, split, rep90, c40 ...``).
    split : str
        ``train``, ``val`` or ``test``; chains of other splits are never read into memory.
    shards : tuple of str, optional
        File names; all shards by default.
    representatives : bool
        Keep one chain of each 90 % identity cluster.
    side_chains : bool
        Keep atoms by residue too, which takes three times the memory.

    Rows that ``leave_out.tsv`` beside the shards names (columns ``shard``, ``row``) are not read: relatives of
    held-out chains that the clusters missed.

    Raises
    ------
    InputError
        If the folder holds no shard or the split no chain.
    """
    names = shards or tuple(sorted(p.name for p in Path(folder).glob("chains_*.npz")))
    if not names:
        raise InputError(f"No chains_*.npz file in {folder}: give the folder with the training structures.")
    left_out = left_out_rows(Path(folder))
    chains = [
        c
        for name in names
        for c in _read_shard(Path(folder) / name, split, representatives, left_out.get(name, frozenset()), side_chains)
    ]
    if not chains:
        raise InputError(f"No chain of split {split!r} in {folder}: check the data folder.")
    return chains


def left_out_rows(folder: Path) -> dict[str, frozenset[int]]:
    """Rows of each shard that ``leave_out.tsv`` beside them tells to leave out; none without the file."""
    path = folder / "leave_out.tsv"
    rows: dict[str, set[int]] = defaultdict(set)
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                rows[row["shard"]].add(int(row["row"]))
    return {shard: frozenset(numbers) for shard, numbers in rows.items()}


def _read_shard(
    path: Path, split: str, representatives: bool, left_out: frozenset[int], side_chains: bool
) -> Iterator[Chain]:
    with np.load(path, allow_pickle=False) as archive:
        data = {key: archive[key] for key in archive.files}
    cluster_size: dict[int, int] = defaultdict(int)
    keep = [
        i
        for i in range(len(data["pdb"]))
        if data["split"][i] == split and (data["rep90"][i] or not representatives) and i not in left_out
    ]
    for i in keep:
        cluster_size[int(data["c40"][i])] += 1
    for i in keep:
        chain = _read_chain(data, i, "ca_rebuilt" in path.name, cluster_size[int(data["c40"][i])], side_chains)
        if chain is not None:
            yield chain


def _read_chain(
    data: dict[str, NDArray[Any]], i: int, ca_only: bool, cluster_size: int, side_chains: bool
) -> Chain | None:
    start, end = data["res_ptr"][i : i + 2]
    first, last = data["atom_ptr"][i : i + 2]
    mask = ((data["atommask"][start:end, None] >> np.arange(14)) & 1).astype(bool)
    atoms = np.zeros((end - start, 14, 3), np.float32)
    atoms[mask] = data["xyz"][first:last].astype(np.float32) * 0.01
    complete: NDArray[np.bool_] = np.all(mask[:, :3], axis=1)
    if complete.sum() < 16:
        return None
    xyz = rebuild_missing_oxygen(atoms[:, :4], mask[:, 3])
    bonded = (
        complete[:-1]
        & complete[1:]
        & ~data["brk"][start:end][:-1].astype(bool)
        & (np.linalg.norm(xyz[1:, 0] - xyz[:-1, 2], axis=-1) < _CHAIN_BREAK)
    )
    # the last residue of a run has no next N to place a missing O from: drop it there
    usable = complete & (mask[:, 3] | np.append(bonded, False))
    bonded &= usable[:-1] & usable[1:]
    number = data["resnum"][start:end].astype(np.int64)
    kept = np.flatnonzero(usable)
    if len(kept) < 16:
        return None
    joined = (np.diff(kept) == 1) & bonded[kept[:-1]]
    gap = np.where(joined, 1, np.maximum(np.diff(number[kept]), 2))
    index = np.concatenate([[0], np.cumsum(gap)])
    run_start = np.concatenate([[0], np.flatnonzero(np.diff(index) != 1) + 1])
    run_length = np.diff(np.append(run_start, len(index)))
    aatype = np.minimum(data["aatype"][start:end][kept].astype(np.int64), len(AMINO_ACIDS))
    cloud = None if ca_only else _atom_cloud(data, i, atoms, mask)
    atom14 = None
    if side_chains and cloud is not None:
        filled, there = atoms[kept] + data["centroid"][i], mask[kept]
        filled[:, :4], there[:, :4] = xyz[kept] + data["centroid"][i], True
        atom14 = Atom14(filled.astype(np.float32), there)
    return Chain(
        entry=f"{data['pdb'][i]}_{data['chain'][i]}",
        source=f"{data['pdb'][i]}/{data['repo'][i]}",
        xyz=(xyz[kept] + data["centroid"][i]).astype(np.float32),
        aatype=aatype,
        residue_index=index,
        run_start=run_start,
        run_length=run_length,
        weight=float(cluster_size) ** -0.7 * (_CA_ONLY_WEIGHT if ca_only else 1.0),
        ca_only=ca_only,
        atoms=cloud,
        atom14=atom14,
        resolution=float(data["resolution"][i]) if "resolution" in data else 0.0,
    )


def _atom_cloud(
    data: dict[str, NDArray[Any]], i: int, atoms: NDArray[np.float32], mask: NDArray[np.bool_]
) -> AtomCloud | None:
    """Heavy atoms of a chain from its atom14 table; None if too many are missing."""
    start, end = data["res_ptr"][i : i + 2]
    aatype = data["aatype"][start:end]
    table = np.array([[ELEMENTS.index(e) for e in row.ljust(14, "C")] for row in _ATOM14_ELEMENTS.values()])
    size = np.array([len(row) for row in _ATOM14_ELEMENTS.values()])
    standard = aatype < len(AMINO_ACIDS)
    wanted = int(size[aatype[standard]].sum())
    if wanted == 0 or mask[standard].sum() < _LEAST_HEAVY_FRACTION * wanted:
        return None
    residue, slot = np.nonzero(mask)
    element = table[np.minimum(aatype[residue], len(AMINO_ACIDS) - 1), slot]
    b_factor = data["bfac"][start:end] if "bfac" in data else np.zeros(end - start)
    return AtomCloud(
        (atoms[mask] + data["centroid"][i]).astype(np.float32),
        element.astype(np.uint8),
        residue.astype(np.int32),
        b_factor[residue].astype(np.float32),
    )


def rebuild_missing_oxygen(xyz: NDArray[np.float32], has_oxygen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Backbones whose absent carbonyl oxygens lie in the peptide plane, 1.231 A from C.

    The oxygen points away from the bisector of CA and the next residue's N; where there is no next
    residue its place is meaningless and the caller drops the residue.

    Parameters
    ----------
    xyz : ndarray, shape (L, 4, 3)
    has_oxygen : ndarray of bool, shape (L,)

    Returns
    -------
    ndarray, shape (L, 4, 3)
    """
    out = xyz.copy()
    to_ca = xyz[:-1, 1] - xyz[:-1, 2]
    to_next = xyz[1:, 0] - xyz[:-1, 2]

    def unit(v: NDArray[np.float32]) -> NDArray[np.float32]:
        direction: NDArray[np.float32] = v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-6)
        return direction

    # CA-C=O is 120.1 and N-C=O 122.7 degrees, so the oxygen leans slightly towards CA
    direction = -unit(unit(to_ca) * 1.03 + unit(to_next) * 0.97)
    placed = xyz[:-1, 2] + 1.231 * direction
    absent = ~has_oxygen[:-1]
    out[:-1, 3][absent] = placed[absent]
    return out
