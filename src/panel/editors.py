"""Widgets that edit one option each, by the domain of its values, and these values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from typing import Any, Protocol

from Qt.QtCore import QStringListModel
from Qt.QtGui import QValidator
from Qt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QWidget,
)

from ..engine.contract.domains import (
    Choice,
    Device,
    Domain,
    File,
    Flag,
    Integer,
    Optional,
    Plugin,
    Real,
    Requests,
    Residues,
    TwoMaps,
)
from ..engine.contract.symmetry import SymmetryText
from .fields import Field

__all__ = ["DeviceMenu", "Editor", "ListNames", "editor", "narrow"]

ListNames = Callable[[Plugin | Device], Sequence[str]]
"""Names that can be offered of what plug-ins add to."""

_WIDTH = 110
"""Pixels of a number."""

_LONGEST = 2**31 - 1
"""Largest number that Qt's spin box holds."""


class Editor(Protocol):
    """A widget with the value of an option."""

    @property
    def widget(self) -> QWidget:
        """What is shown."""

    def value(self) -> Any:
        """Present value."""

    def set_value(self, value: Any) -> None:
        """Show another value."""

    def refresh(self) -> None:
        """Offer what there is now."""


def editor(field: Field, changed: Callable[..., None], parent: QWidget, names: ListNames) -> Editor:
    """Widget for an option; ``changed`` is called after each change."""
    made = _made(field.domain, field, changed, parent, names)
    values = field.row.setting.domain.values
    tip = field.row.setting.help
    made.widget.setToolTip(f"{tip} Values: {values}." if values and values not in tip else tip)
    made.widget.setAccessibleName(field.row.setting.label)
    made.set_value(field.default)
    made.refresh()
    return made


def narrow(combo: QComboBox, characters: int = 6) -> QComboBox:
    """Let a menu be cut off in a narrow panel instead of widening it."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(characters)
    return combo


class _Integer:
    """Spin box; one below the range leaves the number to the program, where that may be."""

    def __init__(self, domain: Integer, field: Field, changed: Callable[..., None], parent: QWidget) -> None:
        self._low = domain.low
        free = isinstance(field.row.setting.domain, Optional)
        self.widget = box = QSpinBox(parent)
        box.setRange(domain.low - free, domain.high)
        box.setSpecialValueText("usual" if free else "")
        box.setSingleStep(int(field.row.setting.step))
        box.setMaximumWidth(_WIDTH)
        box.valueChanged.connect(changed)

    def value(self) -> int | None:
        number = int(self.widget.value())
        return None if number < self._low else number

    def set_value(self, value: Any) -> None:
        self.widget.setValue(self._low - 1 if value is None else int(value))

    def refresh(self) -> None:
        return


class _Within(QValidator):
    """Takes whole numbers of a range."""

    def __init__(self, field: Field, parent: QWidget) -> None:
        super().__init__(parent)
        self._field = field

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        if not text:
            return QValidator.State.Intermediate, text, position
        fits = text.isascii() and text.isdigit() and self._field.fits(int(text))
        return (QValidator.State.Acceptable if fits else QValidator.State.Invalid), text, position


class _LongInteger:
    """Digits, for ranges that Qt's spin box cannot hold."""

    def __init__(self, field: Field, changed: Callable[..., None], parent: QWidget) -> None:
        self._default = int(field.default or 0)
        self.widget = line = QLineEdit(parent)
        line.setValidator(_Within(field, line))
        line.setPlaceholderText(str(self._default))
        line.setMaximumWidth(_WIDTH)
        line.textChanged.connect(changed)

    def value(self) -> int:
        return int(self.widget.text() or self._default)

    def set_value(self, value: Any) -> None:
        self.widget.setText(str(value))

    def refresh(self) -> None:
        return


