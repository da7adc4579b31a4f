"""Proteins that the prior has never seen, chosen by rule."""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from adp3d.contract.errors import InputError
from adp3d.placing.target import build_target
from adp3d.structure.polymer import AMINO_ACIDS, UNKNOWN, Polymer
from adp3d.structure.read import read_structure
from adp3d.training.dataset import AtomCloud, Chain, load_chains

__all__ = [
    "SHORTEST",
    "LONGEST",
    "Protein",
    "add_split",
    "held_out_proteins",
    "letters_of",
    "proteins_of_split",
    "shared_runs",
    "target_protein",
    "training_runs",
    "validation_proteins",
]

SHORTEST, LONGEST = 90, 250
METHODS = ("XRAY", "EM", "NMR")
RUN = 10
"""Residues in a row that no held-out protein may share with a training chain. The clusters behind the
split miss some relatives: the SH2 domain 1cwd is 73 % identical to a part of the training chain 1ad5."""


@dataclass(frozen=True)
class Protein:
    """One uninterrupted chain with its true backbone.

    Attributes
    ----------
    name : str
        PDB code and chain, ``1abc_A``.
    polymer : Polymer
    x : Tensor, shape (N, 4, 3)
        N, CA, C, O in angstrom, in the entry's own frame.
    atoms : AtomCloud or None
        All heavy atoms of the entry's chain in that frame, if nearly all are known.
    """

    name: str
    polymer: Polymer
    x: Tensor
    atoms: AtomCloud | None = None

    @property
    def n_residues(self) -> int:
        """Number of residues N."""
        return self.polymer.n_residues


def held_out_proteins(data: Path, least: int = 1) -> list[Protein]:
    """Longest uninterrupted runs of experimental chains of the test split, 90 to 250 residues, by name.

    One chain per 40 % cluster, crystal structures before others. Runs that share ten residues in a row
    with any training chain are left out.

    Parameters
    ----------
    data : Path
        Folder with ``structures/index.tsv`` and ``structures/chains_full_*.npz``.
    least : int
        How many there have to be.

    Raises
    ------
    InputError
        If the files are missing or hold fewer than ``least`` such chains.
    """
    folder = data / "structures"
    index = folder / "index.tsv"
    if not index.is_file():
        raise InputError(f"There is no file {index}: give the data folder with --data.")
    with index.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["kind"] == "full"]
    # the archive spells the slash of a repository's name as a plus
    experimental = {
        (f"{row['pdb']}_{row['chain']}", f"{row['pdb']}/{row['repo'].replace('/', '+')}"): row
        for row in rows
        if row["split"] == "test" and row["method"] in METHODS
    }
    shards = tuple(sorted({row["shard"] for row in rows}))
    chains = [c for c in load_chains(folder, "test", shards=shards) if (c.entry, c.source) in experimental]
    methods = {(c.entry, c.source): METHODS.index(experimental[c.entry, c.source]["method"]) for c in chains}
    trained = training_runs(folder)
    proteins: list[Protein] = []
    seen: set[str] = set()
    for chain in sorted(chains, key=lambda c: (methods[c.entry, c.source], c.entry, c.source)):
        cluster = experimental[chain.entry, chain.source]["cluster40"]
        longest = int(np.argmax(chain.run_length))
        first, length = int(chain.run_start[longest]), int(chain.run_length[longest])
        run = slice(first, first + length)
        if cluster in seen or not SHORTEST <= length <= LONGEST or shared_runs(chain.aatype[run], trained):
            continue
        seen.add(cluster)
        proteins.append(_protein(chain, run))
    proteins.sort(key=lambda protein: protein.name)
    if len(proteins) < least:
        raise InputError(f"{folder} has {len(proteins)} usable held-out proteins, but {least} are needed.")
    return proteins


def validation_proteins(data: Path, count: int) -> list[Protein]:
    """Random uninterrupted chains of the validation split, 90 to 180 residues: for choices, not for results.

    Raises
    ------
    InputError
        If there are fewer than ``count``.
    """
    chains = sorted(load_chains(data / "structures", "val"), key=lambda chain: (chain.entry, chain.source))
    usable = [c for c in chains if not c.ca_only and len(c.run_length) == 1 and SHORTEST <= len(c.xyz) <= 180]
    if len(usable) < count:
        raise InputError(f"{data} has {len(usable)} usable validation proteins, but {count} are needed.")
    order = np.random.default_rng(7).permutation(len(usable))[:count]
    return [_protein(usable[i], slice(0, len(usable[i].xyz))) for i in order]


def add_split(parser: argparse.ArgumentParser, default: str = "test") -> None:
    """Let the user say whose proteins: those kept for results, or those for choices."""
    parser.add_argument("--split", choices=("test", "val"), default=default, help="val for choices of settings")


def proteins_of_split(data: Path, split: str) -> list[Protein]:
    """Proteins of the split that `add_split` was told; see `held_out_proteins` and `validation_proteins`."""
    return held_out_proteins(data) if split == "test" else validation_proteins(data, 30)


def target_protein(data: Path, name: str) -> Protein:
    """Chain of ``targets/NAME.cif`` without the residues that its entry does not show.

    Raises
    ------
    InputError
        If the file is missing, or what it shows is interrupted.
    """
    target = build_target(read_structure(data / "targets" / f"{name}.cif"), None)
    shown = target.known.all(1)
    rows = np.flatnonzero(shown)
    if len(rows) == 0 or rows[-1] - rows[0] + 1 != len(rows) or len(target.polymer.chain_ids) != 1:
        raise InputError(f"{name} is not one uninterrupted chain: choose another entry.")
    sequence = target.polymer.sequence[rows[0] : rows[-1] + 1]
    chain = target.polymer.chain_ids[0]
    return Protein(f"{name}_{chain}", Polymer.single_chain(sequence), _tensor(target.xyz[rows]))


def training_runs(folder: Path) -> NDArray[np.int64]:
    """All runs of ten residues in the training chains of an archive, each as one number, sorted."""
    found = [np.zeros(0, np.int64)]
    for path in sorted(folder.glob("chains_*.npz")):
        with np.load(path, allow_pickle=False) as archive:
            types, bounds, split = archive["aatype"], archive["res_ptr"], archive["split"]
        found += [_runs(types[bounds[i] : bounds[i + 1]]) for i in np.flatnonzero(split == "train")]
    return np.unique(np.concatenate(found))


def shared_runs(types: NDArray[np.integer], trained: NDArray[np.int64]) -> int:
    """How many runs of ten residues of a chain are among those of `training_runs`."""
    runs = _runs(types)
    if not len(trained):
        return 0
    place = np.minimum(np.searchsorted(trained, runs), len(trained) - 1)
    return int((trained[place] == runs).sum())


def letters_of(types: NDArray[np.integer]) -> str:
    """One-letter codes of residue types."""
    return "".join((AMINO_ACIDS + UNKNOWN)[kind] for kind in types)


def _runs(types: NDArray[np.integer]) -> NDArray[np.int64]:
    """Each run of ten residue types written as a number in base 21."""
    if len(types) < RUN:
        return np.zeros(0, np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(types.astype(np.int64), RUN)
    return windows @ (len(AMINO_ACIDS) + 1) ** np.arange(RUN, dtype=np.int64)


def _protein(chain: Chain, run: slice) -> Protein:
    sequence = letters_of(chain.aatype[run])
    return Protein(chain.entry, Polymer.single_chain(sequence), _tensor(chain.xyz[run]), chain.atoms)


def _tensor(x: NDArray[np.floating]) -> Tensor:
    return torch.as_tensor(x, dtype=torch.float32)
