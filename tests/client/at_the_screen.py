"""A user's hour in ChimeraX with its window: build the demo, judge it, choose, take back, save, and open again.

    ChimeraX --exit --script "tests/client/at_the_screen.py [--replicas 2] [--steps 8] [--pictures FOLDER]"

With ``--job FOLDER``, a job that an earlier run has kept (``--keep FOLDER``) is taken up and nothing is built.

The bundle and an environment for the engine are brought along as for the tests (see in_chimerax.py). Everything is
done as a user does it, by commands and by clicks on buttons and boxes; after each step the models and numbers are
compared with what they have to be. Printed are the checks, the main-thread time of updates of live models, and that of
clicks, by the clock and of the processor, the next picture excluded. The last line is ``N passed, N failed``; the exit
status is 1 if a check failed.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
LONGEST_SECONDS = 1800.0
SAME = 0.002
"""Angstrom that coordinates may differ after a file: files have three decimals."""
CLICK_MS = 20.0
"""Goal for a click, in milliseconds."""

State = dict[tuple[str, int, str], dict[str, np.ndarray]]
"""Coordinates by residue and atom name."""


class Screen:
    """ChimeraX as its user has it, what was checked, and how long clicks took."""

    def __init__(self, session: Any, pictures: Path | None) -> None:
        self.session = session
        self.pictures = pictures
        self.passed = 0
        self.failed = 0
        self.clicks: list[tuple[str, float, float]] = []

    def run(self, command: str) -> Any:
        """Type a command."""
        from chimerax.core.commands import run

        return run(self.session, command)

    def click(self, what: str, act: Callable[[], object]) -> None:
        """Do what a click does, and note how long the window did not answer."""
        start, processor = time.perf_counter(), time.thread_time()
        act()
        self.clicks.append((what, 1000 * (time.perf_counter() - start), 1000 * (time.thread_time() - processor)))
        self.rest(0.2)

    def rest(self, seconds: float) -> None:
        """Let the window work."""
        from Qt.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), loop.quit)
        loop.exec()

    def wait(self, done: Callable[[], bool]) -> None:
        """Let the window work until something is true."""
        end = time.monotonic() + LONGEST_SECONDS
        while not done():
            if time.monotonic() > end:
                raise TimeoutError("It did not happen in time")
            self.rest(0.1)

    def check(self, what: str, holds: object) -> None:
        """Note whether something is as it has to be."""
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        say(f"{'  right' if holds else '  WRONG'}  {what}")

    def picture(self, name: str) -> None:
        """Keep a picture of the main window as the screen shows it, the molecules included."""
        if self.pictures is None:
            return
        self.rest(0.5)
        self.pictures.mkdir(parents=True, exist_ok=True)
        path, window = self.pictures / f"{name}.png", self.session.ui.main_window
        if not window.screen().grabWindow(window.winId()).save(str(path)):
            raise OSError(f"{path} cannot be written")

    def tool(self, name: str) -> Any:
        """The open tool of that name."""
        return next(tool for tool in self.session.tools.list() if tool.display_name == name)


def say(text: str) -> None:
    """Print where the shell sees it: ChimeraX's window has the other output."""
    print(text, file=sys.__stdout__, flush=True)


def state_of(model: Any) -> State:
    """Coordinates of a model's atoms, in its own frame."""
    found: State = {}
    for residue in model.residues:
        atoms = {atom.name: np.array(atom.coord) for atom in residue.atoms}
        found[residue.chain_id, residue.number, residue.insertion_code.strip()] = atoms
    return found


def names_of(session: Any) -> dict[str, str]:
    """Names of all models by their numbers; a restored job gets a new number, by which its group is called."""
    return {model.id_string: re.sub(r"job \d+", "job", model.name) for model in session.models.list()}


def same(first: State, second: State, tolerance: float = 0.0) -> bool:
    """Whether two models have the same residues, atoms and coordinates."""
    if first.keys() != second.keys():
        return False
    for address, atoms in first.items():
        other = second[address]
        if atoms.keys() != other.keys():
            return False
        if any(np.abs(xyz - other[name]).max() > tolerance for name, xyz in atoms.items()):
            return False
    return True


def only(state: State, addresses: set[tuple[str, int, str]]) -> State:
    """Part of a model."""
    return {address: atoms for address, atoms in state.items() if address in addresses}


def take_up(screen: Screen, folder: Path) -> Any:
    """Open the demo and a job of it that was computed earlier; return the job."""
    from chimerax.adp3d.jobs.manager import job_manager

    volume, model = screen.run("adp3d demo")
    screen.run('ui tool show "ADP-3D"')
    screen.run(f'adp3d resume "{folder}"')
    job = job_manager(screen.session).jobs[-1]
    job.find_again(model, volume)
    return job


