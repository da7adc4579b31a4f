"""Pictures of the panel and the tools for the documentation, page by page.

Inside of ChimeraX with its window (a virtual display will do), with the bundle and its engine installed::

    ChimeraX --script "docs/make_panel_screenshots.py docs/images [--replicas 4] [--steps N] [--dark] [--every]"

opens the demo, runs a job from the panel, walks through its result and takes some of it over. Written are
``panel_idle.png``, ``panel_running.png``, ``panel_finished.png``, ``panel_preferences.png`` and ``segments.png`` (the
panel and the tool alone, 360 pixels wide), and ``chimerax_running.png``, ``chimerax_walking.png``,
``chimerax_alternatives.png`` and ``chimerax_accepted.png`` (the whole window); then it quits. With ``--every`` there
are all pages and plots, to be looked at for texts that are cut. With ``--job FOLDER`` a job of the demo that has
finished is taken up in place of running one.

To look at the layout without ChimeraX, with made-up jobs, PySide6 and the tests' stand-in::

    python docs/make_panel_screenshots.py FOLDER --width 300 --dark
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RUNNING_PART = 0.5
"""Part of the job at which the picture of a running one is taken."""
WIDTH, HEIGHT = 360, 720
LONGEST_SECONDS = 1800
DARK = {
    "Base": 45, "Button": 60, "ButtonText": 255, "Dark": 30, "HighlightedText": 255, "Light": 120, "Mid": 40,
    "Midlight": 90, "PlaceholderText": 200, "Text": 255, "ToolTipBase": 60, "ToolTipText": 212, "Window": 30,
    "WindowText": 255,
}  # fmt: skip
"""Grey levels of ChimeraX's dark palette on Linux."""


# ---- in ChimeraX


def photograph_in_chimerax(session: Any, arguments: list[str]) -> None:
    """Run the demo from the panel and write the pictures, without blocking the window."""
    from Qt.QtCore import QTimer
    from Qt.QtWidgets import QApplication

    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "images")
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--job", type=Path)
    given = parser.parse_args(arguments)
    if given.dark:
        _darken(QApplication.instance())
    steps = _play(session, given)
    timer = QTimer(session.ui.main_window)

    def advance() -> None:
        try:
            if next(steps):
                return
        except StopIteration:
            timer.stop()
            session.ui.quit(confirm=False)
        except Exception:
            timer.stop()
            traceback.print_exc(file=sys.__stderr__)  # a window's log would be gone with it
            session.ui.quit(confirm=False)

    timer.timeout.connect(advance)
    timer.start(250)


def _play(session: Any, given: argparse.Namespace) -> Iterator[bool]:
    from chimerax.adp3d.panel.fields import defaults
    from chimerax.adp3d.panel.presets import PRESETS
    from chimerax.core.commands import run

    folder, size = given.folder, {"replicas": given.replicas, "steps": given.steps}
    window = session.ui.main_window
    window.resize(1240, HEIGHT)
    volume, model = run(session, "adp3d demo")
    run(session, 'ui tool show "ADP-3D"')
    for name in ("Log", "Models", "Volume Viewer"):
        run(session, f'ui tool hide "{name}"')
    run(session, "set bgColor white; volume #1 transparency 0.6; hide #2 atoms; view #2; zoom 0.95")
    (tool,) = (tool for tool in session.tools.list() if tool.display_name == "ADP-3D")
    area, panel = tool.tool_window.ui_area, tool.panel
    _narrow(window, area)
    panel.form.load("refine", {**defaults(), **PRESETS["quick"]})
    yield from _wait(lambda: False, ticks=8)
    _save(area, folder / "panel_idle.png")
    panel.pages.setCurrentWidget(panel.pages.widget(2))
    yield from _wait(lambda: False, ticks=4)
    _save(area, folder / "panel_preferences.png")
    if given.every:
        yield from _pages(area, panel, folder)
    jobs = panel.manager.jobs
    if given.job is None:
        panel.form.load("refine", {**defaults(), **size})
        panel.run_button.click()
        run(session, "hide #2 models")
        yield from _wait(lambda: bool(jobs) and (jobs[-1].done or 0.0) >= RUNNING_PART)
        _save(area, folder / "panel_running.png")
        run(session, "lighting soft")  # beautiful, and too slow with software rendering for a whole job
        _save_window(session, folder / "chimerax_running.png")
        run(session, "lighting simple")
        yield from _wait(lambda: jobs[-1].ended)
    else:
        run(session, f'adp3d resume "{given.job}"')
        jobs[-1].find_again(model, volume)
        run(session, "hide #2 models")
        panel.pages.setCurrentIndex(1)
    yield from _wait(lambda: False, ticks=8)
    _save(area, folder / "panel_finished.png")
    yield from _judge(session, given)


