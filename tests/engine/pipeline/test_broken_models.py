"""Models with breaks, odd numbers and stray chains, at random: nothing good is torn away, nothing grows unasked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

import adp3d
from adp3d.density.crop import crop
from adp3d.density.read import read_map
from adp3d.density.write import write_map
from adp3d.events import Control, NullEvents
from adp3d.pipeline.execute import execute
from adp3d.pipeline.job import JobFolder
from adp3d.specification import RefineSpec
from adp3d.structure.breaks import with_breaks_between
from adp3d.structure.read import read_structure
from adp3d.structure.sequences import NamedSequence
from adp3d.structure.target import build_target

DEMO = Path(adp3d.__file__).parent / "pipeline" / "demo"
DATA = Path(os.environ.get("ADP3D_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
"""Folder with ``maps`` and ``targets`` (see the benchmarks); without it there is one protein, the one of the demo."""

PROTEINS = {
    "EMD-20026": (DEMO / "emd_20026_deposited.cif.gz", DEMO / "emd_20026_protomer.map.gz", 1.75),
    "7PZT": (DATA / "targets" / "7pzt.cif", DATA / "targets" / "7pzt_simulated_2.0A.mrc.gz", 2.0),
    "3NZD": (DATA / "maps" / "xray-3nzd" / "deposited.cif", DATA / "maps" / "xray-3nzd" / "map.ccp4.gz", 1.8),
}
CASES = 40
JOB_RESIDUES = 70
"""Of each protein, for jobs that are to end within half a minute."""


@pytest.fixture(scope="module", params=list(PROTEINS))
def protein(request):
    """Residues of a protein, its map and the resolution of that."""
    model, density, resolution = PROTEINS[request.param]
    if not (model.is_file() and density.is_file()):
        pytest.skip("the test data are not here; ADP3D_TEST_DATA names their folder")
    structure = gemmi.read_structure(str(model))
    structure.setup_entities()
    structure.remove_alternative_conformations()
    residues = [r.clone() for r in structure[0][0].get_polymer()]
    return residues, density, resolution


@dataclass(frozen=True)
class Case:
    """A model with faults.

    Attributes
    ----------
    structure : gemmi.Structure
    rows : tuple of int
        Which residues of the protein its chain A shows.
    strays : dict of str to int
        Stray chains and how many residues they have.
    sequence : str or None
        What is given as the sequence.
    """

    structure: gemmi.Structure
    rows: tuple[int, ...]
    strays: dict[str, int]
    sequence: str | None


def letters(residues):
    return gemmi.one_letter_code([r.name for r in residues]).upper().replace("X", "A")


def broken(residues, rng) -> Case:
    """One to three stretches removed, chain A numbered in one of several ways, none to three stray chains."""
    n = len(residues)
    gone: set[int] = set()
    for _ in range(rng.integers(1, 4)):
        length = int(rng.integers(2, 16))
        start = int(rng.integers(4, n - length - 4))
        gone |= set(range(start, start + length))
    rows = tuple(i for i in range(n) if i not in gone)
    numbering = rng.choice(["true", "on", "one missing", "jump", "shifted"])
    number, numbers = int(rng.integers(1, 50)), []
    for before, row in zip((rows[0] - 1, *rows), rows, strict=False):
        missing = row - before - 1
        step = {"true": missing + 1, "on": 1, "one missing": 1 + (missing > 0), "jump": 1 + 500 * (missing > 0),
                "shifted": missing + 1}[numbering]  # fmt: skip
        number += step
        numbers.append(number if numbering != "true" else row + 1)
    model = gemmi.Model(1)
    model.add_chain(_chain("A", [residues[i] for i in rows], numbers))
    strays: dict[str, int] = {}
    extent = max(np.ptp([r["CA"][0].pos.tolist() for r in residues], axis=0))
    for name in ("X", "Y", "Z")[: rng.integers(0, 4)]:
        length = int(rng.choice([1, 2, 5, 12, 15]))
        start = int(rng.integers(0, n - length))
        kind = rng.choice(["UNK", "ALA", ""])
        piece = [_plain(r, str(kind) or r.name) for r in residues[start : start + length]]
        shift = rng.normal(size=3)
        shift *= (extent + rng.uniform(20, 40)) / np.linalg.norm(shift)
        for residue in piece:
            for atom in residue:
                atom.pos += gemmi.Position(*shift.tolist())
        first = int(rng.choice([1, start + 1, 900]))
        model.add_chain(_chain(name, piece, range(first, first + length)))
        strays[name] = length
    structure = gemmi.Structure()
    structure.name = "CASE"
    structure.add_model(model)
    structure.setup_entities()
    structure.entities.clear()
    sequence = {"none": None, "full": letters(residues), "lacking": letters([residues[i] for i in rows])}[
        str(rng.choice(["none", "full", "lacking"]))
    ]
    return Case(structure, rows, strays, sequence)


def _chain(name, residues, numbers):
    chain = gemmi.Chain(name)
    for residue, number in zip(residues, numbers, strict=True):
        copy = residue.clone()
        copy.seqid, copy.label_seq, copy.subchain = gemmi.SeqId(int(number), " "), None, ""
        chain.add_residue(copy)
    return chain


def _plain(residue, name):
    """A residue of another name with the atoms that it would have."""
    copy = residue.clone()
    if name != residue.name:
        copy.name = name
        for i in range(len(copy) - 1, -1, -1):
            if copy[i].name not in ("N", "CA", "C", "O", "CB"):
                del copy[i]
    return copy


def written(case, folder):
    """The case as a user has it: a PDB file."""
    path = folder / "model.pdb"
    path.write_text("".join(line for line in case.structure.make_pdb_string().splitlines(True) if line[:3] != "SEQ"))
    return path


def test_breaks_and_strays_at_random(protein, tmp_path):
    residues, *_ = protein
    for seed in range(CASES):
        case = broken(residues, np.random.default_rng(seed))
        model = read_structure(written(case, tmp_path))
        target = build_target(model, None if case.sequence is None else [NamedSequence("one", case.sequence)])
        polymer, told = target.polymer, f"case {seed}"
        # chain A is there once, whole, and known
        main = [i for i, s in enumerate(target.sources) if s is not None and model[0][s.chain].name == "A"]
        assert [target.sources[i].residue for i in main] == list(range(len(case.rows))), told
        truth = np.array([residues[i]["CA"][0].pos.tolist() for i in case.rows])
        np.testing.assert_allclose(target.xyz[main, 1], truth, atol=1e-3, err_msg=told)
        assert target.known[main, 1].all(), told
        # no other chain grows, and none is made
        assert set(polymer.chain_ids) <= {"A", *case.strays}, told
        for index, name in enumerate(polymer.chain_ids):
            length = int((polymer.chain_index == index).sum())
            if name in case.strays:
                assert case.sequence is None and length == case.strays[name], f"{told}: chain {name}"
            elif case.sequence is not None:
                assert length == len(case.sequence), told
        if case.sequence is not None and len(case.sequence) == len(residues):
            assert main == list(case.rows), told
        # neighbours are neighbours
        for chained in (target, with_breaks_between(target, np.ones(target.n_residues, bool))):
            joined = (np.diff(chained.polymer.residue_index) == 1) & (np.diff(polymer.chain_index) == 0)
            steps = np.linalg.norm(np.diff(target.xyz[:, 1], axis=0), axis=-1)
            assert not (steps[joined] > 5.9).any(), told


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 7])
def test_jobs_on_broken_models_move_nothing_that_the_map_supports(protein, tmp_path, seed, threads):
    residues, density, resolution = protein
    residues = residues[:JOB_RESIDUES]
    case = broken(residues, np.random.default_rng(1000 + seed))
    points = np.array([a.pos.tolist() for r in residues for a in r])
    whole = read_map(density)
    write_map(crop(whole, points, 5.0), tmp_path / "map.mrc")
    path = written(case, tmp_path)
    spec = RefineSpec(
        output=str(tmp_path / "job"), map=str(tmp_path / "map.mrc"), model=str(path), sequence=case.sequence,
        resolution=resolution, replicas=1, steps=8, device="cpu", trajectory_interval=0,
    )  # fmt: skip
    job = JobFolder.create(spec)
    execute(job, NullEvents(), Control())
    before, after = read_structure(path)[0], read_structure(job.result)[0]
    assert [chain.name for chain in after] == [chain.name for chain in before]
    built = 0 if case.sequence is None else len(case.sequence) - len(case.rows)
    for chain in before:
        new = {str(r.seqid): r for r in after[chain.name]}
        moved = [
            atom.pos.dist(new[str(residue.seqid)].find_atom(atom.name, "*").pos)
            for residue in chain for atom in residue if atom.name in ("N", "CA", "C", "O")
        ]  # fmt: skip
        if chain.name == "A":
            assert max(moved) < 1.0
            if case.sequence is not None:
                assert len(new) == len(chain) + built
        else:
            assert len(new) == len(chain)
