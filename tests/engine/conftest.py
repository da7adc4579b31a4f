"""A small real problem: 44 residues of the bundled example, seven of them removed, and their part of its map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch
from small_structures import Builder

import adp3d
from adp3d.density.crop import crop
from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.density.write import write_map

DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"
FIRST, LAST = 14, 57
MISSING = range(30, 37)


@dataclass(frozen=True)
class Small:
    """Files of the problem, and its figures."""

    folder: Path
    map: Path
    model: Path
    deposited: Path
    sequence: str
    first: int = FIRST
    last: int = LAST
    missing: tuple[int, ...] = tuple(MISSING)

    @property
    def density(self) -> DensityMap:
        return read_map(self.map)


def _cut(missing: set[int]) -> gemmi.Structure:
    structure = gemmi.read_structure(str(DEMO / "emd_20026_deposited.cif.gz"))
    (chain,) = structure[0]
    kept = [r for r in chain if FIRST <= r.seqid.num <= LAST]
    names = [r.name for r in kept]
    residues = [r.clone() for r in kept if r.seqid.num not in missing]
    del structure[0][chain.name]
    fresh = gemmi.Chain("A")
    fresh.append_residues(residues)
    structure[0].add_chain(fresh)
    structure.entities[0].full_sequence = names
    structure.assign_label_seq_id(True)
    return structure


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Jobs set the number of threads of the whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    folder = tmp_path_factory.mktemp("small")
    deposited = _cut(set())
    deposited.make_mmcif_document().write_file(str(folder / "deposited.cif"))
    _cut(set(MISSING)).make_mmcif_document().write_file(str(folder / "model.cif"))
    whole = read_map(DEMO / "emd_20026_protomer.map.gz")
    points = np.array([a.pos.tolist() for r in deposited[0]["A"] for a in r])
    write_map(crop(whole, points, 4.0), folder / "map.mrc")
    sequence = gemmi.one_letter_code(deposited.entities[0].full_sequence)
    return Small(folder, folder / "map.mrc", folder / "model.cif", folder / "deposited.cif", sequence)


@pytest.fixture(scope="session")
def make() -> Builder:
    """Tiny structures made in code."""
    return Builder()
