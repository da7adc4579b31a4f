"""Widgets that edit one option each, and their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from Qt.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from .form import Field

__all__ = ["Editor", "editor", "narrow"]


class Editor(Protocol):
    """A widget with the value of an option."""

    @property
    def widget(self) -> QWidget:
        """What is shown."""

    def value(self) -> Any:
        """Present value."""

    def set_value(self, value: Any) -> None:
        """Show another value."""


def editor(field: Field, changed: Callable[..., None], parent: QWidget) -> Editor:
    """Widget for an option; ``changed`` is called after each change."""
    made = _KINDS[field.kind](field, changed, parent)
    made.widget.setToolTip(field.tip)
    made.widget.setAccessibleName(field.label)
    made.set_value(field.default)
    return made


def narrow(combo: QComboBox, characters: int = 6) -> QComboBox:
    """Let a menu be cut off in a narrow panel instead of widening it."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(characters)
    return combo


class _Integer:
    def __init__(self, field: Field, changed: Callable[..., None], parent: QWidget) -> None:
        self.widget = box = QSpinBox(parent)
        box.setRange(int(field.low), int(field.high))
        box.setSingleStep(int(field.step))
        box.setMaximumWidth(110)
        box.valueChanged.connect(changed)

    def value(self) -> int:
        return int(self.widget.value())

    def set_value(self, value: Any) -> None:
        self.widget.setValue(int(value))


class _Number:
    def __init__(self, field: Field, changed: Callable[..., None], parent: QWidget) -> None:
        self.widget = box = QDoubleSpinBox(parent)
        box.setRange(field.low, field.high)
        box.setDecimals(2)
        box.setSingleStep(field.step)
        box.setSpecialValueText(field.unset)
        box.setMaximumWidth(110)
        box.valueChanged.connect(changed)

    def value(self) -> float:
        return round(float(self.widget.value()), 2)

    def set_value(self, value: Any) -> None:
        self.widget.setValue(float(value))


class _Choice:
    def __init__(self, field: Field, changed: Callable[..., None], parent: QWidget) -> None:
        self.widget = box = narrow(QComboBox(parent))
        box.addItems(field.choices)
        box.currentIndexChanged.connect(changed)

    def value(self) -> str:
        return str(self.widget.currentText())

    def set_value(self, value: Any) -> None:
        self.widget.setCurrentText(str(value))


class _Text:
    def __init__(self, field: Field, changed: Callable[..., None], parent: QWidget) -> None:
        self.widget = line = QLineEdit(parent)
        line.setMinimumWidth(60)
        line.textChanged.connect(changed)

    def value(self) -> str:
        return str(self.widget.text()).strip()

    def set_value(self, value: Any) -> None:
        self.widget.setText(str(value))


class _Switch:
    def __init__(self, field: Field, changed: Callable[..., None], parent: QWidget) -> None:
        self.widget = box = QCheckBox(parent)
        box.toggled.connect(changed)

    def value(self) -> bool:
        return bool(self.widget.isChecked())

    def set_value(self, value: Any) -> None:
        self.widget.setChecked(bool(value))


_KINDS: dict[str, Callable[[Field, Callable[..., None], QWidget], Editor]] = {
    "integer": _Integer,
    "number": _Number,
    "choice": _Choice,
    "text": _Text,
    "maps": _Text,
    "switch": _Switch,
}
