"""Main-thread time of what a user clicks after a job, in ChimeraX: show a stretch, accept, undo, redo, alternatives.

    ChimeraX --nogui --exit --script "benchmarks/clicks.py --residues 1000"
    python benchmarks/clicks.py                                     (with the tests' stand-in for ChimeraX)

A helix with a gap of 10 in each 100 residues, eight atoms for each residue, with ChimeraX's dashed lines over the gaps,
is what a job started from; its result, made here without an engine, has them all and everything moved by half an
angstrom, and eight replicas. Each stretch with its gap is shown, accepted, undone and done again; then it is undone,
what the other replicas have is shown, and one of them is accepted. Printed are median and longest time, by the clock
and of the processor: on a busy machine the clock also counts what other programs take. Pictures are told apart: with a
window, helices and strands of another replica's stretch are found when the next one is made. So is the first stretch;
the files of the job were read before, as they are beside everything else when its list of stretches is opened. The exit
status is 1 if a median of the processor time of a click exceeds the goal.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))
from live_updates import helix, stand_in_session

GOAL_MS = 20.0
EVERY, GAP = 100, 10
NAMES = ("N", "CA", "C", "O", "CB", "CG", "CD", "CE")
MOVED = 0.5
"""Angstrom."""
REPLICAS = 8
APART = 0.3
"""Angstrom from one replica to the next."""


def places(n: int) -> NDArray[np.float64]:
    """Atoms (N, 8, 3) of a helix whose side chains stand out from the axis."""
    backbone = helix(n)
    alpha = backbone[:, 1]
    outwards = alpha * (1.0, 1.0, 0.0)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    side = [alpha + 1.5 * step * outwards for step in range(1, 5)]
    return np.concatenate([backbone, np.stack(side, axis=1)], axis=1)


def missing(number: int) -> bool:
    """Whether the starting model lacks a residue."""
    return EVERY // 2 <= number % EVERY < EVERY // 2 + GAP


def open_model(session: Any, n: int) -> Any:
    """The starting model."""
    from chimerax.atomic import AtomicStructure
    from chimerax.atomic.struct_edit import add_atom, add_bond

    model, xyz, last = AtomicStructure(session, name="start", auto_style=False, log_info=False), places(n), None
    serial, gap = 0, False
    dashed = model.pseudobond_group(model.PBG_MISSING_STRUCTURE)
    for number in range(1, n + 1):
        if missing(number):
            gap = True
            continue
        residue = model.new_residue("LYS", "A", number)
        atoms = []
        for name, place in zip(NAMES, xyz[number - 1], strict=True):
            serial += 1
            atoms.append(
                add_atom(name, name[0], residue, place.copy(), serial_number=serial, occupancy=1.0, bfactor=30.0)
            )
        for first, second in ((0, 1), (1, 2), (2, 3), (1, 4), (4, 5), (5, 6), (6, 7)):
            add_bond(atoms[first], atoms[second])
        if gap:
            dashed.new_pseudobond(last, atoms[0])
        elif last is not None:
            add_bond(last, atoms[0])
        last, gap = atoms[2], False
    session.models.add([model])
    return model


def finished_job(session: Any, model: Any, n: int, folder: Path) -> Any:
    """A job on the model that has finished."""
    from chimerax.adp3d.engine.contract.specification import CompleteSpec
    from chimerax.adp3d.handover.atoms import AtomRow, ModelAtoms, ResidueRow
    from chimerax.adp3d.handover.model_export import write_cif
    from chimerax.adp3d.handover.part import ModelPart
    from chimerax.adp3d.handover.prepare import prepare_model_job
    from chimerax.adp3d.jobs.job import Job
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.jobs.state import JobState

    prepared, _ = prepare_model_job(session, CompleteSpec, ModelPart(model), {}, str, folder=str(folder))
    (folder / "inputs").mkdir(parents=True)
    shutil.copy(prepared.spec["model"], folder / "inputs" / "model.cif")
    rows = []
    for number in range(1, n + 1):
        first = len(NAMES) * (number - 1)
        atoms = tuple(AtomRow(name, name[0], "", first + i, 1.0, 40.0) for i, name in enumerate(NAMES))
        rows.append(ResidueRow(("A", number, ""), "LYS", "protein", atoms))
    path = folder / "result.cif"
    write_cif(ModelAtoms(tuple(rows), (places(n) + MOVED).reshape(-1, 3)), path, {}, "result")
    columns = [line.split() for line in path.read_text().splitlines() if line.startswith("ATOM")]
    stated = dict.fromkeys((fields[6], fields[-5]) for fields in columns)
    names = ("label_asym_id", "label_seq_id", "metric_value")
    loop = [
        "loop_",
        *(f"_ma_qa_metric_local.{name}" for name in names),
        *(f"{a} {b} 88.00" for a, b in stated),
        "#",
        "",
    ]
    head, body = _parts(path.read_text())
    ensemble = folder / "ensemble.cif"
    with ensemble.open("w") as stream:
        stream.write(head)
        for replica in range(1, REPLICAS + 1):
            moved = ModelAtoms(tuple(rows), (places(n) + MOVED + APART * (replica - 1)).reshape(-1, 3))
            write_cif(moved, folder / "replica.cif", {}, "replica")
            lines = _parts((folder / "replica.cif").read_text())[1]
            stream.writelines(f"{line[:-1]}{replica}\n" for line in lines)
        stream.write("#\n")
    path.write_text(head + "".join(f"{line}\n" for line in body) + "#\n" + "\n".join(loop))
    job = Job(1_000_000, prepared, job_manager(session))
    job.state, job.paths = JobState.FINISHED, {"result": str(path), "ensemble": str(ensemble)}
    return job


def _parts(text: str) -> tuple[str, list[str]]:
    """What stands before the atoms of a file, and their lines."""
    return text[: text.index("\nATOM") + 1], [line for line in text.splitlines() if line.startswith("ATOM")]


def measure(session: Any, n: int, folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds by the clock and of the processor, by what was done."""
    from chimerax.adp3d.engine.contract.segments import REBUILT, Alternative, Segment
    from chimerax.adp3d.handover.accept_part import accept_residues
    from chimerax.adp3d.handover.read_ahead import read_ahead
    from chimerax.adp3d.live.alternatives import close_alternatives, open_alternatives
    from chimerax.adp3d.live.segment_walk import segment_walk

    model = open_model(session, n)
    job = finished_job(session, model, n, folder)
    read_ahead(job).join()  # as it is when the list of stretches is opened
    walk = segment_walk(session)
    found: dict[str, list[tuple[float, float]]] = {}

    def timed(what: str, act: Callable[[], object]) -> None:
        start, processor = time.perf_counter(), time.thread_time()
        act()
        milliseconds = 1000 * (time.perf_counter() - start), 1000 * (time.thread_time() - processor)
        found.setdefault(what, []).append(milliseconds)
        start, processor = time.perf_counter(), time.thread_time()
        session.update_loop.draw_new_frame()
        milliseconds = 1000 * (time.perf_counter() - start), 1000 * (time.thread_time() - processor)
        found.setdefault(f"  picture after {what}", []).append(milliseconds)

    others = tuple(Alternative(k, None, None, APART * (k - 1)) for k in range(1, REPLICAS + 1))
    for start in range(EVERY // 2, n, EVERY):
        stretch = [("A", number, "") for number in range(start - 3, start + GAP + 3)]
        segment = Segment("A", tuple(str(number) for _, number, _ in stretch), REBUILT, alternatives=others)
        timed("show", lambda stretch=stretch: walk.show_residues(job, stretch))
        timed("accept", lambda stretch=stretch: accept_residues(session, job, model, stretch))
        timed("undo", session.undo.undo)
        timed("redo", session.undo.redo)
        session.undo.undo()
        timed("show alternatives", lambda segment=segment: open_alternatives(session, job, segment, model))
        timed(
            "accept alternative",
            lambda stretch=stretch, k=start: accept_residues(
                session, job, model, stretch, replica=2 + k % (REPLICAS - 1)
            ),
        )
        timed("close alternatives", lambda: close_alternatives(session))
        if start == EVERY // 2:  # read from their files for the first time
            for what in ("accept", "show alternatives"):
                found[f"first {what}"] = found.pop(what)
    if model.num_residues != n:
        raise AssertionError(f"{model.num_residues} of {n} residues are there")
    walk.put_back()
    return found


def main(session: Any, arguments: list[str]) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--residues", type=int, default=1000)
    given = parser.parse_args(arguments)
    session = stand_in_session() if session is None else session
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(session, given.residues, Path(scratch) / "job")
    print(f"{given.residues} residues, stretches of {GAP + 6} with {GAP} new ones (goal {GOAL_MS:.0f} ms):")
    print(f"{'':36s}{'clock: median':>16s}{'longest':>10s}{'processor: median':>20s}{'longest':>10s}")
    slow = False
    for what, times in found.items():
        clock, processor = np.array(times).T
        slow |= float(np.median(processor)) > GOAL_MS and not what.startswith(("first ", " "))
        figures = (np.median(clock), clock.max(), np.median(processor), processor.max())
        print(f"{what:36s}{figures[0]:16.1f}{figures[1]:10.1f}{figures[2]:20.1f}{figures[3]:10.1f}")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main(None, sys.argv[1:]))
if globals().get("session") is not None:  # ChimeraX gives its session to scripts
    status = main(globals()["session"], sys.argv[1:])
    if not globals()["session"].ui.is_gui:
        sys.exit(status)
