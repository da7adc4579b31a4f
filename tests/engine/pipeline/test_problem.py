"""From a specification to residues, coordinates and a prior."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch
from told import Messages

from adp3d.contract.errors import InputError
from adp3d.contract.specification import CompleteSpec
from adp3d.job.events import NullEvents
from adp3d.pipeline.problem import load_problem, reference_ca, sequence_polymer
from adp3d.structure.polymer import Polymer


def load(small, events=None, **options):
    options = {"model": str(small.model), "device": "cpu", "prior": "gaussian"} | options
    return load_problem(CompleteSpec(output="unused", **options), events or NullEvents())


def test_residues_and_what_is_known(small):
    events = Messages()
    problem = load(small, events)
    assert problem.polymer.sequence == small.sequence
    numbers = np.arange(small.first, small.last + 1)
    assert problem.known_residues.tolist() == [n not in small.missing for n in numbers]
    assert [label[1] for label in problem.target.labels] == numbers.tolist()
    assert problem.reference is None
    assert problem.device == torch.device("cpu")
    assert problem.prior.correlation.lengths == (44,)
    assert any("37 of 44" in text for text in events.texts)


def test_origin_is_the_centre_of_the_known_atoms(small):
    problem = load(small)
    structure = gemmi.read_structure(str(small.model))
    backbone = [a.pos.tolist() for r in structure[0]["A"] for a in r if a.name in ("N", "CA", "C", "O")]
    np.testing.assert_allclose(problem.origin().numpy(), np.mean(backbone, axis=0), atol=1e-3)


def test_known_atoms(small):
    problem = load(small)
    model = problem.known_atoms()
    assert model.known.sum() == 4 * 37
    assert torch.isfinite(model.target).all()
    np.testing.assert_allclose(model.observe(model.target).numpy(), problem.target.xyz[problem.target.known], atol=1e-4)
    own = problem.known_atoms(replace(problem.target, sigma=np.full((44, 4), 0.5)))
    assert (own.weights[own.known] == 4.0).all()


def test_reference_is_placed_residue_by_residue(small):
    problem = load(small, reference=str(small.deposited))
    assert problem.reference.shape == (44, 3) and np.isfinite(problem.reference).all()
    known = problem.known_residues
    np.testing.assert_allclose(problem.reference[known], problem.target.xyz[known, 1], atol=1e-3)
    structure = gemmi.read_structure(str(small.deposited))
    ca = [r["CA"][0].pos.tolist() for r in structure[0]["A"]]
    np.testing.assert_allclose(problem.reference, ca, atol=1e-3)


def test_reference_with_gaps_has_nan_there(small):
    found = reference_ca(str(small.model), Polymer.single_chain(small.sequence))
    missing = np.isin(np.arange(small.first, small.last + 1), small.missing)
    assert np.isnan(found[missing]).all() and np.isfinite(found[~missing]).all()


def test_copies_go_to_their_namesakes(small, tmp_path):
    structure = gemmi.read_structure(str(small.deposited))
    copy = structure[0]["A"].clone()
    copy.name = "B"
    for residue in copy:
        for atom in residue:
            atom.pos += gemmi.Position(40.0, 0.0, 0.0)
    structure[0].add_chain(copy)
    structure.make_mmcif_document().write_file(str(tmp_path / "dimer.cif"))
    dimer = sequence_polymer([small.sequence, small.sequence], ["B", "A"])
    found = reference_ca(str(tmp_path / "dimer.cif"), dimer)
    np.testing.assert_allclose(found[:44] - found[44:], np.tile([40.0, 0, 0], (44, 1)), atol=2e-3)


@pytest.mark.parametrize(("first", "last"), [(0, 20), (10, 44), (5, 30)])
def test_reference_may_be_longer_than_the_job(small, first, last):
    structure = gemmi.read_structure(str(small.deposited))
    ca = np.array([r["CA"][0].pos.tolist() for r in structure[0]["A"]])
    found = reference_ca(str(small.deposited), Polymer.single_chain(small.sequence[first:last]))
    np.testing.assert_allclose(found, ca[first:last], atol=1e-3)


def test_reference_of_another_protein_is_refused(small):
    with pytest.raises(InputError):
        reference_ca(str(small.deposited), Polymer.single_chain("W" * 44))


def test_sequence_polymer():
    polymer = sequence_polymer(["MKT", "AG"], ["A", "X"])
    assert polymer.sequence == "MKTAG" and polymer.chain_ids == ("A", "X")
    assert polymer.chain_index.tolist() == [0, 0, 0, 1, 1]
    assert polymer.residue_index.tolist() == [0, 1, 2, 0, 1]
    assert polymer.segment_lengths == (3, 2)
