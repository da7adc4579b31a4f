"""Second page of the panel: the jobs, how far they are, and the buttons that steer them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from Qt.QtCore import QPoint, Qt
from Qt.QtWidgets import QHBoxLayout, QMenu, QProgressBar, QPushButton, QVBoxLayout, QWidget

from .form import job_command
from .job_menu import job_menu
from .job_table import JobTable
from .message import wrapped_label
from .plot import Curve, Plot
from .rows import JobRow, job_row

__all__ = ["JobView"]


class JobView(QWidget):
    """Table of the jobs; state, plot and buttons of the selected one.

    Parameters
    ----------
    execute : callable
        Runs a command.
    map_weight : callable
        Weight of the map that the form shows now; None if it leaves that to the program.
    curves : callable
        Curves of a job and the step at which it ends.
    guarded : callable
        Turns a function into a callback that never raises.
    parent : QWidget
    session : Session, optional
        For the menu of a job; without it there is none.
    """

    def __init__(
        self,
        execute: Callable[[str], None],
        map_weight: Callable[[], float | None],
        curves: Callable[[Any], tuple[Sequence[Curve], float]],
        guarded: Callable[[Callable[[], None]], Callable[..., None]],
        parent: QWidget,
        session: Any = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._guarded = session, guarded
        self._execute, self._map_weight, self._curves = execute, map_weight, curves
        self._jobs: dict[int, Any] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        self.table = JobTable(guarded(self._show_selected), self)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)  # also by the menu key
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.line = wrapped_label(self)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.plot = Plot(self)

        self.pause = _button("Pause", "Hold the job after its present step", self)
        self.stop = _button("Stop", "End the job; its folder keeps what has been computed", self)
        self.steer = _button("Steer", "Change the running job", self)
        self.accept = _button("Accept", "Put the result into the starting model, as one step that can be undone", self)
        self.trajectory = _button("Trajectory", "Play how the result came about", self)
        self.segments = _button("Segments", "Walk through what was rebuilt, moved or left in doubt", self)
        self.arrows = _button("Arrows", "Show what moved from the starting model to the result", self)
        self.pause.clicked.connect(guarded(self._pause_or_resume))
        self.stop.clicked.connect(guarded(lambda: self._run("stop")))
        self.accept.clicked.connect(guarded(lambda: self._run("accept")))
        self.segments.clicked.connect(guarded(lambda: self._run("segments")))
        self.trajectory.clicked.connect(guarded(lambda: self._run("trajectory")))
        self.arrows.clicked.connect(guarded(lambda: self._run("displacement")))
        menu = QMenu(self.steer)
        menu.addAction("Fix selected residues").triggered.connect(guarded(lambda: self._hold("fix")))
        menu.addAction("Release selected residues").triggered.connect(guarded(lambda: self._hold("release")))
        menu.addSeparator()
        menu.addAction("Right mouse button: tug").triggered.connect(guarded(lambda: self._set_mode("adp3d-tug")))
        menu.addAction("Right mouse button: hold").triggered.connect(guarded(lambda: self._set_mode("adp3d-hold")))
        menu.addAction("Right mouse button: move").triggered.connect(guarded(lambda: self._set_mode("translate")))
        menu.addSeparator()
        self.weigh = menu.addAction("Set the map weight given under Set up")
        self.weigh.triggered.connect(guarded(self._set_weight))
        self.steer.setMenu(menu)

        layout.addWidget(self.table)
        layout.addWidget(self.line)
        layout.addWidget(self.progress)
        shown = (self.segments, self.accept, self.trajectory, self.arrows)
        for buttons in ((self.pause, self.stop, self.steer), shown):
            row = QHBoxLayout()
            row.setSpacing(4)
            for button in buttons:
                row.addWidget(button)
            layout.addLayout(row)
        layout.addWidget(self.plot, 1)
        layout.addStretch(0)
        self._show_selected()

    def show_jobs(self, jobs: Sequence[Any]) -> None:
        """Show the present state of all jobs, oldest first."""
        self._jobs = {job.id: job for job in jobs}
        self.table.show_rows([job_row(job) for job in jobs])
        self._show_selected()

    def _show_selected(self) -> None:
        row = self.table.selected_row
        self.pause.setText("Resume" if row is not None and row.can_resume else "Pause")
        self.pause.setEnabled(row is not None and (row.can_pause or row.can_resume))
        self.stop.setEnabled(row is not None and row.can_stop)
        self.steer.setEnabled(row is not None and row.can_steer)
        self.weigh.setVisible(row is not None and row.can_weigh)
        self.accept.setEnabled(row is not None and row.can_accept)
        self.segments.setEnabled(row is not None and row.can_walk)
        self.trajectory.setEnabled(row is not None and row.can_replay)
        self.arrows.setEnabled(row is not None and row.can_compare)
        self.progress.setVisible(row is not None and row.active)
        self.progress.setValue(round(1000 * row.fraction) if row is not None else 0)
        self.line.setText("" if row is None else row.line)
        self.line.setVisible(row is not None)
        curves, last_step = ((), 1.0) if row is None else self._curves(self._jobs[row.job_id])
        self.plot.show_curves(curves, last_step, "Fit and temperature of a running job appear here.")

    def menu(self) -> QMenu | None:
        """Menu of the selected job; None if there is none."""
        row = self.table.selected_row
        if row is None or self._session is None:
            return None
        return job_menu(self._session, self._jobs[row.job_id], row, self._execute, self._guarded, self)

    def _show_menu(self, place: QPoint) -> None:
        def show() -> None:
            menu = self.menu()
            if menu is not None:
                menu.aboutToHide.connect(menu.deleteLater)
                menu.popup(self.table.viewport().mapToGlobal(place))

        self._guarded(show)()

    def _row(self) -> JobRow:
        row = self.table.selected_row
        if row is None:
            from chimerax.core.errors import UserError

            raise UserError("There is no job yet; choose a model and a map and press Run.")
        return row

    def _run(self, name: str) -> None:
        self._execute(job_command(name, self._row().job_id))

    def _pause_or_resume(self) -> None:
        self._run("resume" if self._row().can_resume else "pause")

    def _hold(self, name: str) -> None:
        self._execute(f"adp3d {name} sel job {self._row().job_id}")

    def _set_mode(self, name: str) -> None:
        self._execute(f"ui mousemode right {name}")

    def _set_weight(self) -> None:
        weight = self._map_weight()
        if weight is None:
            from chimerax.core.errors import UserError

            raise UserError(
                "Choose a number for the map weight under Set up first; a job that runs takes nothing else."
            )
        self._execute(job_command("set", self._row().job_id, "densityWeight", f"{weight:.10g}"))


def _button(text: str, tip: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    button.setToolTip(tip)
    button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 16)
    return button
