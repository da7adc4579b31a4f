"""The model that a job ends with: relaxed, the same one in all files and figures, and nothing else touched."""

from __future__ import annotations

import json

import gemmi
import numpy as np
import pytest
import torch
from told import Messages

from adp3d.contract.specification import CompleteSpec, RefineSpec
from adp3d.job.events import Control
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline import relaxation
from adp3d.pipeline.outcome import describe_geometry
from adp3d.placing.target import build_target
from adp3d.structure.read import read_structure

BACKBONE = ("N", "CA", "C", "O")
KEPT = range(40, 46)


@pytest.fixture
def openmm():
    pytest.importorskip("openmm", reason="the package openmm is not installed (pip install '.[relax]')")


def job_of(kind, small, folder, **options):
    options = {"replicas": 2, "steps": 6, "device": "cpu", "seed": 3} | options
    given = {"model": str(small.model), "reference": str(small.deposited), "output": str(folder)} | options
    if kind is RefineSpec:
        given = {"map": str(small.map), "resolution": 1.75} | given
    job, told = JobFolder.create(kind(**given)), Messages()
    metrics = execute(job, told, Control())
    return job, metrics, told.texts


@pytest.fixture(scope="module")
def with_ligand(small, tmp_path_factory):
    """The small model with a ligand beside it."""
    structure = gemmi.read_structure(str(small.model))
    last = np.array(structure[0]["A"]["20"][0]["CA"][0].pos.tolist())
    ligand = gemmi.Residue()
    ligand.name, ligand.seqid, ligand.het_flag = "LIG", gemmi.SeqId("1"), "H"
    for number in range(3):
        atom = gemmi.Atom()
        atom.name, atom.element = f"C{number + 1}", gemmi.Element("C")
        atom.pos = gemmi.Position(*(last + np.array([0.123457 + 1.5 * number, 11.0, 0.3])).tolist())
        ligand.add_atom(atom)
    chain = gemmi.Chain("L")
    chain.add_residue(ligand)
    structure[0].add_chain(chain)
    structure.setup_entities()
    path = tmp_path_factory.mktemp("ligand") / "model.cif"
    structure.make_mmcif_document().write_file(str(path))
    return path


@pytest.fixture(scope="module")
def refined(small, with_ligand, tmp_path_factory):
    pytest.importorskip("openmm", reason="the package openmm is not installed (pip install '.[relax]')")
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("refined") / "job"
    keep = (f"A:{KEPT.start}-{KEPT.stop - 1}",)
    found = job_of(RefineSpec, small, folder, model=str(with_ligand), keep=keep)
    torch.set_num_threads(threads)
    return found


def atoms(path, model=0, chain="A"):
    return {
        (residue.seqid.num, atom.name): tuple(atom.pos.tolist())
        for residue in gemmi.read_structure(str(path))[model][chain]
        for atom in residue
    }


def test_all_files_and_figures_are_of_the_relaxed_model(small, refined):
    job, metrics, _ = refined
    result, first = atoms(job.result), atoms(job.path / "ensemble.cif")
    assert set(first) <= set(result) and len(first) > 300
    assert max(np.abs(np.subtract(result[key], first[key])).max() for key in first) < 2e-3
    target = build_target(read_structure(job.result), None)
    geometry = describe_geometry(target.xyz, target.polymer)
    for key, value in geometry.items():
        assert metrics["geometry"][key] == pytest.approx(value, abs=0.02), key
    after = metrics["relaxation"]["after"]
    for key in ("clashscore", "bond_rmsz", "cc_mask", "q_score"):
        assert metrics["validation"]["after"][key] == pytest.approx(after[key], abs=0.02), key
    ca = np.array([result[number, "CA"] for number in range(small.first, small.last + 1)])
    truth = np.array([atoms(small.deposited)[number, "CA"] for number in range(small.first, small.last + 1)])
    assert metrics["ca_rmsd_all"] == pytest.approx(np.sqrt(np.square(ca - truth).sum(-1).mean()), abs=2e-3)


def test_relaxation_mends_contacts_and_geometry(refined):
    _, metrics, texts = refined
    told = metrics["relaxation"]
    assert json.loads(json.dumps(told)) == told
    before, after = told["before"], told["after"]
    assert after["bond_rmsz"] < 1 and after["angle_rmsz"] < 1
    assert after["clashscore"] < before["clashscore"]
    assert told["residues"] == 44 - len(KEPT) and told["in_map"] and told["seconds"] < 60
    assert any(text.startswith("Relaxation of the result: clashscore ") for text in texts)


