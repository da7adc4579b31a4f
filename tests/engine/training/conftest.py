"""A packed archive of made-up chains, for the tests of data set, crops and training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ideal_backbone import build_backbone

from adp3d.sidechain.build import build_side_chains
from adp3d.sidechain.geometry_table import geometry_table


def _helix(n: int) -> np.ndarray:
    return build_backbone([-60.0] * n, [-45.0] * n)


@dataclass
class Record:
    """One chain: a helix of n residues, and what differs from an ordinary one."""

    n: int = 48
    pdb: str = "1abc"
    chain: str = "A"
    split: str = "train"
    rep90: bool = True
    c40: int = 0
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    no_oxygen: tuple[int, ...] = ()
    no_ca: tuple[int, ...] = ()
    breaks: tuple[int, ...] = ()  # residues after which the file says the chain is broken
    numbers: dict[int, int] = field(default_factory=dict)  # residue numbers rise from here on
    side_chains: bool = False  # all heavy atoms, of the 20 types only
    resolution: float = 1.5

    def xyz(self) -> np.ndarray:
        return _helix(self.n) + np.array(self.shift)

    def types(self) -> np.ndarray:
        return np.arange(self.n) % (20 if self.side_chains else 21)

    def atoms(self) -> tuple[np.ndarray, np.ndarray]:
        """Atom14 coordinates, and which of them there are."""
        atoms, there = np.zeros((self.n, 14, 3)), np.arange(14) < np.full((self.n, 1), 4)
        atoms[:, :4] = self.xyz()
        if self.side_chains:
            aatype = torch.from_numpy(self.types())
            # torsions that follow from the type, so that there is something to learn
            chi = torch.stack([torch.cos(aatype * k + 0.5) * 3.0 for k in (1.0, 2.0, 3.0, 4.0)], -1)
            atoms = build_side_chains(torch.from_numpy(atoms[:, :4]), aatype, chi.double()).numpy()
            there[:, 4:] = geometry_table().exists[aatype].numpy()
        there[list(self.no_oxygen), 3] = False
        there[list(self.no_ca), 1] = False
        return atoms, there


def _write(folder: Path, records: list[Record], name: str = "chains_full_0.npz") -> None:
    columns: dict[str, list[Any]] = {key: [] for key in ("xyz", "atommask", "aatype", "resnum", "brk")}
    ends, atom_ends, centroids = [0], [0], []
    for record in records:
        centroid = record.xyz().mean((0, 1)).round(2)
        xyz, present = record.atoms()
        centroids.append(centroid)
        columns["xyz"].append(np.rint((xyz - centroid)[present] * 100))
        columns["atommask"].append((present << np.arange(14)).sum(1))
        columns["aatype"].append(record.types())
        columns["resnum"].append(np.cumsum([record.numbers.get(i, 1) for i in range(record.n)]))
        columns["brk"].append(np.isin(np.arange(record.n), record.breaks))
        ends.append(ends[-1] + record.n)
        atom_ends.append(atom_ends[-1] + int(present.sum()))
    kinds = {"xyz": np.int16, "atommask": np.uint16, "aatype": np.uint8, "resnum": np.int32, "brk": np.uint8}
    np.savez(
        folder / name,
        **{key: np.concatenate(value).astype(kinds[key]) for key, value in columns.items()},
        centroid=np.array(centroids, np.float32),
        res_ptr=np.array(ends),
        atom_ptr=np.array(atom_ends),
        pdb=np.array([r.pdb for r in records]),
        chain=np.array([r.chain for r in records]),
        repo=np.array(["x"] * len(records)),
        split=np.array([r.split for r in records]),
        rep90=np.array([r.rep90 for r in records]),
        c40=np.array([r.c40 for r in records]),
        resolution=np.array([r.resolution for r in records], np.float32),
    )


class Archive:
    """What tests need from here, without importing from conftest."""

    Record = Record
    write = staticmethod(_write)


@pytest.fixture(scope="session")
def archive() -> Archive:
    return Archive()


@pytest.fixture
def packed(tmp_path: Path) -> Callable[..., Path]:
    """``packed(record, ...)`` writes one shard and returns its folder."""

    def make(*records: Record) -> Path:
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        _write(folder, list(records))
        return folder

    return make
