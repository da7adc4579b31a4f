"""How far a whole job is, with what comes after its solver runs."""

from __future__ import annotations

from adp3d.job.events import NullEvents
from adp3d.job.overall import Overall
from adp3d.solver.planned_run import PlannedRun

PLAN = (
    PlannedRun("first", 5, 2),
    PlannedRun("perhaps", 100, 1),
    PlannedRun("packing", 40, 1),
    PlannedRun("end", 50, 1),
)


class Told(NullEvents):
    def __init__(self):
        self.heard = []

    def overall(self, done, total):
        self.heard.append((done, total))

    def progress(self, stage, step, total, metrics=None):
        self.heard.append((stage, step, total))


def test_stages_without_solver_steps_count_as_they_go():
    told, overall = Told(), Overall(PLAN)
    overall.begin(PLAN[0])
    assert overall.at(4) == (4, 200)
    overall.end()
    counting = overall.counting(told)
    counting.progress("packing", 0, 4)
    counting.progress("packing", 1, 4)
    counting.progress("packing", 4, 4)
    counting.progress("end", 1, 2)
    assert told.heard == [
        (10, 100), ("packing", 0, 4), (20, 100), ("packing", 1, 4), (50, 100), ("packing", 4, 4),
        (75, 100), ("end", 1, 2),
    ]  # fmt: skip
    overall.finish(told)
    assert told.heard[-1] == (100, 100)


def test_what_was_not_needed_does_not_count():
    told, overall = Told(), Overall(PLAN)
    overall.begin(PLAN[0])
    overall.finish(told)
    assert told.heard == [(10, 10)]


def test_stages_that_nobody_planned_are_told_and_not_counted():
    told, overall = Told(), Overall(PLAN[2:])
    counting = overall.counting(told)
    counting.progress("docking", 1, 2)
    assert told.heard == [("docking", 1, 2)]
    counting.progress("packing", 2, 4)
    counting.progress("docking", 2, 2)
    assert told.heard[1:] == [(20, 90), ("packing", 2, 4), ("docking", 2, 2)]


def test_nothing_planned_is_no_progress():
    told = Told()
    Overall().finish(told)
    assert told.heard == []
