"""Third page of the panel: what holds for all jobs that do not say otherwise, saved at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from Qt.QtWidgets import QComboBox, QFormLayout, QSpinBox, QVBoxLayout, QWidget

from ..engine.contract.domains import Choice, Device
from ..engine.contract.settings import rows
from ..engine.contract.specification import CommonSpec
from ..settings import adp3d_settings
from .choosers import FolderChooser
from .editors import narrow
from .engine_box import EngineBox
from .message import wrapped_label

__all__ = ["PreferencePage"]

_MOST_THREADS = 1024
_NOTE = (
    "These hold for jobs that are started from now on, by the panel and by commands alike, unless they say otherwise. "
    "They are saved at once."
)


class PreferencePage(QWidget):
    """Folder, device, threads and B-factors, and engines on other computers.

    Parameters
    ----------
    session : Session
    devices : callable
        Names of devices and of engines on other computers that can be offered.
    guarded : callable
        Turns a function into a callback that never raises.
    parent : QWidget
    execute : callable
        Runs a command.
    """

    def __init__(
        self,
        session: Any,
        devices: Callable[[], Sequence[str]],
        guarded: Callable[[Callable[[], None]], Callable[..., None]],
        parent: QWidget,
        execute: Callable[[str], Any],
    ) -> None:
        super().__init__(parent)
        self._settings, self._devices = adp3d_settings(session), devices
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(4)
        form.setHorizontalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.folder = FolderChooser("Folder for jobs", "beside the model's file", guarded(self._keep), guarded, self)
        self.folder.widget.setToolTip(
            "Where the folders of new jobs go. Models that ChimeraX has fetched, and those of no file, have theirs in "
            "Downloads/ChimeraX/ADP-3D."
        )
        self.device = narrow(QComboBox(self))
        self.device.setToolTip("What the device 'auto' means: left to the engine, a device, or an engine elsewhere")
        self.threads = QSpinBox(self)
        self.threads.setRange(0, _MOST_THREADS)
        self.threads.setSpecialValueText("automatic")
        self.threads.setToolTip("Threads of the engine on this computer, from its next start")
        self.b_factors = narrow(QComboBox(self))
        setting = next(row for row in rows(CommonSpec) if row.name == "b_factors")
        domain = setting.setting.domain
        assert isinstance(domain, Choice)
        self.b_factors.addItems(list(domain.options))
        self.b_factors.setToolTip(setting.setting.help)
        self._usual_b_factors = str(setting.default)
        for label, widget in (
            ("Results", self.folder.widget),
            ("Device", self.device),
            ("Threads", self.threads),
            ("B-factors", self.b_factors),
        ):
            widget.setAccessibleName(label)
            form.addRow(label, widget)
        self.note = wrapped_label(self)
        self.note.setText(_NOTE)
        layout.addLayout(form)
        layout.addWidget(self.note)
        self.engines = EngineBox(session, execute, guarded, self)
        layout.addWidget(self.engines)
        layout.addStretch(1)
        self.refresh()
        self.device.activated.connect(guarded(self._keep))
        self.threads.valueChanged.connect(guarded(self._keep))
        self.b_factors.activated.connect(guarded(self._keep))

    def refresh(self) -> None:
        """Show what is preferred now, and offer the devices that there are."""
        self.engines.refresh()
        settings = self._settings
        names = list(self._devices())
        device = settings.job_device or Device.options[0]
        if device not in names:
            names.append(device)
        if names != [self.device.itemText(i) for i in range(self.device.count())]:
            self.device.clear()
            self.device.addItems(names)
        self.device.setCurrentText(device)
        self.folder.line.setText(settings.job_folder)
        self.threads.blockSignals(True)
        self.threads.setValue(int(settings.job_threads))
        self.threads.blockSignals(False)
        self.b_factors.setCurrentText(settings.job_b_factors or self._usual_b_factors)

    def _keep(self) -> None:
        """Save what was changed.

        Raises
        ------
        UserError
            If the folder cannot hold jobs; nothing is saved then.
        """
        from chimerax.core.errors import UserError

        folder = self.folder.path
        if folder and not _can_hold(Path(folder).expanduser()):
            raise UserError(f"Jobs cannot be written into '{folder}'; choose another folder, or none.")
        device, b_factors = self.device.currentText(), self.b_factors.currentText()
        wanted = {
            "job_folder": folder,
            "job_device": "" if device == Device.options[0] else device,
            "job_threads": int(self.threads.value()),
            "job_b_factors": "" if b_factors == self._usual_b_factors else b_factors,
        }
        for name, value in wanted.items():
            if getattr(self._settings, name) != value:
                setattr(self._settings, name, value)


def _can_hold(folder: Path) -> bool:
    """Whether a folder is there, or can be made, and can be written to."""
    there = next((one for one in (folder, *folder.parents) if one.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK)
