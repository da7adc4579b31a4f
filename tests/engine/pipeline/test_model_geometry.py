"""What a prediction knows of itself, from its confidence and its aligned errors."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from told import Messages

from adp3d.contract.errors import InputError
from adp3d.contract.specification import RefineSpec
from adp3d.job.events import NullEvents
from adp3d.pipeline.model_geometry import aligned_errors, geometry_of_prediction
from adp3d.pipeline.problem import load_problem
from adp3d.predictions.aligned_error import AlignedError


def predicted(small, plddt, second_chain=False) -> gemmi.Structure:
    """The complete small model with pLDDTs (a function of the row) in its column; a copy of it as chain B."""
    structure = gemmi.read_structure(str(small.deposited))
    if second_chain:
        copy = structure[0]["A"].clone()
        copy.name = "B"
        structure[0].add_chain(copy)
        for residue in structure[0]["B"]:
            for atom in residue:
                atom.pos += gemmi.Position(0.0, 0.0, 12.0)
    row = 0
    for chain in structure[0]:
        for residue in chain:
            for atom in residue:
                atom.b_iso = plddt(row)
            row += 1
    return structure


def load(small, structure, tmp_path, **options):
    structure.setup_entities()
    path = tmp_path / "predicted.cif"
    structure.make_mmcif_document().write_file(str(path))
    options = {"confidence": "plddt", "device": "cpu", "prior": "gaussian"} | options
    return load_problem(RefineSpec(output="unused", model=str(path), map=str(small.map), **options), NullEvents())


def test_confident_residues_are_held_relative_to_each_other(small, tmp_path):
    problem = load(small, predicted(small, lambda row: 40.0 if 10 <= row < 15 else 90.0), tmp_path)
    assert problem.target.relative.sum() == 39 and not problem.target.relative[10:15].any()
    events = Messages()
    (geometry,) = geometry_of_prediction(problem, events)
    likelihood = geometry.likelihood
    assert not np.isin(likelihood.pairs.numpy(), np.arange(10, 15)).any()
    assert likelihood.sigma.numpy() == pytest.approx(0.527, abs=1e-3)
    start = problem.scene(events).start()[None]
    assert float(geometry.figures(start)["log_likelihood"][0]) == pytest.approx(0.0, abs=1e-4)
    (said,) = events.texts
    assert "39 predicted residues" in said and f"{len(likelihood.pairs)} distances" in said


def test_models_that_are_no_predictions_say_nothing(small, tmp_path):
    problem = load(small, predicted(small, lambda row: 90.0), tmp_path, confidence="none")
    events = Messages()
    assert not problem.target.relative.any() and geometry_of_prediction(problem, events) == () and not events.texts
    assert geometry_of_prediction(problem, events, np.ones((44, 44))) == ()
    assert events.texts == [
        "The aligned errors only tell the domains of the model here: with 'confidence' plddt they say how sure the "
        "distances between its residues are, too."
    ]


def test_places_of_predicted_residues_pull_nowhere(small, tmp_path):
    problem = load(small, predicted(small, lambda row: 90.0), tmp_path, keep=("A:20-25",))
    target = problem.target.without_places()
    assert not target.known.any() and problem.target.known.all()
    assert not bool(problem.known_atoms(target).known.any())
    pins = problem.pins()
    assert pins.mask[6:12].all() and pins.mask.sum() == 24  # what the user keeps is pinned all the same
    assert bool((pins.over(problem.known_atoms(target)).weights[6:12] > 0).all())


def test_stretches_bring_their_confidence_along(small, tmp_path):
    problem = load(small, predicted(small, lambda row: 60.0 + row % 40), tmp_path, rebuild=("A:20-25",))
    expected = [np.nan if 6 <= row < 12 else (60 + row % 40) / 100 for row in range(44)]
    assert problem.target.lddt == pytest.approx(expected, nan_ok=True)
    assert np.flatnonzero(~problem.target.relative).tolist() == list(range(6, 12))


def test_aligned_errors_decide_where_they_say_more(small, tmp_path):
    problem = load(small, predicted(small, lambda row: 95.0), tmp_path)
    values = np.full((44, 44), 1.0, np.float32)
    values[:20, 20:] = values[20:, :20] = 25.0
    (alone,), (told,) = (geometry_of_prediction(problem, NullEvents(), error) for error in (None, values))
    across = (told.likelihood.pairs[:, 0] < 20) & (told.likelihood.pairs[:, 1] >= 20)
    assert not bool(across.any())
    assert bool(((alone.likelihood.pairs[:, 0] < 20) & (alone.likelihood.pairs[:, 1] >= 20)).any())
    assert told.likelihood.sigma.numpy() == pytest.approx(1.0 / 1.5958, abs=1e-3)


def test_rows_are_found_by_name_whatever_the_order_of_chains(small, tmp_path):
    problem = load(small, predicted(small, lambda row: 95.0, second_chain=True), tmp_path)
    number = np.random.default_rng(0).uniform(0.5, 8.0, (88, 88)).astype(np.float32)
    names = [("B", n) for n in range(14, 58)] + [("A", n) for n in range(14, 58)]
    error = AlignedError(number, tuple(c for c, _ in names), tuple(n for _, n in names), "af3.json")
    expected = number[np.ix_([*range(44, 88), *range(44)], [*range(44, 88), *range(44)])]
    assert np.array_equal(aligned_errors(problem, error), expected)
    assert np.array_equal(aligned_errors(problem, AlignedError(number)), number)  # in the model's order
    (geometry,) = geometry_of_prediction(problem, NullEvents(), aligned_errors(problem, error))
    pairs = geometry.likelihood.pairs
    assert bool(((pairs[:, 0] < 44) & (pairs[:, 1] >= 44)).any())  # the file tells of both chains


def test_a_job_on_one_chain_takes_its_part_of_the_file(small, tmp_path):
    structure = predicted(small, lambda row: 95.0, second_chain=True)
    problem = load(small, structure, tmp_path, chains=("B",))
    values = np.arange(88 * 88, dtype=np.float32).reshape(88, 88) % 30
    assert np.array_equal(aligned_errors(problem, AlignedError(values)), values[44:, 44:])
    own = values[:44, :44]  # that of the chain by itself
    assert np.array_equal(aligned_errors(problem, AlignedError(own)), own)


def test_residues_that_were_cut_off_have_rows_in_the_file(small, tmp_path):
    structure = predicted(small, lambda row: 95.0)
    chain = structure[0]["A"]
    for index in reversed(range(30, 36)):
        del chain[index]
    for residue in chain:
        residue.seqid.num -= 13  # counted from 1, as predictions are
    problem = load(small, structure, tmp_path, sequence=small.sequence)
    values = np.arange(44 * 44, dtype=np.float32).reshape(44, 44) % 30
    found = aligned_errors(problem, AlignedError(values))
    missing = np.arange(30, 36)
    assert np.isnan(found[missing]).all() and np.isnan(found[:, missing]).all()
    shown = np.setdiff1d(np.arange(44), missing)
    assert np.array_equal(found[np.ix_(shown, shown)], values[np.ix_(shown, shown)])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AlignedError(np.ones((50, 50), np.float32), name="other.json"), "other.json is for 50 residues"),
        (
            AlignedError(np.ones((44, 44), np.float32), ("Q",) * 44, tuple(range(44)), "af3.json"),
            "af3.json has no row for 44 residues of the model, the first being A 14",
        ),
        (
            AlignedError(np.ones((44, 44), np.float32), name="colab.json", plddt=(60.0,) * 44),
            "The pLDDTs in colab.json are not those in the model's B-factor column",
        ),
    ],
)
def test_files_of_other_models_are_refused_in_one_sentence(small, tmp_path, error, said):
    problem = load(small, predicted(small, lambda row: 95.0), tmp_path)
    with pytest.raises(InputError, match=said) as caught:
        aligned_errors(problem, error)
    assert str(caught.value).count(". ") == 0


def test_chains_in_another_order_are_told_by_their_plddt(small, tmp_path):
    structure = predicted(small, lambda row: 95.0 if row < 44 else 70.0, second_chain=True)
    problem = load(small, structure, tmp_path)
    values = np.ones((88, 88), np.float32)
    right = AlignedError(values, plddt=(95.0,) * 44 + (70.0,) * 44)
    assert np.array_equal(aligned_errors(problem, right), values)
    with pytest.raises(InputError, match="in their order"):
        aligned_errors(problem, AlignedError(values, plddt=(70.0,) * 44 + (95.0,) * 44))
