"""Engines on other computers, on the page of preferences: those that there are, and one to be added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from Qt.QtWidgets import QComboBox, QGridLayout, QGroupBox, QLineEdit, QPushButton, QWidget

from ..process.hosts import hosts
from .editors import narrow

__all__ = ["EngineBox"]

_NONE = "none yet"


class EngineBox(QGroupBox):
    """Gives the commands ``adp3d engine``; the Log says how they go.

    Parameters
    ----------
    session : Session
    execute : callable
        Runs a command.
    guarded : callable
        Turns a function into a callback that never raises.
    parent : QWidget
    """

    def __init__(
        self,
        session: Any,
        execute: Callable[[str], Any],
        guarded: Callable[[Callable[[], None]], Callable[..., None]],
        parent: QWidget,
    ) -> None:
        super().__init__("Engines on other computers", parent)
        self._session, self._execute = session, execute
        layout = QGridLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(4)
        self.known = narrow(QComboBox(self))
        self.known.setAccessibleName("Engines that were added")
        self.test = self._button("Test", "Connect to it, verify it, and bring it up to date with this version")
        self.remove = self._button("Remove", "Know it no more; what lies on the other computer stays")
        self.name = QLineEdit(self)
        self.name.setPlaceholderText("name")
        self.name.setToolTip("What the menus of devices are to call it, such as gpu")
        self.place = QLineEdit(self)
        self.place.setPlaceholderText("user@host")
        self.place.setToolTip("Where ssh leads to without a question: user@host, or a name of your ssh configuration")
        for line, name in ((self.name, "Name of a new engine"), (self.place, "Host of a new engine")):
            line.setMinimumWidth(60)
            line.setAccessibleName(name)
        self.add = self._button("Add", "Set up the engine there, which takes minutes; the Log tells how it goes")
        for column, widget in enumerate((self.known, self.test, self.remove)):
            layout.addWidget(widget, 0, column + bool(column), 1, 1 if column else 2)
        for column, widget in enumerate((self.name, self.place, self.add)):
            layout.addWidget(widget, 1, column + (column == 2), 1, 2 if column == 1 else 1)
        layout.setColumnStretch(0, 1)
        layout.setColumnStretch(1, 2)
        self.test.clicked.connect(guarded(lambda: self._do("test")))
        self.remove.clicked.connect(guarded(lambda: self._do("remove")))
        self.add.clicked.connect(guarded(self._add))
        for line in (self.name, self.place):
            line.textChanged.connect(guarded(self._enable))
            line.returnPressed.connect(self.add.click)
        self.refresh()

    def refresh(self) -> None:
        """List the engines that there are now."""
        found = hosts(self._session)
        texts = [f"{host.name}: {host.destination}" for host in found.values()] or [_NONE]
        if texts != [self.known.itemText(i) for i in range(self.known.count())]:
            before = self.known.currentData()
            self.known.clear()
            for text, name in zip(texts, found or [""], strict=True):
                self.known.addItem(text, name)
            self.known.setCurrentIndex(max(0, self.known.findData(before)))
        self._enable()

    def _enable(self) -> None:
        for widget in (self.known, self.test, self.remove):
            widget.setEnabled(bool(self.known.currentData()))
        self.add.setEnabled(bool(self.name.text().strip() and self.place.text().strip()))

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 16)
        return button

    def _do(self, action: str) -> None:
        self._execute(f"adp3d engine {action} {self.known.currentData()}")
        self.refresh()

    def _add(self) -> None:
        from chimerax.core.commands import quote_if_necessary

        name, place = (quote_if_necessary(line.text().strip()) for line in (self.name, self.place))
        self._execute(f"adp3d engine add {name} ssh {place}")
        self.name.clear()
        self.place.clear()
        self.refresh()
