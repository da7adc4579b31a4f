"""A job that two workers share, beside the same job that one worker runs."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest
from small_structures import Builder, Part

from adp3d.batch.task import STOP_FILE, help_job_folder, run_job_folder
from adp3d.contract.specification import CompleteSpec
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.job.shared_folder import helper_of, share
from adp3d.job.trajectory import read_trajectory

SEQUENCE = Builder.SEQUENCE[:24]


@pytest.fixture
def spec(tmp_path) -> CompleteSpec:
    model = tmp_path / "model.cif"
    Builder.build([Part("A", SEQUENCE, skip=(10, 11, 12))]).make_mmcif_document().write_file(str(model))
    return CompleteSpec(
        output=str(tmp_path / "job"), model=str(model), sequence=SEQUENCE, steps=6, replicas=5, prior="gaussian",
        device="cpu", relax=False, side_chains="none",
    )  # fmt: skip


def stages(log: Path) -> set[tuple[str, int]]:
    """Stages of which a process told the end, and with how many replicas it did so."""
    records = [json.loads(line) for line in log.read_text().splitlines()]
    return {(r["stage"], r["step"]) for r in records if r["event"] == "progress" and r["step"] == r["total"]}


def coordinates(job: JobFolder) -> np.ndarray:
    structure = gemmi.read_structure(str(job.path / "ensemble.cif"))
    return np.array([[site.atom.pos.tolist() for site in model.all()] for model in structure])


def test_shared_is_the_same_as_alone(spec, tmp_path):
    alone = JobFolder.create(replace(spec, output=str(tmp_path / "alone")))
    share(alone, 2)
    assert run_job_folder(str(alone.path), str(tmp_path / STOP_FILE)).state == "finished"

    job = JobFolder.create(spec)
    share(job, 2)
    helping = threading.Thread(
        target=lambda: outcomes.append(help_job_folder(str(job.path), str(tmp_path / STOP_FILE)))
    )
    outcomes: list = []
    helping.start()
    led = run_job_folder(str(job.path), str(tmp_path / STOP_FILE))
    helping.join()
    assert led.state == "finished", led.error
    # it has seen the last stage, or that the job was over
    assert [outcome.state in ("helped", "left") for outcome in outcomes] == [True], outcomes

    assert np.array_equal(coordinates(alone), coordinates(job))
    # the last frame of each replica is there, whoever computed it
    trajectory = read_trajectory(job.trajectory)
    last = [trajectory.of_replica(replica) for replica in range(5)]
    assert len({int(steps[-1]) for steps, _ in last}) == 1
    assert not (job.path / "shared").exists()
    assert help_job_folder(str(job.path), str(tmp_path / STOP_FILE)).state == "helped"  # there is nothing to do


def test_a_shared_job_that_nobody_helps_with_goes_on_alone(spec, tmp_path):
    job = JobFolder.create(spec)
    assert helper_of(job, "me") is None
    share(job, 2)
    helper = helper_of(job, "me")
    assert helper is not None and helper.shared is not None and helper.shared.helping
    assert helper.path.is_relative_to(job.path) and helper.spec.trajectory_interval == 0
    (tmp_path / STOP_FILE).touch()
    assert help_job_folder(str(job.path), str(tmp_path / STOP_FILE)).state == "left"
    (tmp_path / STOP_FILE).unlink()
    # a job that has ended sends its helpers away
    job.shared.end()
    assert help_job_folder(str(job.path), str(tmp_path / STOP_FILE)).state == "left"
    assert not list((job.path / "shared").glob("*.safetensors"))

    # begun anew it is not shared, and nothing of that is left
    opened = JobFolder.open(job.path)
    assert opened.shared is not None
    opened.restart()
    assert opened.shared is None and not (job.path / "shared").exists()
    share(job, 2)
    assert run_job_folder(str(job.path), str(tmp_path / STOP_FILE)).state == "finished"
    assert not (job.path / "shared").exists()


def test_a_job_that_its_user_steers_is_his_own(spec):
    job = JobFolder.create(spec)
    share(job, 2)
    control = Control()
    control.hold((3, 4))
    seen: list[bool] = []

    class Asking(NullEvents):
        def progress(self, stage, step, total, metrics=None) -> None:
            seen.append(helper_of(job, "me") is None)

    execute(job, Asking(), control)
    assert not seen[0] and seen[-1]  # from the step on at which residues are held


def test_helpers_leave_a_complete_model_to_its_leader(spec, tmp_path):
    Builder.build([Part("A", SEQUENCE)]).make_mmcif_document().write_file(spec.model)
    job = JobFolder.create(spec)
    share(job, 2)
    assert help_job_folder(str(job.path), str(tmp_path / STOP_FILE)).state == "helped"
    assert not list((job.path / "shared").rglob("result.cif"))
