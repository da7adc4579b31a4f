"""Upper half of the panel: what to do, with which model, map and sequence, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from Qt.QtCore import Qt
from Qt.QtWidgets import QComboBox, QFormLayout, QLineEdit, QTabBar, QToolButton, QVBoxLayout, QWidget

from ..commands.keywords import job_rows
from ..engine.contract.kinds import KINDS
from ..engine.contract.specification import specification_of
from .choosers import FileChooser, ModelChooser, SequenceChooser
from .editors import DeviceMenu, Editor, ListNames, editor, narrow
from .fields import file_rows, panel_fields, tasks
from .form import Form
from .presets import CUSTOM, PRESETS, preset_of

__all__ = ["SettingsForm"]

_FILES = "Restraints (*.csv *.tsv *.str *.star *.nef *.tbl *.gz *.bz2 *.xz *.zip);;All files (*)"


class SettingsForm(QWidget):
    """Choosers and options of all tasks, which share them.

    Parameters
    ----------
    list_models, list_maps : callable
        Open atomic structures, and open maps.
    list_sequences : callable
        Specifiers of the sequences of open alignments.
    changed : callable
        Called after each change by the user.
    guarded : callable
        Turns a function into a callback that never raises.
    list_names : callable
        Names of priors or measurements that can be offered; by default those built in.
    """

    def __init__(
        self,
        list_models: Callable[[], Sequence[Any]],
        list_maps: Callable[[], Sequence[Any]],
        list_sequences: Callable[[], Sequence[str]],
        changed: Callable[[], None],
        guarded: Callable[[Callable[[], None]], Callable[..., None]],
        parent: QWidget,
        list_names: ListNames = lambda domain: domain.built_in,
    ) -> None:
        super().__init__(parent)
        self._changed = changed
        self._tasks = [kind.name for kind in tasks()]
        self._fields = panel_fields()
        self._loading = True
        on_change = guarded(self._on_change)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        self.tabs = QTabBar(self)
        self.tabs.setExpanding(True)
        self.tabs.setUsesScrollButtons(False)
        for kind in tasks():
            self.tabs.setTabToolTip(self.tabs.addTab(kind.name.capitalize()), kind.title)
        outer.addWidget(self.tabs)
        self._layout = layout = QFormLayout()
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setVerticalSpacing(4)
        layout.setHorizontalSpacing(6)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        outer.addLayout(layout)

        self.model = ModelChooser(list_models, on_change, self)
        self.map = ModelChooser(list_maps, on_change, self)
        self.sequence = SequenceChooser(list_sequences, on_change, guarded, self)
        self.files = {
            keyword: FileChooser(f"File of {keyword}", _FILES, on_change, guarded, self) for keyword in file_rows()
        }
        self.part = QLineEdit(self)
        self.part.setMinimumWidth(60)
        self.part.setPlaceholderText("all of protein")
        self.part.setToolTip(
            "Chains to work on, such as A,B, or residues to build anew, such as /A:39-48 or sel; everything else of "
            "the model stays as it is."
        )
        self.part.textChanged.connect(on_change)
        self.preset = narrow(QComboBox(self))
        self.preset.addItems([*PRESETS, CUSTOM])
        self.preset.setToolTip("Replicas, with the usual steps: a first look, the defaults, or a result to publish.")
        layout.addRow("Model", self.model.widget)
        layout.addRow("Part", self.part)
        layout.addRow("Map", self.map.widget)
        layout.addRow("Sequence", self.sequence.widget)
        for keyword, chooser in self.files.items():
            layout.addRow(keyword.capitalize(), chooser.widget)
        layout.addRow("Preset", self.preset)
        self._editors: dict[str, Editor] = {f.keyword: editor(f, on_change, self, list_names) for f in self._fields}
        for f in (f for f in self._fields if f.row.setting.always):
            layout.addRow(f.row.setting.label, self._editors[f.keyword].widget)
        self.more = QToolButton(self)
        self.more.setText("More options")
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setCheckable(True)
        self.more.setAutoRaise(True)
        layout.addRow(self.more)
        for f in (f for f in self._fields if not f.row.setting.always):
            layout.addRow(f.row.setting.label, self._editors[f.keyword].widget)

        self.tabs.currentChanged.connect(on_change)
        self.more.toggled.connect(on_change)
        self.preset.activated.connect(guarded(self._apply_preset))
        self.preset.setCurrentText(preset_of(self.options()))
        self._show_rows()
        self._loading = False

    @property
    def task(self) -> str:
        """Task of the chosen tab."""
        return self._tasks[self.tabs.currentIndex()]

    def form(self) -> Form:
        """Everything chosen, independent of the widgets."""
        return Form(
            task=self.task,
            model=self.model.specifier,
            map=self.map.specifier,
            part=str(self.part.text()).strip(),
            sequence=self.sequence.text,
            files={keyword: chooser.path for keyword, chooser in self.files.items()},
            options=self.options(),
        )

    def options(self) -> dict[str, Any]:
        """Option values by keyword."""
        return {keyword: made.value() for keyword, made in self._editors.items()}

    def load(self, task: str, options: Mapping[str, Any]) -> None:
        """Show other settings, those remembered from last time."""
        self._loading = True
        try:
            if task in self._tasks:
                self.tabs.setCurrentIndex(self._tasks.index(task))
            for keyword, value in options.items():
                self._editors[keyword].set_value(value)
        finally:
            self._loading = False
        self._on_change()

    def refresh(self) -> None:
        """Follow the models, maps and alignments that are open now."""
        for chooser in (self.model, self.map, self.sequence):
            chooser.refresh()
        self._on_change()

    def refresh_names(self) -> None:
        """Offer the priors and measurements that are known now."""
        for made in self._editors.values():
            made.refresh()

    def tell_times(self, texts: Mapping[str, str]) -> None:
        """Say beside devices how long the job would take on them; nothing beside those that are not in ``texts``."""
        for made in self._editors.values():
            if isinstance(made, DeviceMenu):
                made.tell(texts)

    def _apply_preset(self) -> None:
        preset = PRESETS.get(self.preset.currentText())
        if preset is not None:
            self.load(self.task, preset)
        self._on_change()

    def _on_change(self) -> None:
        if self._loading:
            return
        self.preset.setCurrentText(preset_of(self.options()))
        self._show_rows()
        self._changed()

    def _show_rows(self) -> None:
        task, more = self.task, self.more.isChecked()
        self.more.setArrowType(Qt.ArrowType.DownArrow if more else Qt.ArrowType.RightArrow)
        kind, keywords = KINDS[task], {row.keyword for row in job_rows(specification_of(task))}
        shown = {self.part: kind.needs_model, self.map.widget: kind.needs_map}
        shown |= {chooser.widget: keyword in keywords for keyword, chooser in self.files.items()}
        for f in self._fields:
            shown[self._editors[f.keyword].widget] = task in f.tasks and (f.row.setting.always or more)
        for widget, visible in shown.items():
            self._layout.setRowVisible(widget, visible)
