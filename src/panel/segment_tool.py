"""The tool ADP-3D Segments: what a job made, stretch by stretch, to walk through and to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from chimerax.core.tools import ToolInstance
from chimerax.ui import MainToolWindow
from Qt.QtCore import Qt
from Qt.QtGui import QKeySequence, QShortcut
from Qt.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ..engine.contract.segments import Segment, summary
from ..handover.read_ahead import read_ahead
from ..handover.residue_values import ResidueValues, read_residue_values
from ..handover.results import result_model
from ..handover.scoreboard import SCORED, scoreboard
from ..handover.segments import addresses_of, read_segments
from ..jobs.manager import job_manager
from ..live.segment_walk import CHANGED, segment_walk
from .figure_stack import FigureStack
from .free_side import free_side
from .guard import guard
from .message import MessageBar, wrapped_label
from .segment_table import SegmentTable

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure

__all__ = ["SegmentsTool"]

_JOB_TRIGGERS = ("job ended", "job removed", "job added")


class SegmentsTool(ToolInstance):
    """Window with the list of a job.

    Parameters
    ----------
    session : Session
    tool_name : str
        Name of the tool in the description of the bundle.
    """

    SESSION_ENDURING = False
    SESSION_SAVE = False
    help = "help:user/commands/adp3d.html#segments"

    def __init__(self, session: Any, tool_name: str) -> None:
        super().__init__(session, tool_name)
        self.display_name = tool_name
        self.tool_window = MainToolWindow(self)
        self._segments: tuple[Segment, ...] = ()
        self._values = ResidueValues((), {})
        self._listed: list[int] = []
        self._build(self.tool_window.ui_area)
        manager, walk = job_manager(session), segment_walk(session)
        self._handlers = [
            *(manager.triggers.add_handler(name, self._guarded(self._list_jobs)) for name in _JOB_TRIGGERS),
            walk.triggers.add_handler(CHANGED, self._guarded(self._follow)),
            scoreboard(session).triggers.add_handler(SCORED, self._guarded(self._plot)),
        ]
        self._list_jobs()
        self.tool_window.manage(placement=free_side(session))

    def delete(self) -> None:
        """Close the window, and leave the view as it was before."""
        for handler in self._handlers:
            handler.remove()
        self._handlers = []
        segment_walk(self.session).put_back()
        super().delete()

    def _build(self, area: QWidget) -> None:
        layout = QVBoxLayout(area)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        self.note = MessageBar(area)
        self.jobs, self.figure = QComboBox(area), QComboBox(area)
        self.jobs.setToolTip("Job whose result is listed")
        self.jobs.setAccessibleName("Job")
        self.figure.setToolTip("What is plotted along the chains")
        self.figure.setAccessibleName("Figure that is plotted")
        for chooser in (self.jobs, self.figure):
            chooser.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            chooser.setMinimumContentsLength(10)
        self.plot = FigureStack(self.figure, self._clicked_in_plot, area)
        self.table = SegmentTable(self._chosen_in_table, self._guarded(self._enable), area)
        self.line = wrapped_label(area)
        choosers = QHBoxLayout()
        choosers.setSpacing(4)
        choosers.addWidget(self.jobs, 1)
        choosers.addWidget(self.figure, 1)
        layout.addLayout(choosers)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.table, 3)
        layout.addWidget(self.line)
        self.previous = self._button("Previous", "Show the stretch above (key P)", lambda: self._step(-1), "P")
        self.next = self._button("Next", "Show the stretch below (key N)", lambda: self._step(1), "N")
        self.alternatives = self._button(
            "Alternatives", "Show what the other replicas have in its place (key A)", self._compare, "A"
        )
        self.accept = self._button(
            "Accept ticked",
            "Put the ticked stretches into the starting model, as one step that can be undone",
            self._accept,
        )
        self.back = self._button("Put back", "Leave view, map and sticks as they were (key B)", self._put_back, "B")
        self.report = self._button("Report", "Make a page of everything that is known of this job", self._report)
        for buttons in ((self.previous, self.next, self.alternatives), (self.accept, self.back, self.report)):
            row = QHBoxLayout()
            row.setSpacing(4)
            for button in buttons:
                row.addWidget(button)
            layout.addLayout(row)
        layout.addWidget(self.note)
        self.jobs.currentIndexChanged.connect(self._guarded(self._show_job))
        self.figure.currentIndexChanged.connect(self._guarded(self.plot.show_chosen))

    def _button(self, text: str, tip: str, act: Callable[[], None], key: str = "") -> QPushButton:
        area = self.tool_window.ui_area
        button = QPushButton(text, area)
        button.setToolTip(tip)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 16)
        button.clicked.connect(self._guarded(act))
        if key:
            shortcut = QShortcut(QKeySequence(key), area)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self._guarded(act))
        return button

    def _guarded(self, function: Callable[[], None]) -> Callable[..., None]:
        return guard(self.session, self.note.show_text, function)

    @property
    def job_id(self) -> int | None:
        """Number of the job whose list is shown."""
        index = self.jobs.currentIndex()
        return self._listed[index] if 0 <= index < len(self._listed) else None

    def show_job(self, number: int) -> None:
        """Show the list of a job that has one."""
        if number in self._listed:
            self.jobs.setCurrentIndex(self._listed.index(number))

    def _list_jobs(self) -> None:
        """Offer the jobs that have a list, the newest first, and show that which was shown."""
        shown = self.job_id
        found = [job for job in reversed(list(job_manager(self.session).jobs)) if "segments" in job.paths]
        numbers = [job.id for job in found]
        if numbers != self._listed:
            self._listed = numbers
            self.jobs.blockSignals(True)
            self.jobs.clear()
            self.jobs.addItems([f"{job.id}  {job.title}" for job in found])
            if shown in numbers:
                self.jobs.setCurrentIndex(numbers.index(shown))
            self.jobs.blockSignals(False)
        if self.job_id != shown or shown is None:
            self._show_job()

    def _show_job(self) -> None:
        self._segments, self._values = (), ResidueValues((), {})
        try:
            if self.job_id is not None:
                job = job_manager(self.session).get(self.job_id)
                self._segments = read_segments(job)
                self._values = read_residue_values(job)
                read_ahead(job)
        finally:  # what cannot be read is told, and nothing of another job stays
            self.table.show_segments(self._segments)
            self._plot()
            self._follow()

    def _plot(self) -> None:
        """Offer what can be plotted of the job."""
        rows = {address: row for row, address in enumerate(self._values.addresses)}
        stretches = []
        for segment in self._segments:
            own = [rows[address] for address in addresses_of(segment) if address in rows]
            stretches.append((own[0], own[-1]) if own else (0, -1))
        self.plot.show_figures(self._values, stretches, self._structure())

    def _structure(self) -> AtomicStructure | None:
        """The model that shows the job: its result, else the model that it started from."""
        if self.job_id is None:
            return None
        job = job_manager(self.session).get(self.job_id)
        return result_model(self.session, job) or job.model

    def _follow(self) -> None:
        """Mark the stretch that is shown, whoever has shown it."""
        walk = segment_walk(self.session)
        if walk.number and walk.job_id != self.job_id:
            self.show_job(walk.job_id)
        number = walk.number - 1 if walk.job_id == self.job_id else -1
        self.table.mark([number] if number >= 0 else [])
        self.plot.mark(number)
        if 0 <= number < len(self._segments):
            segment = self._segments[number]
            self.line.setText(f"{segment.name}: {', '.join(segment.reasons) or 'nothing speaks against it'}.")
        elif self.job_id is None:
            self.line.setText("No job has a list yet: it appears when one has finished.")
        else:
            self.line.setText(summary(self._segments))
        self._enable()

    def _enable(self) -> None:
        walk = segment_walk(self.session)
        shown = bool(walk.number) and walk.job_id == self.job_id
        ticked = self.table.ticked()
        self.accept.setEnabled(bool(ticked))
        for button in (self.previous, self.next):
            button.setEnabled(bool(self._segments))
        self.alternatives.setEnabled(shown and len(self._segments[walk.number - 1].alternatives) > 1)
        self.back.setEnabled(bool(walk.number))
        self.report.setEnabled(self.job_id is not None)

    def _chosen_in_table(self, numbers: Sequence[int]) -> None:
        walk = segment_walk(self.session)
        if numbers and (walk.job_id, walk.number) != (self.job_id, numbers[0] + 1):
            self._guarded(lambda: self._run(f"adp3d segments {self.job_id} show {numbers[0] + 1}"))()

    def _clicked_in_plot(self, row: int) -> None:
        address = self._values.addresses[row]
        number = next((n for n, one in enumerate(self._segments) if address in addresses_of(one)), None)
        if number is not None:
            self.table.select([number])
        else:
            self._guarded(lambda: self._show_residue(row))()

    def _show_residue(self, row: int) -> None:
        job = job_manager(self.session).get(self.job_id)
        segment_walk(self.session).show_residues(job, [self._values.addresses[row]])

    def _step(self, by: int) -> None:
        """Go up or down in the table as it is sorted."""
        order = self.table.order()
        if not order:
            return
        walk = segment_walk(self.session)
        shown = walk.number - 1 if walk.job_id == self.job_id else -1
        at = order.index(shown) + by if shown in order else (0 if by > 0 else -1)
        self.table.select([order[at % len(order)]])

    def _compare(self) -> None:
        walk = segment_walk(self.session)
        if walk.number and walk.job_id == self.job_id:
            self._run(f"adp3d segments {self.job_id} alternatives {walk.number}", log=True)

    def _accept(self) -> None:
        numbers = ",".join(str(number + 1) for number in self.table.ticked())
        self._run(f"adp3d accept {self.job_id} segments {numbers}", log=True)
        self.table.tick([])

    def _put_back(self) -> None:
        self._run("adp3d segments restore")

    def _report(self) -> None:
        self._run(f"adp3d report {self.job_id}", log=True)

    def _run(self, command: str, log: bool = False) -> None:
        """Run a command; those that only show something would fill the Log."""
        from chimerax.core.commands import run

        run(self.session, command, log=log)
