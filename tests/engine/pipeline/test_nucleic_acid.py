"""A protein refined beside DNA: what is not the job's stays bit for bit, and nothing is built into it."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from dna_complex import SEGMENT, ca_of_segment, complex_with_dna, dna_atoms, map_of, without_segment
from scipy.spatial import cKDTree

from adp3d.contract.specification import RefineSpec
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.structure.read import read_structure


def beside(structure):
    """All that a file says of the chains beside the protein, in its order."""
    return [
        (
            chain.name, residue.name, str(residue.seqid), residue.het_flag, atom.name, atom.altloc, atom.element.name,
            atom.charge, *atom.pos.tolist(), atom.occ, atom.b_iso, *atom.aniso.elements_pdb(),
        )
        for chain in structure[0] if chain.name != "A"
        for residue in chain
        for atom in residue
    ]  # fmt: skip


@pytest.fixture(scope="module")
def refined(tmp_path_factory):
    """Truth, model and job of a segment that the map shows badly, beside DNA that it shows well."""
    folder = tmp_path_factory.mktemp("dna")
    truth = complex_with_dna()
    write_map(map_of(truth, 4.0, 250.0), folder / "map.mrc")
    without_segment(truth).make_mmcif_document().write_file(str(folder / "model.cif"))
    spec = RefineSpec(
        map=str(folder / "map.mrc"), model=str(folder / "model.cif"), output=str(folder / "job"), resolution=4.0,
        sequence=gemmi.one_letter_code([residue.name for residue in truth[0]["A"]]), chains=("A",), steps=8,
        replicas=2, density_weight=1.0, relax=False, dock="never", device="cpu", trajectory_interval=0,
    )  # fmt: skip
    job = JobFolder.create(spec)
    execute(job, NullEvents(), Control())
    return truth, read_structure(spec.model), job


def test_what_is_not_the_jobs_is_bit_for_bit_the_same(refined):
    _, model, job = refined
    assert len(beside(model)) > 150 and any(row[5] == "B" for row in beside(model))
    assert beside(read_structure(job.result)) == beside(model)


def test_no_residue_is_built_into_the_dna(refined):
    truth, _, job = refined
    tree = cKDTree(dna_atoms(truth))
    replicas = list(read_structure(job.path / "ensemble.cif"))
    assert len(replicas) == 2
    for model in replicas:
        ca = np.array([r["CA"][0].pos.tolist() for r in model["A"] if r.seqid.num in SEGMENT])
        assert len(ca) == len(SEGMENT) and tree.query(ca)[0].min() > 3.0
    assert tree.query(ca_of_segment(truth))[0].min() < 3.6  # it is that near