def build(screen: Screen, folder: Path, replicas: int, steps: int) -> Any:
    """Open the demo and build; return the finished job."""
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.jobs.state import JobState
    from chimerax.adp3d.live.models import live_models

    session = screen.session
    volume, model = screen.run("adp3d demo")
    screen.check("the demo has 111 of 172 residues", model.num_residues == 111)
    before = state_of(model)
    screen.run('ui tool show "ADP-3D"')
    what = f"#{model.id_string} inMap #{volume.id_string} resolution 1.75"
    screen.run(f'adp3d refine {what} replicas {replicas} steps {steps} seed 1 wait false folder "{folder}"')
    job = job_manager(session).jobs[-1]
    screen.wait(lambda: job.ended or job.step >= 2)
    screen.picture("running")
    screen.wait(lambda: job.ended)
    screen.check(f"the job has finished {job.error}", job.state is JobState.FINISHED)
    screen.rest(1.0)
    screen.check("the starting model is untouched", same(before, state_of(model)))
    say(f"  main thread, updates of live models: {live_models(session).timing}")
    screen.picture("finished")
    return job


def walk(screen: Screen, job: Any) -> tuple[Any, ...]:
    """Walk through all stretches forth and back; return them."""
    from chimerax.adp3d.handover.segments import addresses_of, read_segments
    from chimerax.adp3d.live.segment_walk import segment_walk

    screen.run(f"adp3d segments {job.id}")
    segments = read_segments(job)
    tool, position = screen.tool("ADP-3D Segments"), segment_walk(screen.session)
    screen.check(f"there are at least three stretches ({len(segments)})", len(segments) >= 3)
    screen.check("the table lists them all", sorted(tool.table.order()) == list(range(len(segments))))
    screen.picture("segments")
    camera = screen.session.main_view.camera.position.matrix.copy()
    seen = []
    for _ in segments:
        screen.click("next", tool.next.click)
        seen.append(position.number)
        chosen = screen.session.selection.items("residues")
        addresses = {(r.chain_id, r.number, r.insertion_code.strip()) for group in chosen for r in group}
        wanted = set(addresses_of(segments[position.number - 1]))
        screen.check(f"stretch {segments[position.number - 1].name} is selected", addresses == wanted)
    screen.check("each stretch was shown once", sorted(seen) == list(range(1, len(segments) + 1)))
    screen.click("previous", tool.previous.click)
    screen.check("'previous' goes back", position.number == seen[-2])
    screen.picture("walking")
    screen.click("put back", tool.back.click)
    now = screen.session.main_view.camera.position.matrix
    screen.check("'put back' gives the camera back", np.allclose(camera, now))
    return segments


def choose(screen: Screen, job: Any, segments: tuple[Any, ...]) -> State:
    """Take an alternative for one stretch and two others as they are; return what the model is then."""
    from chimerax.adp3d.handover.replicas import read_replicas
    from chimerax.adp3d.handover.results import result_atoms
    from chimerax.adp3d.handover.segments import addresses_of
    from chimerax.atomic import Atom

    tool, model = screen.tool("ADP-3D Segments"), job.model
    with_new = [n for n, segment in enumerate(segments) if segment.new and len(segment.alternatives) > 1]
    other, *two = with_new[:3]
    states = [state_of(model)]
    screen.click("select a stretch", lambda: tool.table.select([other]))
    screen.click("alternatives", tool.alternatives.click)
    screen.picture("alternatives")
    screen.click("accept an alternative", lambda: screen.run(f"adp3d accept {job.id} segments {other + 1} replica 2"))
    states.append(state_of(model))
    here = set(addresses_of(segments[other]))
    replica = read_replicas(job, here)[1]
    screen.check("the alternative is in the model", _has(states[-1], replica))
    screen.check("nothing else was changed", same(_without(states[0], here), _without(states[-1], here)))
    for number in two:
        screen.click("tick a box", lambda number=number: tool.table.tick([*tool.table.ticked(), number]))
    screen.picture("ticked")
    screen.click("accept two stretches", tool.accept.click)
    states.append(state_of(model))
    both = {address for number in two for address in addresses_of(segments[number])}
    screen.check("two stretches are in the model", _has(states[-1], result_atoms(job), both))
    screen.check("nothing else was changed", same(_without(states[1], both), _without(states[-1], both)))
    shown = model.atoms[model.atoms.displays]
    screen.check("new residues are drawn like the rest", Atom.SPHERE_STYLE not in shown.draw_modes)
    new = sum(segments[number].new for number in (other, *two))
    screen.check(f"{new} residues were added", len(states[-1]) - len(states[0]) == new)
    for wanted in (states[1], states[0]):
        screen.click("undo", lambda: screen.run("undo"))
        screen.check("'undo' takes back one acceptance", same(state_of(model), wanted))
    for wanted in (states[1], states[2]):
        screen.click("redo", lambda: screen.run("redo"))
        screen.check("'redo' puts it back", same(state_of(model), wanted, SAME))
    return states[-1]


