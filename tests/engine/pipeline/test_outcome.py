"""What every job leaves behind."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
import torch
from told import Messages

from adp3d.contract.specification import CompleteSpec
from adp3d.job.events import Control, NullEvents
from adp3d.job.folder import JobFolder
from adp3d.job.log import EventLog
from adp3d.job.trajectory import TrajectoryWriter
from adp3d.pipeline.final_model import Movable, Outcome, finish
from adp3d.pipeline.outcome import describe_geometry, likeness, report_model_job, show_trajectory
from adp3d.pipeline.problem import load_problem
from adp3d.placing.confidence_records import read_confidence


@pytest.fixture
def setting(small, tmp_path):
    """A job, its problem, and the deposited backbone as the truth."""
    threads = torch.get_num_threads()
    spec = CompleteSpec(
        output=str(tmp_path / "job"), model=str(small.model), reference=str(small.deposited), device="cpu",
        prior="gaussian",
    )  # fmt: skip
    job = JobFolder.create(spec)
    problem = load_problem(job.spec, NullEvents())
    torch.set_num_threads(threads)
    log = EventLog(job.events_log)
    for step in (1, 2):
        log.metric("noise_level", 1 / step, step=step)
    log.close()
    structure = gemmi.read_structure(str(small.deposited))
    truth = np.array([[r[a][0].pos.tolist() for a in ("N", "CA", "C", "O")] for r in structure[0]["A"]])
    return job, problem, truth


def outcome(truth, offsets=(0.0, 1.0), chosen=0):
    replicas = np.stack([truth + np.array([offset, 0, 0]) for offset in offsets])
    return Outcome(replicas, np.linspace(0, 100, len(truth)), np.arange(len(offsets))[::-1] * 1.0, chosen)


def report(job, spec, problem, found, figures, events):
    """As it was built, without relaxation."""
    none = np.zeros(problem.target.n_residues, bool)
    final = finish(replace(spec, relax=False), problem, found, "Title", Movable(none, none), events, Control())
    return report_model_job(job, spec, problem, final, "Title", figures, events)


def test_metrics_in_closed_form(setting):
    job, problem, truth = setting
    metrics = report(job, job.spec, problem, outcome(truth), {"own": 7}, NullEvents())
    assert metrics["own"] == 7 and metrics["residues"] == 44 and metrics["replicas"] == 2
    assert metrics["completeness_before"] == pytest.approx(100 * 37 / 44)
    assert metrics["completeness_after"] == 100
    for key in ("ca_rmsd_all", "ca_rmsd_known", "ca_rmsd_missing"):
        assert metrics[key] == pytest.approx(0.0, abs=1e-3)
    assert metrics["ca_rmsd_missing_by_replica"][1] == pytest.approx(1.0, abs=1e-3)
    assert metrics["mean_confidence"] == pytest.approx(50.0)
    assert metrics["replica_scores"] == [1.0, 0.0]
    assert metrics["chosen_replica"] == 0
    assert metrics["displacement"]["ca_rmsd"] == pytest.approx(0.0, abs=1e-3)
    assert not (job.path / "displacement.png").exists(), "nothing moved"
    assert (job.path / "residues.csv").read_text().count("\n") == 45
    for name in ("result.cif", "ensemble.cif", "convergence.png", "confidence.png", "rmsd_completeness.png"):
        assert (job.path / name).stat().st_size > 1000, name
    confidence = list(read_confidence(job.result).values())
    np.testing.assert_allclose(confidence, np.linspace(0, 100, 44), atol=0.01)


def test_what_does_not_move_comes_back_as_it_was(setting):
    job, problem, truth = setting
    replica = truth.copy()
    replica[5] += 0.1  # one residue that is known moves
    residue = problem.structure[0]["A"][3]
    other = residue["CB"][0].clone()
    residue["CB"][0].altloc, other.altloc, other.occ = "A", "B", 0.3
    residue.add_atom(other)
    residue["CA"][0].aniso = gemmi.SMat33f(0.1, 0.2, 0.3, 0, 0, 0)
    given = problem.structure.clone()
    report(job, job.spec, problem, outcome(replica), {}, NullEvents())
    found = gemmi.read_structure(str(job.result))[0]["A"]
    rows = {r.seqid.num: r for r in found}
    for old in given[0]["A"]:
        new = rows[old.seqid.num]
        same = [(a.name, a.altloc, a.pos.tolist(), a.occ, a.b_iso, a.aniso.u22) for a in old] == [
            (a.name, a.altloc, pytest.approx(a.pos.tolist(), abs=1e-6), a.occ, a.b_iso, pytest.approx(a.aniso.u22))
            for a in new
        ]
        assert same == (old.seqid.num != problem.target.labels[5][1]), old


def test_what_moved_is_told_and_drawn(setting):
    job, problem, truth = setting
    events = Messages()
    found = outcome(truth + np.array([0.0, 2.0, 0.0]))
    found = replace(found, fit=np.full(44, 0.8), start_fit=np.full(44, 0.5))
    metrics = report(job, job.spec, problem, found, {"resolution": 2.0}, events)
    assert metrics["displacement"]["domains"][0]["shift"] == pytest.approx(2.0, abs=1e-3)
    assert any("moved by 2.00 A and 0.0 degrees" in text for text in events.texts)
    assert (job.path / "displacement.png").stat().st_size > 1000
    assert "displacement" in job.outputs() and "residues" in job.outputs()


def test_the_confidence_as_b_factors_if_wanted(setting):
    job, problem, truth = setting
    spec = replace(job.spec, b_factors="confidence")
    report(job, spec, problem, outcome(truth), {}, NullEvents())
    for residue, value in zip(gemmi.read_structure(str(job.result))[0]["A"], np.linspace(0, 100, 44), strict=True):
        assert [atom.b_iso for atom in residue] == pytest.approx([value] * len(residue), abs=0.01)
    attribute = (job.path / "residue_confidence.defattr").read_text().splitlines()[-1]
    assert attribute.startswith("\t/A:") and attribute.endswith("\t100.00")


def test_geometry_of_a_deposited_model_is_good(setting):
    _, problem, truth = setting
    found = describe_geometry(truth, problem.polymer)
    assert found["bond_rmsz"] < 1.5 and found["angle_rmsz"] < 1.5
    assert found["ca_breaks"] == found["cis_not_proline"] == 0
    assert found["ramachandran_favoured_percent"] > 90
    torn = truth.copy()
    torn[20:] += 10.0
    assert describe_geometry(torn, problem.polymer)["ca_breaks"] == 1
    assert found["clashes_per_1000_atoms"] == 0
    folded = truth.copy()
    folded[30] = truth[5] + 0.3  # one residue on top of another
    assert describe_geometry(folded, problem.polymer)["clashes_per_1000_atoms"] > 1000 * 4 / truth[..., 0].size


def test_likeness_to_a_reference(setting):
    truth = setting[2][:, 1]
    assert likeness(truth + 7.0, truth) == {"ca_lddt": 1.0, "tm_score": pytest.approx(1.0, abs=1e-3)}
    part = truth.copy()
    part[22:] += 30.0
    some = likeness(part, truth)
    assert 0.3 < some["ca_lddt"] < 0.9 and some["tm_score"] < 0.9
    assert likeness(truth, np.full_like(truth, np.nan)) == {"ca_lddt": None, "tm_score": None}


def test_trajectory_of_the_chosen_replica(setting):
    job, problem, truth = setting
    writer = TrajectoryWriter(job.trajectory)
    for step in (1, 2, 3):
        writer.frame(step, np.stack([truth, truth + 10.0 * step]))
    writer.close()
    report(job, job.spec, problem, outcome(truth, chosen=1), {}, NullEvents())
    shown = gemmi.read_structure(str(job.path / "trajectory.cif"))
    assert len(shown) == 3
    for step, model in enumerate(shown, start=1):
        ca = [r["CA"][0].pos.tolist() for r in model["A"]]
        np.testing.assert_allclose(ca, truth[:, 1] + 10.0 * step, atol=0.02)
    assert [r.seqid.num for r in shown[0]["A"]] == [label[1] for label in problem.target.labels]


def test_no_frames_no_trajectory(setting):
    job, problem, _ = setting
    show_trajectory(job, problem.polymer, problem.target.labels, 0)
    assert not (job.path / "trajectory.cif").exists()
