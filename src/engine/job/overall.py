"""How far a whole job is: its solver runs, and what comes after them, in one unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..solver.planned_run import PlannedRun, total_work
from .events import Events, NullEvents, fan_out

__all__ = ["Overall"]


class Overall:
    """Work done and work to come, in steps of single replicas.

    Stages come in the order of the plan. Those before one that begins are left out, if they have not been done, and
    count no more: the total falls.

    Parameters
    ----------
    plan : sequence of PlannedRun
        Stages that may come. Those without solver steps have the work that takes as long.
    """

    def __init__(self, plan: Sequence[PlannedRun] = ()) -> None:
        self._plan = list(plan)
        self._before = 0
        self._present: PlannedRun | None = None

    def begin(self, stage: PlannedRun) -> None:
        """Begin a stage, planned or not; what is present of an earlier one is done."""
        self.end()
        names = [run.name for run in self._plan]
        if stage.name in names:
            del self._plan[: names.index(stage.name) + 1]
        self._present = stage

    def end(self) -> None:
        """End the present stage, all of it done; nothing happens where there is none."""
        if self._present is not None:
            self._before += self._present.work
        self._present = None

    @property
    def sampling_left(self) -> bool:
        """Whether solver runs may come after the present stage."""
        return any(run.sampled for run in self._plan)

    def at(self, work: int) -> tuple[int, int]:
        """Work done and in all, with some of that of the present stage done."""
        present = 0 if self._present is None else self._present.work
        return self._before + min(work, present), self._before + present + total_work(self._plan)

    def counting(self, events: Events) -> Events:
        """Hear the `progress` of planned stages as well, and tell ``events`` how far the job is with it."""
        return fan_out(_Counting(self, events), events)

    def finish(self, events: Events) -> None:
        """Tell that everything is done: what the plan still has was not needed."""
        self.end()
        self._plan.clear()
        if self._before:
            events.overall(self._before, self._before)

    def _enter(self, name: str) -> PlannedRun | None:
        """The present stage, if that is its name now."""
        if self._present is None or self._present.name != name:
            found = next((run for run in self._plan if run.name == name), None)
            if found is None:
                return None
            self.begin(found)
        return self._present


class _Counting(NullEvents):
    def __init__(self, overall: Overall, events: Events) -> None:
        self._overall = overall
        self._events = events

    def progress(self, stage: str, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        present = self._overall._enter(stage)
        if present is not None:
            self._events.overall(*self._overall.at(present.work * step // max(total, 1)))