def _narrow(window: Any, area: Any) -> None:
    """Give a tool the width of the pictures."""
    from Qt.QtCore import Qt

    window.resizeDocks([area.parentWidget().parentWidget()], [WIDTH], Qt.Orientation.Horizontal)


def _pages(area: Any, panel: Any, folder: Path) -> Iterator[bool]:
    """The page Set up for each kind of job, and with all options."""
    from chimerax.adp3d.panel.fields import defaults

    panel.pages.setCurrentIndex(0)
    for kind in ("complete", "distances", "refine"):
        panel.form.load(kind, defaults())
        yield from _wait(lambda: False, ticks=3)
        _save(area, folder / f"panel_{kind}.png")
    panel.form.more.setChecked(True)
    yield from _wait(lambda: False, ticks=3)
    scroll = _scroll(panel.form)
    height = scroll.viewport().height()
    for number, top in enumerate(range(0, scroll.widget().height(), height), 1):
        scroll.verticalScrollBar().setValue(top)
        yield from _wait(lambda: False, ticks=2)
        _save(area, folder / f"panel_more_{number}.png")
    panel.form.more.setChecked(False)


def _scroll(form: Any) -> Any:
    """The area in which the form is scrolled."""
    from Qt.QtWidgets import QScrollArea

    widget = form
    while not isinstance(widget, QScrollArea):
        widget = widget.parentWidget()
    return widget


def _judge(session: Any, given: argparse.Namespace) -> Iterator[bool]:
    """Walk through the result, look at alternatives, and take some of it over."""
    from chimerax.core.commands import run
    from Qt.QtWidgets import QComboBox

    window, folder = session.ui.main_window, given.folder
    run(session, 'ui tool hide "ADP-3D"')
    if given.every:  # for the page of scores, and for energies along the chain
        models = [model for model in session.models.list() if model.name.startswith("emd_20026_incomplete")]
        scored = ",".join(model.id_string for model in models)
        run(session, f"adp3d score #{scored} steps 5 draws 1 color false wait true")
        run(session, 'ui tool hide "ADP-3D Scores"')
    run(session, "adp3d segments")
    run(session, 'ui tool hide "Log"')
    tool = next(tool for tool in session.tools.list() if tool.display_name == "ADP-3D Segments")
    area = tool.tool_window.ui_area
    yield from _wait(lambda: False, ticks=3)
    _narrow(window, area)
    tool.table.select([0])
    yield from _wait(lambda: False, ticks=8)
    _save(area, folder / "segments.png")
    _save_window(session, folder / "chimerax_walking.png")
    if given.every:
        plots = area.findChildren(QComboBox)[-1]
        for number in range(1, plots.count()):
            plots.setCurrentIndex(number)
            plots.activated.emit(number)
            yield from _wait(lambda: False, ticks=3)
            _save(area, folder / f"segments_{number}.png")
        plots.setCurrentIndex(0)
        plots.activated.emit(0)
    tool.alternatives.click()
    yield from _wait(lambda: False, ticks=8)
    _save_window(session, folder / "chimerax_alternatives.png")
    tool.back.click()
    tool.table.tick([0, 1])
    tool.accept.click()
    run(session, "hide #!3-99 models; show #2 models; view #2; ~select")
    yield from _wait(lambda: False, ticks=8)
    _save_window(session, folder / "chimerax_accepted.png")
    if given.every:
        run(session, 'ui tool hide "ADP-3D Segments"')
        run(session, 'ui tool show "ADP-3D Scores"')
        scores = next(tool for tool in session.tools.list() if tool.display_name == "ADP-3D Scores")
        yield from _wait(lambda: False, ticks=3)
        _narrow(window, scores.tool_window.ui_area)
        yield from _wait(lambda: False, ticks=3)
        _save(scores.tool_window.ui_area, folder / "scores.png")


def _wait(done: Callable[[], bool], ticks: int = 4 * LONGEST_SECONDS) -> Iterator[bool]:
    for _ in range(ticks):
        if done():
            return
        yield True