def test_residues_with_names_of_force_fields_are_relaxed_under_these(openmm, small, tmp_path):
    structure = gemmi.read_structure(str(small.deposited))
    chain = structure[0]["A"]
    for residue in chain:
        for atom in residue:
            if (residue.name, atom.name) == ("ILE", "CD1"):
                atom.name = "CD"
    last = chain[-1]
    second = last["O"][0].clone()
    last["O"][0].name, second.name = "OT1", "OT2"
    ca, c, o = (np.array(last[name][0].pos.tolist()) for name in ("CA", "C", "OT1"))
    along = (c - ca) / np.linalg.norm(c - ca)
    second.pos = gemmi.Position(*(2 * (c + ((o - c) @ along) * along) - o).tolist())
    last.add_atom(second)
    structure.make_mmcif_document().write_file(str(tmp_path / "charmm.cif"))
    options = {"model": str(tmp_path / "charmm.cif"), "prior": "gaussian", "steps": 2, "replicas": 1}
    job, metrics, _ = job_of(RefineSpec, small, tmp_path / "job", **options, density_weight=1.0)
    assert metrics["relaxation"]["residues"] == 44 and not metrics["relaxation"]["left_out"]
    given, result = atoms(tmp_path / "charmm.cif"), atoms(job.result)
    assert set(given) == set(result) and {"CD", "OT1", "OT2"} <= {name for _, name in result}


def test_what_is_kept_and_what_is_no_protein_stays(with_ligand, refined):
    job, _, _ = refined
    given, result = atoms(with_ligand), atoms(job.result)
    for (number, name), place in given.items():
        if number in KEPT:
            assert result[number, name] == pytest.approx(place, abs=1e-9)
    assert atoms(job.result, chain="L") == atoms(with_ligand, chain="L")
    moved = [key for key, place in given.items() if np.abs(np.subtract(place, result[key])).max() > 0.01]
    assert {number for number, _ in moved} >= {20, 21, 22, 50, 51}


@pytest.fixture
def complete(small, tmp_path):
    count = iter(range(10))
    return lambda **options: job_of(CompleteSpec, small, tmp_path / f"job{next(count)}", prior="gaussian", **options)


def test_completion_relaxes_what_it_built_and_nothing_else(openmm, small, complete):
    job, metrics, _ = complete(steps=10)
    plain, unrelaxed, texts = complete(steps=10, relax=False)
    given, result, before = atoms(small.model), atoms(job.result), atoms(plain.result)
    assert all(result[key] == place for key, place in given.items()), "known atoms, to the last digit of the file"
    assert unrelaxed["relaxation"] is None and not any("relax" in text.lower() for text in texts)
    moved = {key[0] for key in result if np.abs(np.subtract(result[key], before[key])).max() > 0.005}
    assert moved and moved <= set(small.missing)
    told = metrics["relaxation"]
    assert told["residues"] == len(small.missing) and not told["in_map"]
    assert told["energy_after"] < told["energy_before"]
    assert metrics["known_atoms_rmsd"] == unrelaxed["known_atoms_rmsd"]
    first = atoms(job.path / "ensemble.cif")
    assert max(np.abs(np.subtract(result[key], first[key])).max() for key in first) < 2e-3
    others = [atoms(one.path / "ensemble.cif", 1) for one in (job, plain)]
    assert others[0] == others[1], "only the best replica is relaxed"


def test_without_side_chains_nothing_is_relaxed_which_is_said(complete):
    _, metrics, texts = complete(side_chains="none")
    assert metrics["relaxation"] is None
    (text,) = [text for text in texts if "not relaxed" in text]
    assert text == (
        "The result is not relaxed: relaxation needs side chains, and with 'side_chains' none they are not built."
    )


def test_where_nothing_was_built_nothing_is_relaxed(small, complete):
    job, metrics, texts = complete(model=str(small.deposited))
    assert metrics["relaxation"] is None
    assert any("no residue was built anew" in text for text in texts)
    assert all(atoms(job.result)[key] == place for key, place in atoms(small.deposited).items())


def test_without_openmm_the_result_is_that_without_relaxation(complete, monkeypatch):
    plain, _, _ = complete(relax=False)
    monkeypatch.setattr(relaxation, "has_openmm", lambda: False)
    job, metrics, texts = complete()
    assert metrics["relaxation"] is None
    (text,) = [text for text in texts if "openmm" in text]
    assert text.endswith("The result is not relaxed.")
    assert job.result.read_bytes() == plain.result.read_bytes()
