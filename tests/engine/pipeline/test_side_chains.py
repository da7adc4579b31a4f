"""Side chains of results, from a job's files to its result."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from adp3d.contract.specification import CompleteSpec
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.sidechain.templates import TEMPLATES
from adp3d.structure.read import read_structure

BACKBONE = ("N", "CA", "C", "O")


class Told(NullEvents):
    def __init__(self):
        self.texts, self.done = [], []

    def overall(self, done, total):
        self.done.append((done, total))

    def message(self, text, level="info"):
        self.texts.append(text)


@pytest.fixture
def complete(small, tmp_path):
    count = iter(range(100))

    def run(model=None, **options):
        options = {"replicas": 2, "steps": 8, "device": "cpu", "seed": 5, "prior": "gaussian"} | options
        spec = CompleteSpec(model=str(model or small.model), output=str(tmp_path / f"job{next(count)}"), **options)
        job, told = JobFolder.create(spec), Told()
        metrics = execute(job, told, Control())
        run.done = told.done
        return job, metrics, told.texts

    return run


def atoms_of(path, model=0):
    return {
        residue.seqid.num: {atom.name: tuple(atom.pos.tolist()) for atom in residue}
        for residue in read_structure(path)[model]["A"]
    }


def names_of(path):
    return {residue.seqid.num: residue.name for residue in read_structure(path)[0]["A"]}


def without(path, to, drop):
    structure = gemmi.read_structure(str(path))
    for residue in structure[0]["A"]:
        for k in range(len(residue) - 1, -1, -1):
            if drop(residue, residue[k].name):
                del residue[k]
    structure.make_mmcif_document().write_file(str(to))
    return to


def test_built_residues_have_all_their_atoms_and_others_are_as_they_were(small, complete):
    job, metrics, texts = complete()
    found, given, names = atoms_of(job.result), atoms_of(small.model), names_of(job.result)
    built = set(found) - set(given)
    assert len(built) == 7
    for number in built:
        assert tuple(found[number]) == TEMPLATES[names[number]].names
        assert np.linalg.norm(np.subtract(found[number]["CA"], found[number].get("CB", found[number]["N"]))) < 1.6
    for number, atoms in given.items():
        assert tuple(atoms) == tuple(found[number])
        for name, position in atoms.items():
            np.testing.assert_allclose(found[number][name], position, atol=2e-3)
    with_side_chains = sum(names[number] != "GLY" for number in built)
    assert metrics["side_chains"]["built"] == with_side_chains
    assert metrics["side_chains"]["mode"] == "auto"
    assert metrics["side_chains"]["changed"] == []
    assert f"Side chains: {with_side_chains} built, 0 completed" in " ".join(texts)
    assert metrics["validation"]["after"]["incomplete_side_chains"] == 0
    ensemble = gemmi.read_structure(str(job.path / "ensemble.cif"))
    assert len(ensemble) == 2
    for model in ensemble:
        names = [sorted(atom.name for atom in residue) for residue in model["A"]]
        assert names == [sorted(found[number]) for number in sorted(found)]


def test_the_same_seed_gives_the_same_side_chains(complete):
    first, second = complete()[0], complete()[0]
    assert atoms_of(first.result) == atoms_of(second.result)


def test_none_leaves_new_residues_without(small, complete):
    job, metrics, _ = complete(side_chains="none")
    built = set(atoms_of(job.result)) - set(atoms_of(small.model))
    assert all(tuple(atoms_of(job.result)[number]) == BACKBONE for number in built)
    assert metrics["side_chains"] is None


def test_a_model_that_lacks_nothing_but_side_chains_gets_them(small, complete, tmp_path):
    cut = {small.first + 3: 1, small.first + 6: 2}

    def drop(residue, name):
        depth = cut.get(residue.seqid.num)
        return depth is not None and name not in BACKBONE and not (depth == 2 and name == "CB")

    model = without(small.deposited, tmp_path / "cut.cif", drop)
    job, metrics, texts = complete(model, sequence=small.sequence)
    found, given, names = atoms_of(job.result), atoms_of(model), names_of(job.result)
    for number, atoms in given.items():
        for name, position in atoms.items():
            assert found[number][name] == pytest.approx(position, abs=1e-3)
        if number in cut:
            assert tuple(found[number]) == TEMPLATES[names[number]].names
    assert metrics["side_chains"]["built"] + metrics["side_chains"]["completed"] == 2
    assert metrics["residues"] == len(given)
    assert any("No residue is missing" in text for text in texts)
    # the only stages of this job
    assert complete.done[0][0] == 0 and complete.done[-1][0] == complete.done[-1][1] > 0
    assert len(complete.done) > 3


def test_rebuild_places_all_anew_but_what_is_to_be_kept(small, complete):
    keep = f"A:{small.first}-{small.first + 9}"
    job, metrics, _ = complete(side_chains="rebuild", keep=(keep,))
    found, given = atoms_of(job.result), atoms_of(small.model)
    for number in range(small.first, small.first + 10):
        for name, position in given.get(number, {}).items():
            assert found[number][name] == pytest.approx(position, abs=2e-3)
    side = metrics["side_chains"]
    assert side["built"] > 15
    moved = [n for n in given if n > small.first + 9 and any(
        np.linalg.norm(np.subtract(found[n][a], given[n][a])) > 0.05 for a in given[n] if a not in BACKBONE
    )]  # fmt: skip
    assert len(moved) > 10


def test_built_termini_get_their_second_oxygen(small, complete, tmp_path):
    last = small.last
    model = without(small.deposited, tmp_path / "short.cif", lambda residue, name: residue.seqid.num > last - 3)
    structure = gemmi.read_structure(str(model))
    for k in range(len(structure[0]["A"]) - 1, -1, -1):
        if len(structure[0]["A"][k]) == 0:
            del structure[0]["A"][k]
    structure.make_mmcif_document().write_file(str(model))
    job, _, _ = complete(model, sequence=small.sequence)
    found = atoms_of(job.result)
    assert max(found) == last
    assert tuple(found[last])[-1] == "OXT"
    assert np.linalg.norm(np.subtract(found[last]["OXT"], found[last]["C"])) == pytest.approx(1.25, abs=0.03)
    assert all("OXT" not in atoms for number, atoms in found.items() if number != last)
