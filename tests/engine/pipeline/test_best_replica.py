"""The replica that a job tells to be its best is the one that its result is made of."""

from __future__ import annotations

import json

import numpy as np
import pytest

from adp3d.contract.kinds import COMPLETE, DISTANCES, KINDS, REFINE
from adp3d.contract.specification import CompleteSpec, DistancesSpec, RefineSpec
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.job.leader import MARGIN
from adp3d.structure.read import read_structure
from adp3d.validation.superpose import rmsd


class Told(NullEvents):
    """Figures and the best replica by step, and the last frame."""

    def __init__(self):
        self.figures, self.best_at, self.frames = {}, [], {}

    def metric(self, name, value, step=None, first_replica=0):
        if step is not None and not isinstance(value, float):
            self.figures.setdefault(name, {})[step] = list(value)

    def best(self, replica, step):
        self.best_at.append((replica, step))

    def frame(self, step, coordinates, first_replica=0):
        assert first_replica == 0
        self.frames[step] = coordinates.copy()


def make_spec(kind, small, folder):
    common = {"output": str(folder / "job"), "replicas": 4, "steps": 8, "device": "cpu"}
    if kind == REFINE.name:
        # not relaxed: that moves atoms by as much as replicas differ that have all found the same
        return RefineSpec(map=str(small.map), model=str(small.model), resolution=1.75, relax=False, **common)
    if kind == COMPLETE.name:
        return CompleteSpec(model=str(small.model), confidence="bfactor", **common)
    assert kind == DISTANCES.name
    ca = np.array([r["CA"][0].pos.tolist() for r in read_structure(small.deposited)[0]["A"]])[:20]
    pairs = [(i, j) for i in range(20) for j in range(i + 2, 20, 2)]
    rows = [f"{i + 1},{j + 1},{np.linalg.norm(ca[i] - ca[j]):.2f}" for i, j in pairs]
    (folder / "r.csv").write_text("\n".join(["residue1,residue2,distance", *rows, ""]))
    return DistancesSpec(restraints=str(folder / "r.csv"), sequence=small.sequence[:20], **common)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name == "refine" else [])
        for name, kind in KINDS.items()
        if kind.samples_backbones
    ],
)
def test_the_replica_that_is_shown_becomes_the_result(kind, small, tmp_path):
    job, told = JobFolder.create(make_spec(kind, small, tmp_path)), Told()
    metrics = execute(job, told, Control())

    # while it runs: the best by the merit of its kind, but for trifles
    merit = KINDS[kind].merit
    for step, values in told.figures[merit.figure].items():
        (shown,) = [replica for replica, since in told.best_at[:-1] if since <= step][-1:]
        best = min(values) if merit.lowest else max(values)
        assert abs(values[shown] - best) <= 1.0001 * MARGIN * abs(best), (step, values, shown)
    assert told.best_at[0] == (0, 0)

    # at the end: the one that the result is made of
    chosen, step = told.best_at[-1]
    assert chosen == metrics["chosen_replica"] and step == max(told.frames)
    chain = [residue["CA"][0].pos.tolist() for residue in read_structure(job.result)[0]["A"]]
    result = np.array(chain)
    last = told.frames[step][:, :, 1].astype(np.float64)
    deviations = rmsd(last, np.broadcast_to(result, last.shape), superposed=True)
    assert int(np.argmin(deviations)) == chosen, deviations

    # and the log knows
    records = [json.loads(line) for line in job.events_log.read_text().splitlines()]
    logged = [(record["replica"], record["step"]) for record in records if record["event"] == "best"]
    assert logged == told.best_at
