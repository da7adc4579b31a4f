"""A real job on a model with modified residues and a chromophore."""

from __future__ import annotations

import gzip
from pathlib import Path

import gemmi
import numpy as np
import pytest

from adp3d.contract.specification import CompleteSpec, RefineSpec
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.structure.backbone import transfer_rigidly
from adp3d.structure.read import read_structure

COMPONENTS = Path(__file__).parents[2] / "data" / "modified_residues.cif.gz"
# by number, with the letters that they stand for; the chromophore takes the place of 55 to 57
MODIFIED = {
    14: ("PCA", "Q"),
    20: ("MSE", "M"),
    25: ("SEP", "S"),
    41: ("DAL", "A"),
    45: ("SEC", "U"),
    55: ("CRO", "TYG"),
}


def component(name: str) -> gemmi.Residue:
    document = gemmi.cif.read_string(gzip.decompress(COMPONENTS.read_bytes()).decode())
    return gemmi.make_structure_from_chemcomp_block(document[name])[0][0][0].clone()


def frame(residue: gemmi.Residue, suffix: str = "") -> np.ndarray:
    return np.array([residue[name + suffix][0].pos.tolist() for name in ("N", "CA", "C")])


@pytest.fixture
def modified(small, tmp_path):
    """The small model with modified residues in place of its own, and its sequence with their letters."""
    chain = gemmi.Chain("A")
    letters = list(small.sequence)
    for residue in read_structure(small.model)[0]["A"]:
        number = residue.seqid.num
        if number in (56, 57):
            continue
        if number not in MODIFIED:
            chain.add_residue(residue)
            continue
        name, parents = MODIFIED[number]
        letters[number - small.first : number - small.first + len(parents)] = parents
        new = component(name)
        own = frame(new, "1" if name == "CRO" else "")
        points = np.array([atom.pos.tolist() for atom in new])
        for atom, point in zip(new, transfer_rigidly(points, own, frame(residue)).tolist(), strict=True):
            atom.pos, atom.occ, atom.b_iso = gemmi.Position(*point), 1.0, 20.0
        new.name, new.het_flag, new.seqid = name, "H", gemmi.SeqId(number + (name == "CRO"), " ")
        chain.add_residue(new)
    structure, model = gemmi.Structure(), gemmi.Model(1)
    model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    structure.entities.clear()
    structure.write_pdb(str(tmp_path / "modified.pdb"))
    return {"model": str(tmp_path / "modified.pdb"), "sequence": "".join(letters)}


def run(tmp_path, kind, **options):
    settings = {"replicas": 1, "steps": 6, "device": "cpu", "trajectory_interval": 0}
    job = JobFolder.create(kind(output=str(tmp_path / "job"), **settings, **options))
    return job, execute(job, NullEvents(), Control())


def atoms(residue: gemmi.Residue) -> dict[str, np.ndarray]:
    return {atom.name: np.array(atom.pos.tolist()) for atom in residue}


def check_names(small, found: gemmi.Chain) -> None:
    numbers = [residue.seqid.num for residue in found]
    assert numbers == [n for n in range(small.first, small.last + 1) if n not in (55, 57)]
    for number, (name, _) in MODIFIED.items():
        assert found[str(number + (name == "CRO"))][0].name == name


def test_complete_keeps_them_where_they_are(small, modified, tmp_path):
    job, metrics = run(tmp_path, CompleteSpec, **modified)
    found, given = read_structure(job.result)[0]["A"], read_structure(modified["model"])[0]["A"]
    check_names(small, found)
    for residue in given:
        now = atoms(found[str(residue.seqid)][0])
        # the end of the model's chain is the end of the sequence: nothing is taken off
        assert set(now) == set(atoms(residue))
        for name, position in atoms(residue).items():
            np.testing.assert_allclose(now[name], position, atol=2e-3)
    (chain,) = metrics["placement"]["chains"]
    assert not chain["mismatches"] and chain["length"] == 44
    assert metrics["completeness_before"] == pytest.approx(100 * 37 / 44)


@pytest.mark.slow
def test_refine_moves_each_as_a_whole(small, modified, tmp_path):
    job, metrics = run(tmp_path, RefineSpec, map=str(small.map), side_chains="none", **modified)
    found, given = read_structure(job.result)[0]["A"], read_structure(modified["model"])[0]["A"]
    check_names(small, found)
    for number, (name, _) in MODIFIED.items():
        where = str(number + (name == "CRO"))
        before, after = atoms(given[where][0]), atoms(found[where][0])
        assert set(before) == set(after)
        # side chains go with the frame N, CA, C, and a chromophore goes as one
        rest = sorted(before) if name == "CRO" else [a for a in sorted(before) if a not in ("N", "CA", "C", "O")]
        a, b = (np.array([some[x] for x in rest]) for some in (before, after))
        apart = [np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (a, b)]
        np.testing.assert_allclose(apart[0], apart[1], atol=5e-3)
    assert metrics["map_cc_after"] > metrics["map_cc_before"] - 0.01
