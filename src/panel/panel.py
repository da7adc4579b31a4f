"""Everything in the window: pages to set jobs up, of jobs and of preferences, kept up to date with the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from Qt.QtCore import Qt, QTimer
from Qt.QtGui import QFontDatabase, QKeySequence, QShortcut
from Qt.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QTabWidget, QVBoxLayout, QWidget

from ..engine.contract.domains import Device, Plugin
from ..jobs.manager import job_manager
from ..live.session import unfinished_jobs
from ..live.view import is_live
from ..process.plugins import known_names
from .curves import job_curves
from .device_times import DeviceTimes
from .fitting import FittingScrollArea
from .form import can_check, check_command, missing, run_command, validate_command
from .guard import guard
from .install_strip import InstallStrip
from .job_view import JobView
from .message import MessageBar
from .preference_page import PreferencePage
from .preferences import PanelMemory
from .report import report_text, validation_text
from .saved_jobs import SavedJobsButton
from .settings_form import SettingsForm

__all__ = ["Panel"]

_REFRESH_MILLISECONDS = 200
_LEAST_SETTINGS = 90
"""Pixels of the settings that are seen where there is no more room: task, model and map; the rest scrolls. Buttons and
messages are always seen."""
_COMMAND_LINES = 2
_PAGES = ("What to compute", "What is computed, and its results", "What holds for all jobs")
_MODEL_TRIGGERS = ("add models", "remove models", "model id changed", "model name changed")
_SAVED_TRIGGERS = ("end restore session", "command finished")
_JOB_TRIGGERS = ("job added", "job changed", "job layout", "job ended", "job removed")


class Panel:
    """Builds commands, runs them and shows the jobs; has no logic of its own.

    Parameters
    ----------
    session : Session
    area : QWidget
        Empty widget to fill.
    show_help : callable
        Opens the help page.
    """

    def __init__(self, session: Any, area: QWidget, show_help: Callable[[], None]) -> None:
        self.session = session
        self._memory = PanelMemory(session)
        self._times = DeviceTimes()
        self.manager = job_manager(session)
        self._build(area, show_help)
        self.form.load(*self._memory.recall())
        self._timer = QTimer(area)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MILLISECONDS)
        self._timer.timeout.connect(self._guarded(self.refresh_jobs))
        refresh_models, schedule = self._guarded(self.form.refresh), self._guarded(self._schedule)
        self._handlers = [
            *(session.triggers.add_handler(name, refresh_models) for name in _MODEL_TRIGGERS),
            session.triggers.add_handler("command finished", self._guarded(self.installation.refresh)),
            *(session.triggers.add_handler(name, self._guarded(self._offer_saved)) for name in _SAVED_TRIGGERS),
            *(self.manager.triggers.add_handler(name, schedule) for name in _JOB_TRIGGERS),
        ]
        self.form.refresh()
        self.refresh_jobs()
        self._offer_saved()

    def close(self) -> None:
        """Listen no more; jobs go on."""
        for handler in self._handlers:
            handler.remove()
        self._handlers = []
        self._timer.stop()
        self.installation.close_down()

    def note(self, text: str) -> None:
        """Show a sentence below the buttons."""
        self._note.show_text(text)

    def _guarded(self, function: Any) -> Any:
        return guard(self.session, self.note, function)

    def _build(self, area: QWidget, show_help: Callable[[], None]) -> None:
        layout = QVBoxLayout(area)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)

        self._note = MessageBar(area)
        self._command = QPlainTextEdit(area)
        self._command.setReadOnly(True)
        self._command.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._command.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self._command.setFixedHeight(_COMMAND_LINES * self._command.fontMetrics().lineSpacing() + 10)
        self._command.setToolTip("The command that Run gives")
        self._command.setAccessibleName("Equivalent command")
        self.estimate, self.validate, self.run_button, self.help_button = (
            QPushButton(text, area) for text in ("Estimate", "Validate", "Run", "Help")
        )
        self.estimate.setToolTip("Check model, map and sequence, and estimate memory and time; changes nothing")
        self.validate.setToolTip("Validate the model as it is, in the map if one is chosen; the Log has the report")
        self.run_button.setToolTip("Start the job")
        self.form = SettingsForm(
            self._models, self._maps, self._sequences, self._show_command, self._guarded, area, self._names
        )
        self.jobs = JobView(
            self._execute,
            lambda: self.form.options()["densityWeight"],
            job_curves,
            self._guarded,
            area,
            self.session,
        )
        self.estimate.clicked.connect(self._guarded(self._estimate))
        self.validate.clicked.connect(self._guarded(self._validate))
        self.run_button.clicked.connect(self._guarded(self._run))
        self.help_button.clicked.connect(self._guarded(show_help))
        shortcut = QShortcut(QKeySequence("Ctrl+Return"), area)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self.run_button.click)

        self.installation = InstallStrip(self.session, self._execute, self.note, self._guarded, area)
        self.saved = SavedJobsButton(self._execute, self._guarded, area)
        self.pages = QTabWidget(area)
        self.pages.setDocumentMode(True)
        self.pages.setAccessibleName("Pages of ADP-3D")
        self.pages.addTab(self._set_up_page(area), "Set up")
        self.pages.addTab(_page(area, self.jobs), "Jobs")
        self.preferences = PreferencePage(
            self.session, lambda: self._names(Device()), self._guarded, area, self._execute
        )
        self.pages.addTab(_page(area, self.preferences), "Preferences")
        for number, tip in enumerate(_PAGES):
            self.pages.setTabToolTip(number, f"{tip} (Ctrl+Tab for the next page)")
        self.pages.currentChanged.connect(self._guarded(self.preferences.refresh))

        layout.addWidget(self.installation)
        layout.addWidget(self.saved)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self._note)

    def _set_up_page(self, area: QWidget) -> QWidget:
        """Settings, the command that they amount to, and its buttons."""
        self.settings = FittingScrollArea(self.form, area, _LEAST_SETTINGS)
        page = _page(area, self.settings, self._command)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for button in (self.estimate, self.validate, self.run_button, self.help_button):
            button.setMinimumWidth(button.fontMetrics().horizontalAdvance(button.text()) + 16)
            buttons.addWidget(button)
        layout = page.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.addLayout(buttons)
        layout.addStretch(0)
        return page

    def show_jobs(self) -> None:
        """Turn to the page of jobs."""
        self.pages.setCurrentIndex(1)

    def _models(self) -> Sequence[Any]:
        from chimerax.atomic import AtomicStructure

        models = self.session.models.list(type=AtomicStructure)
        return [model for model in models if model.num_residues and not is_live(model)]

    def _maps(self) -> Sequence[Any]:
        from chimerax.map import Volume

        return list(self.session.models.list(type=Volume))

    def _sequences(self) -> Sequence[str]:
        manager = getattr(self.session, "alignments", None)  # made by another bundle when it is first used
        alignments = [] if manager is None else manager.alignments
        return [f"{alignment.ident}:{sequence.name}" for alignment in alignments for sequence in alignment.seqs]

    def _names(self, domain: Plugin | Device) -> Sequence[str]:
        return known_names(self.session, domain)

    def _schedule(self) -> None:
        """Refresh soon, once for all that happens until then."""
        if not self._timer.isActive():
            self._timer.start()

    def refresh_jobs(self) -> None:
        """Show the present state of the jobs, and offer those of a restored session that are none of them yet."""
        jobs = list(self.manager.jobs)
        self.jobs.show_jobs(jobs)
        going = sum(not job.ended for job in jobs)
        self.pages.setTabText(1, f"Jobs ({going} running)" if going else "Jobs")
        self.form.refresh_names()  # an engine may have told its plug-ins
        self._offer_saved()

    def _offer_saved(self) -> None:
        """Offer the jobs of a restored session that can be resumed."""
        self.saved.offer(unfinished_jobs(self.session))

    def _show_command(self) -> None:
        form = self.form.form()
        self.form.tell_times(self._times.texts(form))
        wanted = missing(form)
        self._command.setPlainText("" if wanted else run_command(form))
        self._command.setPlaceholderText(wanted)
        self.estimate.setEnabled(can_check(form))
        self.validate.setEnabled(bool(validate_command(form)))
        self.run_button.setEnabled(not wanted)

    def _estimate(self) -> None:
        self.note("Checking...")
        form = self.form.form()
        report = self._execute(check_command(form))
        self.note(report_text(report))
        self.form.refresh_names()
        self._times = self._times.learn(form, report)
        self.form.tell_times(self._times.texts(self.form.form()))

    def _validate(self) -> None:
        self.note("Validating...")
        self.note(validation_text(self._execute(validate_command(self.form.form()))))

    def _run(self) -> None:
        form = self.form.form()
        self._memory.keep(form.task, form.options)
        self.note("")
        self._execute(run_command(form))
        self.refresh_jobs()
        self.show_jobs()

    def _execute(self, command: str) -> Any:
        from chimerax.core.commands import run

        return run(self.session, command)


def _page(area: QWidget, *widgets: QWidget) -> QWidget:
    """A page with widgets below each other, of which the first takes the room."""
    page = QWidget(area)
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 4, 0, 0)
    layout.setSpacing(4)
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, 0 if number else 1)
    return page