def _save_window(session: Any, path: Path) -> None:
    """The main window with the molecules in it: a widget's picture leaves the OpenGL area black."""
    from PIL import Image
    from Qt.QtCore import QPoint
    from Qt.QtGui import QImage, QPainter

    window, view = session.ui.main_window, session.main_view
    picture = window.grab()
    graphics = window.graphics_window
    width, height = graphics.width(), graphics.height()
    rendered = view.image(width, height).convert("RGB")
    image = QImage(rendered.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    painter = QPainter(picture)
    painter.drawImage(graphics.widget.mapTo(window, QPoint(0, 0)), image)
    painter.end()
    _write(picture, path)
    with Image.open(path) as full:  # of 256 colours it is a third of the size
        small = full.convert("RGB").quantize(256)
    small.save(path, optimize=True)


# ---- with the stand-in


def photograph_with_stand_in(folder: Path, width: int, dark: bool) -> None:
    """Write the pictures of the panel with made-up jobs."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["ADP3D_PYTHON"] = sys.executable  # the engine counts as installed
    sys.path[:0] = [str(ROOT / "tests" / "client" / "stand_in")]
    import chimerax
    from Qt.QtWidgets import QApplication

    _make_bundle_importable(chimerax)
    application = QApplication(["panel"])
    application.setStyle("Fusion")
    if dark:
        _darken(application)

    from chimerax.adp3d.jobs.manager import job_manager
    from chimerax.adp3d.panel.panel import Panel
    from chimerax.core.session import Session
    from Qt.QtWidgets import QWidget

    session = Session()
    area = QWidget()
    panel = Panel(session, area, lambda: None)
    panel.form.model._list_models = lambda: [_model(2, "emd_20026_incomplete.cif")]
    panel.form.map._list_models = lambda: [_model(1, "emd_20026_protomer.map")]
    panel.form.refresh()
    area.resize(width, 760)
    area.show()
    manager = job_manager(session)
    suffix = f"_{width}{'_dark' if dark else ''}.png"
    for name, states in (("idle", ()), ("running", ("failed", "running", "waiting")), ("finished", ("finished",))):
        manager.jobs[:] = [_job(manager, number, state) for number, state in enumerate(states, 1)]
        panel.refresh_jobs()
        panel.pages.setCurrentIndex(int(bool(states)))
        panel.jobs.table.select_job(2)
        application.processEvents()
        application.processEvents()
        _save(area, folder / f"panel_{name}{suffix}")
    panel.pages.setCurrentIndex(0)
    panel.form.more.setChecked(True)
    area.resize(width, 980)
    for _ in range(4):
        application.processEvents()
    _save(area, folder / f"panel_more{suffix}")
    panel.close()


def _darken(application: Any) -> None:
    """Give the windows ChimeraX's dark palette."""
    from Qt.QtGui import QColor, QPalette

    application.setStyle("Fusion")
    palette = QPalette()
    for role, level in DARK.items():
        palette.setColor(getattr(QPalette.ColorRole, role), QColor(level, level, level))
    palette.setColor(QPalette.ColorRole.Highlight, QColor(46, 91, 125))
    for role in ("ButtonText", "Text", "WindowText"):
        palette.setColor(QPalette.ColorGroup.Disabled, getattr(QPalette.ColorRole, role), QColor(157, 157, 157))
    application.setPalette(palette)


def _make_bundle_importable(chimerax: Any) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "chimerax.adp3d", ROOT / "src" / "__init__.py", submodule_search_locations=[str(ROOT / "src")]
    )
    assert spec is not None and spec.loader is not None
    chimerax.adp3d = sys.modules["chimerax.adp3d"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chimerax.adp3d)


def _model(number: int, name: str) -> Any:
    return SimpleNamespace(id_string=str(number), name=name, atomspec=f"#{number}")


def _job(manager: Any, number: int, state: str) -> Any:
    import numpy as np
    from chimerax.adp3d.jobs.job import Job
    from chimerax.adp3d.jobs.state import JobState, PreparedJob

    spec = {"replicas": 4, "output": f"job{number}"}
    prepared = PreparedJob(kind="refine", spec=spec, folder=Path(f"job{number}"), title="refine #2 in #1")
    job = Job(number, prepared, manager)
    job.state, job.stage, job.total = JobState(state), "sampling", 60
    job.step = {"running": 25, "finished": 60}.get(state, 0)
    job.started, job.finished = 1000.0, 1200.0 if job.ended else None
    if state == "running":
        job.done, job.eta_seconds = 0.12, 130.0
    random = np.random.default_rng(1)
    for step in range(1, job.step + 1):
        fit = 0.46 + 0.28 * (1 - np.exp(-step / 15))
        job.add_metric("correlation", (fit + 0.01 * random.random(4)).tolist(), step)
        job.add_metric("noise_level", [160.0 * (1 - step / 60) ** 3], step)
    if state == "finished":
        job.paths = {"result": "result.cif", "frames": "trajectory.bin"}
        job.result_metrics = {"seconds": 214.0, "map_cc_after": 0.741, "mean_confidence": 86.0}
    if state == "failed":
        job.error, job.advice = "The graphics card ran out of memory.", "Use fewer replicas or the device cpu."
    return job


# ---- both


def _save(widget: Any, path: Path) -> None:
    _write(widget.grab(), path)


def _write(picture: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not picture.save(str(path)):
        raise OSError(f"{path} cannot be written")


def main(arguments: list[str]) -> None:
    """Take the pictures with the stand-in."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args(arguments)
    photograph_with_stand_in(options.folder, options.width, options.dark)


if "session" in globals():  # ChimeraX runs its scripts with this name
    photograph_in_chimerax(globals()["session"], sys.argv[1:])
elif __name__ == "__main__":
    main(sys.argv[1:])
