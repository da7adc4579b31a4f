"""A result with side chains in ChimeraX: opened, checked with its tools, and written by it and by us.

Files are compared with gemmi, which reads them on its own. Inside of ChimeraX only: its tools and its readers and
writers are what is asked.
"""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest

pytest.importorskip("chimerax.addh", reason="hydrogens, bonds, clashes and files are ChimeraX's business")

WATERS = 2
SPLIT = 29
"""Number of a residue of the example that gets two conformations from its CB on."""
CLASHES_PER_THOUSAND = 8.0
"""Most clashes for each 1,000 atoms, as good models have them."""
THOUSANDTH = 0.0011
"""Angstrom that coordinates may differ after a file, which has three decimals."""
NAMES = slice(0, 7)
"""Part of a row that names an atom."""

READER = """
import json, sys
import gemmi
structure = gemmi.read_structure(sys.argv[1])
structure.setup_entities()
rows, kinds = [], {}
entities = {name: entity for entity in structure.entities for name in entity.subchains}
for chain in structure[0]:
    for residue in chain:
        entity = entities[residue.subchain]
        kinds.setdefault(entity.entity_type.name, []).append((chain.name, residue.seqid.num))
        for atom in residue:
            altloc = atom.altloc.replace("\\0", "")
            names = (chain.name, residue.seqid.num, residue.seqid.icode.strip(), residue.name, atom.name, altloc)
            rows.append((*names, atom.element.name, atom.occ, atom.b_iso, *atom.pos.tolist()))
sequences = [e.full_sequence for e in structure.entities if e.entity_type == gemmi.EntityType.Polymer]
print(json.dumps({"rows": rows, "kinds": kinds, "sequences": sequences}))
"""
WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from launch import load_engine
load_engine(sys.argv[2])
from adp3d.placing.write import write_structure
from adp3d.structure.read import read_structure
write_structure(read_structure(sys.argv[3]), sys.argv[4])
"""


def _run(session, command):
    from chimerax.core.commands import run

    return run(session, command)


def _python(program: str, *arguments: object) -> str:
    """Output of a program that the engine's Python runs."""
    command = [os.environ["ADP3D_PYTHON"], "-I", "-B", "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _read(path) -> dict:
    return json.loads(_python(READER, path))


@pytest.fixture
def example(session, tmp_path):
    """Map and incomplete model of the example, with waters and a residue in two conformations."""
    from chimerax.adp3d.settings import adp3d_settings
    from chimerax.atomic.struct_edit import add_atom

    adp3d_settings(session).job_folder = str(tmp_path)
    volume, model = _run(session, "adp3d demo")
    middle = np.asarray(model.atoms.coords).mean(0)
    for number in range(WATERS):
        water = model.new_residue("HOH", "A", 301 + number)
        place = middle + np.array([60.0 + 4 * number, 0.0, 0.0])  # away from everything
        add_atom("O", "O", water, place, serial_number=9001 + number, occupancy=0.5, bfactor=31.0 + number)
    residue = model.find_residue("A", SPLIT)
    for atom in residue.atoms:
        if atom.name in ("N", "CA", "C", "O"):
            continue
        place = np.array(atom.coord)
        for loc, occupancy, shift in (("A", 0.7, 0.0), ("B", 0.3, 0.3)):
            atom.set_alt_loc(loc, True)
            atom.coord = place + np.array([shift, 0.0, 0.0])
            atom.occupancy = occupancy
        atom.alt_loc = "A"
    return volume, model


@pytest.fixture(scope="module")
def computed():
    """Folder of the job that the tests share, once it has been computed."""
    return {}


@pytest.fixture
def job(session, example, computed, tmp_path_factory):
    """A finished refinement of the example."""
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.jobs.state import JobState

    volume, model = example
    if "folder" not in computed:
        folder = tmp_path_factory.mktemp("all atoms") / "job"
        what = f"#{model.id_string} inMap #{volume.id_string} resolution 1.75 replicas 1 steps 4 seed 1 unseen build"
        _run(session, f'adp3d refine {what} device cpu live false openResult false wait true folder "{folder}"')
        assert job_manager(session).jobs[-1].state is JobState.FINISHED, job_manager(session).jobs[-1].error
        computed["folder"] = folder
        return job_manager(session).jobs[-1]
    _run(session, f'adp3d resume "{computed["folder"]}"')
    return job_manager(session).jobs[-1]


def _same(found: dict, wanted: dict) -> None:
    """Assert that two files have the same atoms in the same order."""
    assert [row[NAMES] for row in found["rows"]] == [row[NAMES] for row in wanted["rows"]]
    numbers = (np.array([row[7:] for row in one["rows"]]) for one in (found, wanted))
    differences = np.abs(next(numbers) - next(numbers)).max(axis=0)
    assert differences[0] < 0.006 and differences[1] < 0.006 and differences[2:].max() < THOUSANDTH, differences


def _check_records(found: dict, path) -> None:
    """Assert that a file tells polymer from water, and knows the whole sequence."""
    assert [number for _, number in found["kinds"]["Polymer"]] == list(range(5, 177))
    assert [number for _, number in found["kinds"]["Water"]] == [301 + number for number in range(WATERS)]
    assert found["kinds"].keys() == {"Polymer", "Water"}
    assert [len(sequence) for sequence in found["sequences"]] == [172]
    if path.suffix == ".pdb":
        records = [line[:6].strip() for line in path.read_text(encoding="ascii").splitlines()]
        atoms = [record for record in records if record in ("ATOM", "HETATM", "TER")]
        assert atoms == ["ATOM"] * (len(found["rows"]) - WATERS) + ["TER"] + ["HETATM"] * WATERS
        assert "SEQRES" in records and records[-1] == "END"


def test_it_opens_without_warnings_and_is_complete(session, job, messages):
    from chimerax.mmcif import find_template_residue

    messages.clear()
    (model,) = _run(session, f'open "{job.result}"')
    assert not [text for level, text in messages if level not in ("note", "info", "status")]
    assert len(model.chains) == 1 and model.chains[0].from_seqres and model.num_residues == 172 + WATERS
    assert model.pseudobond_group(model.PBG_MISSING_STRUCTURE, create_type=None) is None
    for residue in model.chains[0].residues:
        wanted = {atom.name for atom in find_template_residue(session, residue.name).atoms if atom.element.number > 1}
        assert {atom.name for atom in residue.atoms} | {"OXT"} == wanted | {"OXT"}, residue
    lengths = np.asarray(model.bonds.lengths)
    assert lengths.min() > 1.1 and lengths.max() < 1.95
    assert [atom.name for atom in model.atoms if atom.num_alt_locs] == [
        atom.name for atom in model.find_residue("A", SPLIT).atoms if atom.name not in ("N", "CA", "C", "O")
    ]


def test_hydrogens_hydrogen_bonds_and_clashes(session, job, messages):
    from chimerax.mmcif import find_template_residue

    (model,) = _run(session, f'open "{job.result}"')
    heavy = model.num_atoms
    spec = f"#{model.id_string}"
    assert len(_run(session, f"hbonds {spec} interModel false")) > 100, "the example is a bundle of helices"
    messages.clear()
    _run(session, f"addh {spec}")
    assert not [text for level, text in messages if level not in ("note", "info", "status")]
    chain = model.chains[0].residues
    for residue in chain[1:-1]:
        if residue.name in ("ASP", "GLU", "HIS"):  # their templates have other protons
            continue
        template, own = (
            sum(atom.element.number == 1 for atom in one.atoms)
            for one in (find_template_residue(session, residue.name), residue)
        )
        assert own == template - 2, f"{residue}: a peptide bond on either side takes one hydrogen each"
    assert model.num_atoms > 1.8 * heavy
    assert len(_run(session, f"hbonds {spec} interModel false")) > 100
    clashes = _run(session, f"clashes {spec} interModel false")
    pairs = {frozenset((first, second)) for first, others in clashes.items() for second in others}
    assert 1000 * len(pairs) / model.num_atoms < CLASHES_PER_THOUSAND


@pytest.mark.parametrize("suffix", ["cif", "pdb"])
def test_written_by_chimerax(session, job, tmp_path, suffix):
    (model,) = _run(session, f'open "{job.result}"')
    path = tmp_path / f"saved.{suffix}"
    _run(session, f'save "{path}" models #{model.id_string}')
    found = _read(path)
    _same(found, _read(job.result))
    _check_records(found, path)
    (again,) = _run(session, f'open "{path}"')
    assert again.atoms.names.tolist() == model.atoms.names.tolist()
    assert again.chains[0].characters == model.chains[0].characters


@pytest.mark.parametrize("suffix", ["cif", "pdb"])
def test_written_by_us(session, job, tmp_path, messages, suffix):
    from pathlib import Path

    from chimerax.adp3d.process.environment import ENGINE

    path = tmp_path / f"ours.{suffix}"
    _python(WRITER, Path(ENGINE).parent / "process", ENGINE, job.result, path)
    found = _read(path)
    _same(found, _read(job.result))
    _check_records(found, path)
    (result,) = _run(session, f'open "{job.result}"')
    messages.clear()
    (model,) = _run(session, f'open "{path}"')
    assert not [text for level, text in messages if level not in ("note", "info", "status")]
    assert model.atoms.names.tolist() == result.atoms.names.tolist() and model.num_bonds == result.num_bonds
    assert model.chains[0].characters == result.chains[0].characters and model.chains[0].from_seqres


@pytest.mark.parametrize("suffix", ["cif", "pdb"])
def test_accepted_and_written_by_chimerax(session, job, example, tmp_path, suffix):
    """The user's own model, into which new residues were put: its atoms keep their order, new ones are as usual."""
    model = example[1]
    given = {residue.number for residue in model.residues}
    _run(session, f"adp3d accept {job.id} into #{model.id_string}")
    path = tmp_path / f"accepted.{suffix}"
    _run(session, f'save "{path}" models #{model.id_string}')
    found, wanted = _read(path), _read(job.result)
    _check_records(found, path)
    new, new_wanted = ([row for row in one["rows"] if row[1] not in given] for one in (found, wanted))
    assert len(new) > 400 and [row[NAMES] for row in new] == [row[NAMES] for row in new_wanted]
    for one in (found, wanted):
        one["rows"].sort(key=lambda row: row[NAMES])
    _same(found, wanted)
