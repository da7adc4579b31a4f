"""Completing a model without a map, from its file to its result."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
import torch

from adp3d.contract.errors import InputError
from adp3d.contract.specification import CompleteSpec
from adp3d.ensemble.confidence import ONE_REPLICA
from adp3d.job.events import Control, NullEvents, Stopped
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.job.log import read_history
from adp3d.pipeline.complete import _missing_spread
from adp3d.placing.confidence_records import read_confidence
from adp3d.prior.evidence import KnownAtoms
from adp3d.sidechain.templates import TEMPLATES
from adp3d.structure.read import read_structure

BACKBONE = ("N", "CA", "C", "O")


@pytest.fixture
def make_job(small, tmp_path):
    count = iter(range(100))

    def make(**options):
        options = {"model": str(small.model), "replicas": 3, "steps": 12, "device": "cpu", "seed": 5} | options
        return JobFolder.create(CompleteSpec(output=str(tmp_path / f"job{next(count)}"), **options))

    return make


class StopAt(NullEvents):
    def __init__(self, control, step):
        self.control, self.step = control, step

    def progress(self, stage, step, total, metrics=None):
        if step == self.step:
            self.control.stop()


def run(job, events=None, control=None):
    return execute(job, events or NullEvents(), control or Control())


def backbone(path, model=0):
    return {
        (r.seqid.num, a.name): np.array(a.pos.tolist())
        for r in read_structure(path)[model]["A"]
        for a in r
        if a.name in BACKBONE
    }


def built_ca(path, small):
    """CA atoms of the residues that were missing, in all models of a file."""
    return np.array(
        [[r["CA"][0].pos.tolist() for r in m["A"] if r.seqid.num in small.missing] for m in read_structure(path)]
    )


def test_what_is_not_the_jobs_is_in_the_way(small, make_job, tmp_path):
    """Atoms where a job without them has its loop: with them, no replica runs through."""
    free = make_job()
    run(free)
    structure = read_structure(small.model)
    ligand = gemmi.Residue()
    ligand.name, ligand.het_flag, ligand.seqid = "UNL", "H", gemmi.SeqId("1")
    inner = slice(2, -2)  # the ends of the loop have to be where they are
    wall = built_ca(free.result, small)[0, inner]
    for number, place in enumerate(wall):
        atom = gemmi.Atom()
        atom.name, atom.element, atom.pos = f"C{number}", gemmi.Element("C"), gemmi.Position(*place)
        ligand.add_atom(atom)
    chain = gemmi.Chain("L")
    chain.add_residue(ligand)
    structure[0].add_chain(chain)
    structure.setup_entities()
    model = tmp_path / "walled.cif"
    structure.make_mmcif_document().write_file(str(model))
    beside = make_job(model=str(model), side_chains="none")
    metrics = run(beside)

    def nearest(job):
        ca = built_ca(job.path / "ensemble.cif", small)
        return np.linalg.norm(ca[:, :, None] - wall, axis=-1).min()

    assert nearest(free) < 1.0 and nearest(beside) > 2.7  # contacts are 3.45, softly
    assert "obstacles" in metrics["measurements"]
    assert [a.pos.tolist() for a in read_structure(beside.result)[0]["L"][0]] == pytest.approx(wall, abs=2e-3)


def test_known_atoms_stay_and_missing_ones_are_built(small, make_job):
    job = make_job(reference=str(small.deposited))
    metrics = run(job)
    found, given = backbone(job.result), backbone(small.model)
    assert set(found) == {(n, a) for n in range(small.first, small.last + 1) for a in BACKBONE}
    for key, position in given.items():
        np.testing.assert_allclose(found[key], position, atol=2e-3)
    assert metrics["completeness_before"] == pytest.approx(100 * 37 / 44)
    assert metrics["completeness_after"] == 100
    assert metrics["ca_rmsd_known"] < 0.01
    assert metrics["ca_rmsd_missing"] < 8  # anchored at both ends: it cannot be far
    assert metrics["ca_rmsd_start"] == 0
    assert metrics["known_atoms_rmsd"] < 0.01
    assert metrics["replica_scores"] == sorted(metrics["replica_scores"], reverse=True)
    bonds = [np.linalg.norm(found[n, "C"] - found[n + 1, "N"]) for n in range(small.first, small.last)]
    assert np.max(bonds) < 1.7 and metrics["geometry"]["ca_breaks"] == 0
    assert {"convergence", "confidence", "rmsd_completeness", "ensemble", "trajectory"} <= set(job.outputs())


class Overall(NullEvents):
    def __init__(self):
        self.done = []

    def overall(self, done, total):
        self.done.append((done, total))


@pytest.mark.parametrize(("replicas", "total"), [(1, 3), (2, 26)])
def test_the_whole_job_is_done_at_the_end(make_job, replicas, total):
    told = Overall()
    run(make_job(replicas=replicas, steps=3, prior="gaussian", side_chains="none", relax=False), told)
    assert told.done[0] == (replicas, total) and told.done[-1] == (total, total)


def test_confidence_is_full_where_known_and_lower_where_built(small, make_job):
    job = make_job()
    run(job)
    values = {number: value for (_, number, _), value in read_confidence(job.result).items()}
    known = [v for n, v in values.items() if n not in small.missing]
    built = [v for n, v in values.items() if n in small.missing]
    assert min(known) > 99 and max(built[2:5]) < 99 and min(built) >= 0


def test_without_a_reference_there_is_no_rmsd(make_job):
    metrics = run(make_job(replicas=1, steps=3, prior="gaussian"))
    assert metrics["ca_rmsd_missing"] is None and metrics["ca_rmsd_known"] is None


def test_stopped_and_resumed_gives_the_same_bits(make_job):
    whole, stopped, control = make_job(), make_job(), Control()
    expected = run(whole)
    with pytest.raises(Stopped):
        run(stopped, StopAt(control, 5), control)
    assert not stopped.result.exists() and stopped.load_checkpoint() is not None
    found = run(JobFolder.open(stopped.path))
    for name in ("result.cif", "ensemble.cif"):
        assert (stopped.path / name).read_bytes() == (whole.path / name).read_bytes(), name
    for key in ("replica_scores", "mean_confidence", "geometry"):
        assert found[key] == expected[key]
    steps, values = read_history(stopped.events_log).curves("missing_spread")
    all_steps, all_values = read_history(whole.events_log).curves("missing_spread")
    assert list(steps) == list(all_steps)
    np.testing.assert_array_equal(values, all_values)


def test_figures_that_are_plotted(make_job):
    """Exact atoms have no RMSD worth telling; the spread of the missing residues is what falls."""
    exact, alone, uncertain = make_job(steps=8), make_job(replicas=1, steps=3), make_job(steps=3, confidence="bfactor")
    for job in (exact, alone, uncertain):
        run(job)
    told = [read_history(job.events_log).series for job in (exact, alone, uncertain)]
    assert ["known_rmsd" in series for series in told] == [False, False, True]
    assert ["missing_spread" in series for series in told] == [True, False, True]
    _, values = read_history(exact.events_log).curves("missing_spread")
    assert np.isfinite(values).all() and (values > 0).all()


def test_spread_of_missing_residues():
    target = torch.zeros(5, 4, 3)
    known = torch.ones(5, 4, dtype=torch.bool)
    known[3:] = False
    x = torch.zeros(3, 5, 4, 3)
    x[:, :3] += 50.0 * torch.arange(3)[:, None, None, None]  # known residues do not count
    x[0, 3:, 1, 0] = 6.0
    model = KnownAtoms.measured(target, known, torch.ones(5, 4))
    assert _missing_spread(model, x).tolist() == pytest.approx([6.0, 3.0, 3.0])
    complete = KnownAtoms.measured(target[:3], known[:3], torch.ones(3, 4))
    apart = 75 * 3**0.5
    assert _missing_spread(complete, x[:, :3]).tolist() == pytest.approx([apart, 0.0, apart])


@pytest.mark.slow
def test_seeds_matter_and_repeat(make_job):
    a, b, c = make_job(steps=3), make_job(steps=3), make_job(steps=3, seed=6)
    for job in (a, b, c):
        run(job)
    assert a.result.read_bytes() == b.result.read_bytes() != c.result.read_bytes()


def test_uncertain_atoms_may_move(small, make_job, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    for residue in structure[0]["A"]:
        for atom in residue:
            atom.b_iso = 40.0 if residue.seqid.num > 50 else 95.0
    structure.make_mmcif_document().write_file(str(tmp_path / "plddt.cif"))
    job = make_job(model=str(tmp_path / "plddt.cif"), confidence="plddt")
    metrics = run(job)
    assert metrics["completeness_after"] == 100
    found, given = backbone(job.result), backbone(tmp_path / "plddt.cif")
    moves = {key: np.linalg.norm(found[key] - position) for key, position in given.items()}
    sure = np.mean([v for (n, _), v in moves.items() if n <= 50])
    unsure = np.mean([v for (n, _), v in moves.items() if n > 50])
    assert sure < 1.0 and unsure > sure


def test_the_papers_own_updates(make_job):
    metrics = run(make_job(update="gradient", prior="gaussian", steps=60, replicas=2))
    assert metrics["completeness_after"] == 100


def test_a_sequence_given_by_hand_sets_what_is_missing(small, make_job):
    job = make_job(sequence="GG" + small.sequence + "AA", steps=3, prior="gaussian")
    metrics = run(job)
    assert metrics["residues"] == 48 and metrics["completeness_after"] == 100
    numbers = [r.seqid.num for r in read_structure(job.result)[0]["A"]]
    assert numbers == list(range(small.first - 2, small.last + 3))


def test_no_trajectory_when_none_is_wanted(make_job):
    job = make_job(steps=2, prior="gaussian", trajectory_interval=0)
    run(job)
    assert not (job.path / "trajectory.cif").exists() and not job.trajectory.exists()


def test_kept_residues_stay_though_their_confidence_is_low(small, make_job, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    for residue in structure[0]["A"]:
        for atom in residue:
            atom.b_iso = 20.0 if residue.seqid.num > 50 else 95.0
    structure.make_mmcif_document().write_file(str(tmp_path / "plddt.cif"))
    options = {"model": str(tmp_path / "plddt.cif"), "confidence": "plddt", "steps": 4, "prior": "gaussian"}
    job = make_job(keep=("A:51-53", "A:20"), **options)
    run(job)
    found, given = backbone(job.result), backbone(tmp_path / "plddt.cif")
    for number in (20, 51, 52, 53):
        for name in BACKBONE:
            np.testing.assert_allclose(found[number, name], given[number, name], atol=1e-9)
    free = make_job(**options)
    run(free)
    assert any(np.linalg.norm(backbone(free.result)[52, name] - given[52, name]) > 0.05 for name in BACKBONE)


def test_kept_residues_with_the_papers_own_updates(small, make_job):
    job = make_job(update="gradient", prior="gaussian", steps=10, replicas=1, keep=("A:14-20",))
    run(job)
    found, given = backbone(job.result), backbone(small.model)
    for number in range(14, 21):
        np.testing.assert_allclose(found[number, "CA"], given[number, "CA"], atol=1e-9)


def test_residues_to_keep_must_be_there(make_job):
    job = make_job(keep=("A:30-36",))
    with pytest.raises(InputError, match="does not show"):
        run(job)


def records(path):
    """Everything that is said of each atom."""
    return [
        (chain.name, str(residue.seqid), residue.name, residue.het_flag, atom.name, atom.altloc, atom.element.name,
         tuple(atom.pos.tolist()), atom.occ, atom.b_iso, atom.charge,
         tuple(round(u, 5) for u in atom.aniso.elements_pdb()))
        for chain in read_structure(path)[0] for residue in chain for atom in residue
    ]  # fmt: skip


class Said(NullEvents):
    def __init__(self):
        self.texts, self.steps = [], 0

    def message(self, text, level="info"):
        self.texts.append((level, text))

    def progress(self, stage, step, total, metrics=None):
        self.steps += 1


@pytest.fixture
def complete_model(small, tmp_path):
    """Nothing missing: a side chain with two conformers, ANISOU, OXT at a break inside and at the end."""
    structure = gemmi.read_structure(str(small.deposited))
    chain = structure[0]["A"]
    side = [atom for atom in chain[4] if atom.name not in BACKBONE]
    others = [atom.clone() for atom in side]
    for atom, other in zip(side, others, strict=True):
        (atom.altloc, atom.occ), (other.altloc, other.occ) = ("A", 0.6), ("B", 0.4)
        other.pos += gemmi.Position(0.3, 0.2, 0.1)
    for other in others:
        chain[4].add_atom(other)
    chain[7]["CA"][0].aniso = gemmi.SMat33f(0.1, 0.2, 0.3, 0.01, 0.02, 0.03)
    for residue in (chain[20], chain[len(chain) - 1]):
        end = residue["O"][0].clone()
        end.name = "OXT"
        end.pos += gemmi.Position(1.0, 1.0, 0.0)
        if not residue.find_atom("OXT", "*"):
            residue.add_atom(end)
    for residue in list(chain)[21:]:
        for atom in residue:
            atom.pos += gemmi.Position(0.0, 0.0, 25.0)
    path = tmp_path / "complete.cif"
    structure.make_mmcif_document().write_file(str(path))
    return path


@pytest.mark.parametrize("packed", [False, True], ids=["mmCIF", "PDB"])
def test_a_complete_model_comes_back_as_it_is_without_a_run(complete_model, make_job, packed, tmp_path):
    path = complete_model
    if packed:
        path = tmp_path / "complete.pdb"
        path.write_text(gemmi.read_structure(str(complete_model)).make_pdb_string())
    job, said = make_job(model=str(path), steps=5000, replicas=64), Said()
    metrics = run(job, said)
    assert said.steps == 0
    (text,) = [text for _, text in said.texts if "nothing to build" in text]
    assert text.endswith("the backbone of the result is that of the model.")
    assert records(job.result) == records(path)
    assert metrics["completeness_before"] == metrics["completeness_after"] == 100
    assert set(read_confidence(job.result).values()) == {100.0}
    assert read_structure(job.result).info["_struct.title"] == read_structure(path).info["_struct.title"]


def test_what_may_move_is_computed_even_if_nothing_is_missing(small, make_job):
    said = Said()
    run(make_job(model=str(small.deposited), confidence="bfactor", replicas=1, steps=3, prior="gaussian"), said)
    assert said.steps > 0


@pytest.fixture
def mutated(small, tmp_path):
    """The small model with methionine instead of the residue at 20, and its changed name."""
    structure = gemmi.read_structure(str(small.model))
    (residue,) = [r for r in structure[0]["A"] if r.seqid.num == 20]
    was, residue.name = residue.name, "TRP"
    structure.make_mmcif_document().write_file(str(tmp_path / "mutated.cif"))
    return tmp_path / "mutated.cif", was


@pytest.mark.parametrize(
    ("options", "kept"), [({}, False), ({"keep_types": True}, True), ({"keep": ("A:18-22",)}, True)]
)
def test_a_residue_of_another_type(mutated, small, make_job, options, kept):
    path, was = mutated
    job, said = (
        make_job(model=str(path), sequence=small.sequence, replicas=1, steps=3, prior="gaussian", **options),
        Said(),
    )
    run(job, said)
    (before,) = [r for r in read_structure(path)[0]["A"] if r.seqid.num == 20]
    (after,) = [r for r in read_structure(job.result)[0]["A"] if r.seqid.num == 20]
    warnings = [text for level, text in said.texts if level == "warning"]
    assert warnings.pop() == ONE_REPLICA
    assert was != "TRP" and after.name == ("TRP" if kept else was)
    expected = [atom.name for atom in before] if kept else TEMPLATES[was].names
    assert sorted(atom.name for atom in after) == sorted(expected)
    assert warnings == ([] if kept else [
        f"Residue A 20 is TRP in the model and {was} in the sequence: it will be rebuilt as {was}, its own side "
        "chain given up; 'keep_types' keeps TRP."
    ])  # fmt: skip


def test_without_a_sequence_one_warning_says_what_it_would_change(small, make_job, tmp_path):
    structure = gemmi.read_structure(str(small.model))
    structure.entities.clear()
    path = tmp_path / "bare.pdb"
    path.write_text(
        "".join(line for line in structure.make_pdb_string().splitlines(True) if not line.startswith("SEQ"))
    )
    said = Said()
    job = make_job(model=str(path), replicas=1, steps=3, prior="gaussian")
    run(job, said)
    warnings = [text for level, text in said.texts if level == "warning"]
    (warning,) = [text for text in warnings if "sequence" in text]
    assert warning.startswith("No sequence is known for chain A: 7 residues in gaps") and "'sequence'" in warning
    assert [r.name for r in read_structure(job.result)[0]["A"] if r.seqid.num in small.missing] == ["UNK"] * 7