def _without(state: State, addresses: set[tuple[str, int, str]]) -> State:
    return {address: atoms for address, atoms in state.items() if address not in addresses}


def _has(state: State, atoms: Any, addresses: set[tuple[str, int, str]] | None = None) -> bool:
    """Whether a model has the residues of a file, or some of them, where the file has them."""
    wanted = {row.address: row for row in atoms.residues}
    for address in wanted.keys() if addresses is None else addresses:
        row, there = wanted[address], state.get(address, {})
        if {atom.name for atom in row.atoms} != set(there):
            return False
        if any(np.abs(there[atom.name] - atoms.xyz[atom.index]).max() > SAME for atom in row.atoms):
            return False
    return True


def save_and_open(screen: Screen, state: State, model: Any, folder: Path, other: int) -> None:
    """Save model and session, close everything, and open them again; stretch ``other`` has alternatives."""
    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.atomic import AtomicStructure

    number, residues = model.id_string, len(state)
    cif, cxs = folder / "model.cif", folder / "session.cxs"
    screen.run(f'save "{cif}" models #{number}')
    screen.run(f"adp3d segments {job_manager(screen.session).jobs[-1].id} restore")
    open_models = names_of(screen.session)
    screen.run(f"adp3d segments alternatives {other + 1}")
    screen.check("alternatives are open", len(names_of(screen.session)) > len(open_models))
    screen.run(f'save "{cxs}"')
    screen.run("close session")
    screen.check("everything is closed", not screen.session.models.list() and not job_manager(screen.session).jobs)
    (opened,) = screen.run(f'open "{cif}"')
    screen.check("the saved model has the accepted residues", same(state, state_of(opened), SAME))
    screen.run("close session")
    screen.run(f'open "{cxs}"')
    screen.rest(1.0)
    models = names_of(screen.session)
    others = sorted(f"#{number} {name}" for number, name in models.items() ^ open_models.items())
    screen.check(f"the session has the same models {', '.join(others)}", not others)
    (job,) = job_manager(screen.session).jobs
    screen.check("the job is listed again", job.state.value == "finished" and job.result is not None)
    again = next(one for one in screen.session.models.list(type=AtomicStructure) if one.id_string == number)
    screen.check("the model is as it was saved", same(state, state_of(again), SAME))
    screen.run("undo")
    screen.check("what was accepted can still be undone", again.num_residues < residues)
    screen.run("redo")
    screen.check("and redone", same(state, state_of(again), SAME))
    screen.run(f"adp3d segments {job.id} show 1")
    screen.picture("reopened")


def clicks_told(screen: Screen) -> None:
    """Print how long clicks took."""
    say("  main thread, clicks: by the clock, of the processor (ms)")
    for what, elapsed, processor in screen.clicks:
        over = f"   over {CLICK_MS:.0f} ms" if processor > CLICK_MS else ""
        say(f"    {what:24s} {elapsed:8.1f} {processor:8.1f}{over}")


def main(session: Any, arguments: list[str]) -> int:
    """Do everything and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--pictures", type=Path, help="folder for pictures of the windows")
    parser.add_argument("--keep", type=Path, help="folder for the job, which is removed otherwise")
    parser.add_argument("--job", type=Path, help="folder of a job of the demo to take up, in place of building")
    given = parser.parse_args(arguments)
    if not session.ui.is_gui:
        say("This needs ChimeraX with its window; start it without --nogui.")
        return 1
    sys.path.insert(0, str(HERE))
    import in_chimerax

    in_chimerax.bring_along(session)
    screen = Screen(session, given.pictures)
    with tempfile.TemporaryDirectory(prefix="adp3d-screen-") as scratch:
        folder = Path(scratch)
        # ChimeraX starts its frames behind its scripts; here they are needed before
        session.update_loop.start_redraw_timer()
        if given.job is None:
            job = build(screen, (given.keep or folder / "job").resolve(), given.replicas, given.steps)
        else:
            job = take_up(screen, given.job.resolve())
        segments = walk(screen, job)
        state = choose(screen, job, segments)
        other = next(n for n, segment in enumerate(segments) if len(segment.alternatives) > 1)
        save_and_open(screen, state, job.model, folder, other)
        screen.run("close session")
    clicks_told(screen)
    say(f"{screen.passed} passed, {screen.failed} failed")
    return int(screen.failed > 0)


if __name__ == "__main__" or "session" in globals():
    sys.exit(main(globals()["session"], sys.argv[1:]))
