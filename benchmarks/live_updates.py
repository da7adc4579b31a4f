"""Main-thread time of an update of live models in ChimeraX.

    ChimeraX --nogui --exit --script "benchmarks/live_updates.py --residues 300 --replicas 8"
    ChimeraX --script benchmarks/live_updates.py                  (with pictures)
    python benchmarks/live_updates.py                             (with the tests' stand-in for ChimeraX)

A helix of the given length wobbles in all replicas, as fast as updates are accepted. Printed are median and
99th percentile of the time of the client itself, by the clock and of the processor, and those of ChimeraX,
which rebuilds cartoon and traces and draws them. On a busy machine the clock also counts what other programs
take: where the system tells, updates during which another program got the processor are counted, and the
clock is told without them too. The exit status is 1 if the 99th percentile of the processor time exceeds the
budget.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
BUDGET_MS = 10.0


class Measured(NamedTuple):
    """What was measured.

    Attributes
    ----------
    timing : Timing
        Main-thread time of the client, as it measures it itself.
    undisturbed : ndarray
        Milliseconds by the clock of the updates during which no other program got the processor.
    frames : ndarray
        Milliseconds of ChimeraX's frames (updates included) in which models moved.
    """

    timing: object
    undisturbed: np.ndarray
    frames: np.ndarray


def interruptions() -> int:
    """How often this thread had to give the processor to another one; 0 where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


def watched(update: Callable[[], bool], undisturbed: list[float]) -> Callable[[], bool]:
    """The update, which notes its milliseconds if it was not interrupted."""

    def timed() -> bool:
        before, start = interruptions(), time.perf_counter()
        moving = update()
        milliseconds = 1000 * (time.perf_counter() - start)
        if interruptions() == before:
            undisturbed.append(milliseconds)
        return moving

    return timed


def stand_in_session():
    """Session of the stand-in that the tests of the client use."""
    sys.path.insert(0, str(ROOT / "tests" / "client" / "stand_in"))
    import chimerax

    source = ROOT / "src"
    spec = importlib.util.spec_from_file_location(
        "chimerax.adp3d", source / "__init__.py", submodule_search_locations=[str(source)]
    )
    chimerax.adp3d = sys.modules["chimerax.adp3d"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chimerax.adp3d)
    from chimerax.core.session import Session

    return Session()


def helix(n: int) -> np.ndarray:
    """Backbone (N, 4, 3) of a helix along z."""
    turns = np.deg2rad(100.0 * np.arange(n))
    xyz = np.zeros((n, 4, 3))
    for j, (radius, angle, shift) in enumerate(((1.55, -28, -0.9), (2.3, 0, 0.0), (1.65, 27, 1.1), (2.0, 25, 2.3))):
        at = turns + np.deg2rad(angle)
        xyz[:, j] = np.stack([radius * np.cos(at), radius * np.sin(at), 1.5 * np.arange(n) + shift], axis=-1)
    return xyz


def running_job(session, n: int, replicas: int):
    """A job that never was submitted, with its live models open."""
    from chimerax.adp3d.jobs.job import Job
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.jobs.state import JobState, Layout, PreparedJob
    from chimerax.adp3d.live.models import live_models

    manager = job_manager(session)
    prepared = PreparedJob("refine", {"replicas": replicas}, ROOT, "benchmark")
    job = Job(1_000_000, prepared, manager)
    job.state = JobState.RUNNING
    links = (*(True,) * (n - 1), False)
    labels = (("A",) * n, tuple(range(1, n + 1)), ("",) * n, ("ALA",) * n, (True,) * n, links)
    job.layout = Layout(*labels, helix(n))
    live_models(session).open(job)
    return job


def measure(session, n: int, replicas: int, updates: int) -> Measured:
    """Move the models of a job as often as told."""
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.live.models import live_models

    live, triggers = live_models(session), job_manager(session).triggers
    undisturbed: list[float] = []
    live._updater._update = watched(live._updater._update, undisturbed)
    job = running_job(session, n, replicas)
    random = np.random.default_rng(0)
    frames = []
    for step in range(updates):
        job.add_frame(step, (helix(n) + random.normal(0, 0.3, (replicas, n, 4, 3))).astype("f4"), 0)
        job.add_metric("residue_spread", random.uniform(0, 4, n).tolist(), step)
        before = live.timing.count
        start = time.perf_counter()
        triggers.activate_trigger("job frame", job)
        while True:
            session.update_loop.draw_new_frame()
            if live.timing.count > before:
                break
            time.sleep(0.005)
            start = time.perf_counter()
        frames.append(1000 * (time.perf_counter() - start))
    return Measured(live.timing, np.array(undisturbed), np.array(frames))


def main(session, arguments: list[str]) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--residues", type=int, default=300)
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--updates", type=int, default=200)
    given = parser.parse_args(arguments)
    session = stand_in_session() if session is None else session
    measured = measure(session, given.residues, given.replicas, given.updates)
    timing = measured.timing
    print(f"{given.residues} residues x {given.replicas} replicas, {timing.count} updates")
    print(f"main-thread time of the client, median and 99th percentile (budget {BUDGET_MS:.0f} ms):")
    show("by the clock", timing.median, timing.percentile_99)
    if 0 < len(measured.undisturbed) < timing.count:
        what = f"by the clock, without {timing.count - len(measured.undisturbed)} that others interrupted"
        show(what, *np.percentile(measured.undisturbed, (50, 99)))
    show("of the processor", timing.processor_median, timing.processor_99)
    print("frame of ChimeraX, the update included:")
    show("by the clock", *np.percentile(measured.frames, (50, 99)))
    return int(timing.processor_99 > BUDGET_MS)


def show(what: str, median: float, high: float) -> None:
    """Print a line of results."""
    print(f"  {what:58s} {median:7.2f} ms  {high:7.2f} ms")


if __name__ == "__main__":
    sys.exit(main(None, sys.argv[1:]))
if globals().get("session") is not None:  # ChimeraX gives its session to scripts
    status = main(globals()["session"], sys.argv[1:])
    if not globals()["session"].ui.is_gui:
        sys.exit(status)