class _NumberBox(QDoubleSpinBox):
    """Number that may be left to the program: that stands one hundredth below the range."""

    def __init__(self, low: float, high: float, unset: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.low = low
        self.setDecimals(2)
        self.setRange(low - 0.01 if unset else low, high)
        self.setSpecialValueText(unset)

    def stepBy(self, steps: int) -> None:
        """Begin at the lower end of the range."""
        if self.value() < self.low and steps > 0:
            self.setValue(self.low)
            steps -= 1
        super().stepBy(steps)


class _Number:
    def __init__(self, domain: Real, field: Field, changed: Callable[..., None], parent: QWidget) -> None:
        chosen = field.row.setting.domain
        unset = chosen.unset if isinstance(chosen, Optional) else ""
        self.widget = box = _NumberBox(domain.low, domain.high, unset, parent)
        box.setSingleStep(field.row.setting.step)
        box.setMaximumWidth(_WIDTH)
        box.valueChanged.connect(changed)

    def value(self) -> float | None:
        number = round(float(self.widget.value()), 2)
        return None if number < self.widget.low else number

    def set_value(self, value: Any) -> None:
        self.widget.setValue(self.widget.minimum() if value is None else float(value))

    def refresh(self) -> None:
        return


class _Menu:
    def __init__(self, options: Callable[[], Sequence[str]], changed: Callable[..., None], parent: QWidget) -> None:
        self._options = options
        self.widget = box = narrow(QComboBox(parent))
        box.addItems(list(options()))
        box.currentIndexChanged.connect(changed)

    def value(self) -> str:
        return str(self.widget.currentText())

    def set_value(self, value: Any) -> None:
        if self.widget.findText(str(value)) < 0:
            self.widget.addItem(str(value))  # one of the last session that is not known yet
        self.widget.setCurrentText(str(value))

    def refresh(self) -> None:
        present = {self.widget.itemText(i) for i in range(self.widget.count())}
        self.widget.addItems([name for name in self._options() if name not in present])


class DeviceMenu:
    """Names of devices, each with what is known of it; the names themselves are the data of the items."""

    def __init__(self, names: Callable[[], Sequence[str]], changed: Callable[..., None], parent: QWidget) -> None:
        self._names = names
        self._texts: Mapping[str, str] = {}
        self.widget = box = narrow(QComboBox(parent))
        self.refresh()
        box.currentIndexChanged.connect(changed)

    def value(self) -> str:
        """Name of the chosen device."""
        return str(self.widget.currentData())

    def set_value(self, value: Any) -> None:
        """Choose another device."""
        if self.widget.findData(str(value)) < 0:
            self._add(str(value))  # one of the last session that is not known yet
        self.widget.setCurrentIndex(self.widget.findData(str(value)))

    def refresh(self) -> None:
        """Offer the devices and engines that there are now."""
        present = {self.widget.itemData(i) for i in range(self.widget.count())}
        for name in self._names():
            if name not in present:
                self._add(name)

    def tell(self, texts: Mapping[str, str]) -> None:
        """Say something beside names; nothing beside others."""
        if texts == self._texts:
            return
        self._texts = dict(texts)
        for i in range(self.widget.count()):
            self.widget.setItemText(i, self._shown(str(self.widget.itemData(i))))

    def _add(self, name: str) -> None:
        self.widget.addItem(self._shown(name), name)

    def _shown(self, name: str) -> str:
        return f"{name} ({self._texts[name]})" if name in self._texts else name


class _Text:
    def __init__(self, hint: str, changed: Callable[..., None], parent: QWidget) -> None:
        self.widget = line = QLineEdit(parent)
        line.setMinimumWidth(60)
        line.setPlaceholderText(hint)
        line.textChanged.connect(changed)

    def value(self) -> str:
        return str(self.widget.text()).strip()

    def set_value(self, value: Any) -> None:
        self.widget.setText(str(value))

    def refresh(self) -> None:
        return


class _FileName:
    """Path in a text field, with a button that opens the file dialog."""

    def __init__(self, title: str, changed: Callable[..., None], parent: QWidget) -> None:
        self._title = title
        self.widget = QWidget(parent)
        self.line = QLineEdit(self.widget)
        self.line.setMinimumWidth(60)
        self.line.textChanged.connect(changed)
        button = QToolButton(self.widget)
        button.setText("...")
        button.setToolTip("Choose a file")
        button.clicked.connect(self._browse)
        layout = QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(button)

    def value(self) -> str:
        return str(self.line.text()).strip()

    def set_value(self, value: Any) -> None:
        self.line.setText(str(value))

    def refresh(self) -> None:
        return

    def _browse(self, *_: object) -> None:
        path, _filter = QFileDialog.getOpenFileName(self.widget, self._title, self.value())
        if path:
            self.line.setText(path)


class _Measurements(_Text):
    """Requests, separated by semicolons; the names that there are can be completed."""

    def __init__(
        self, help_text: str, names: Callable[[], Sequence[str]], changed: Callable[..., None], parent: QWidget
    ) -> None:
        super().__init__("distances@FILE; ...", changed, parent)
        self._help, self._names = help_text, names
        self._offered = QStringListModel(self.widget)
        self.widget.setCompleter(QCompleter(self._offered, self.widget))

    def refresh(self) -> None:
        names = list(self._names())
        if names != self._offered.stringList():
            self._offered.setStringList(names)
            self.widget.setToolTip(f"{self._help} There are: {', '.join(names)}.")


class _Switch:
    def __init__(self, changed: Callable[..., None], parent: QWidget) -> None:
        self.widget = box = QCheckBox(parent)
        box.toggled.connect(changed)

    def value(self) -> bool:
        return bool(self.widget.isChecked())

    def set_value(self, value: Any) -> None:
        self.widget.setChecked(bool(value))

    def refresh(self) -> None:
        return


_Changed = Callable[..., None]


@singledispatch
def _made(domain: Domain, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    """By default a text."""
    return _Text("", changed, parent)


@_made.register
def _(domain: Integer, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    if domain.high > _LONGEST:
        return _LongInteger(field, changed, parent)
    return _Integer(domain, field, changed, parent)


@_made.register
def _(domain: Real, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return _Number(domain, field, changed, parent)


@_made.register
def _(domain: Choice, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return _Menu(lambda: domain.options, changed, parent)


@_made.register
def _(domain: Device, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return DeviceMenu(lambda: names(domain), changed, parent)


@_made.register
def _(domain: Plugin, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return _Menu(lambda: names(domain), changed, parent)


@_made.register
def _(domain: Flag, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return _Switch(changed, parent)


@_made.register
def _(domain: Requests, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    known = domain.names

    def offered() -> Sequence[str]:
        return names(known) if isinstance(known, Plugin) else ()

    return _Measurements(field.row.setting.help, offered, changed, parent)


@_made.register
def _(domain: File, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return _FileName(field.row.setting.label, changed, parent)


@_made.register
def _(domain: Residues, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return _Text("/A:12-40 or sel", changed, parent)


@_made.register
def _(domain: TwoMaps, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return _Text("#3,#4", changed, parent)


@_made.register
def _(domain: SymmetryText, field: Field, changed: _Changed, parent: QWidget, names: ListNames) -> Editor:
    return _Text("C3, D2, ..., model or map", changed, parent)
