"""Choice of an open model, of a file, and of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from Qt.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QToolButton, QWidget

from .editors import narrow

__all__ = ["FileChooser", "FolderChooser", "ModelChooser", "SequenceChooser"]


class ModelChooser:
    """Menu of the open models of some kind.

    Keeps the chosen model while others are opened and closed, and takes the first one as long as none is
    chosen. (ChimeraX's own menu grows as wide as the longest name.)
    """

    def __init__(self, list_models: Callable[[], Sequence[Any]], changed: Callable[..., None], parent: QWidget) -> None:
        self._list_models = list_models
        self._models: list[Any] = []
        self.widget = narrow(QComboBox(parent), 10)
        self.widget.currentIndexChanged.connect(changed)
        self.widget.currentTextChanged.connect(self.widget.setToolTip)  # a long name is cut off in a narrow panel

    def refresh(self) -> None:
        """Follow the models that are open now, and their names."""
        models = list(self._list_models())
        texts = [f"#{model.id_string}  {model.name}" for model in models]
        shown = [self.widget.itemText(i) for i in range(self.widget.count())]
        if models == self._models and texts == shown:
            return
        before = self.model
        self.widget.blockSignals(True)
        self.widget.clear()
        self.widget.addItems(texts)
        self._models = models
        self.widget.setCurrentIndex(models.index(before) if before in models else 0 if models else -1)
        self.widget.blockSignals(False)
        self.widget.setToolTip(self.widget.currentText())
        self.widget.setEnabled(bool(models))

    @property
    def model(self) -> Any | None:
        """Chosen model."""
        index = self.widget.currentIndex()
        return self._models[index] if 0 <= index < len(self._models) else None

    @property
    def specifier(self) -> str:
        """Specifier of the chosen model, such as ``#2``; empty if there is none."""
        model = self.model
        return "" if model is None else str(model.atomspec)

    def choose(self, model: Any) -> None:
        """Choose one of the open models."""
        self.refresh()
        if model in self._models:
            self.widget.setCurrentIndex(self._models.index(model))


class FileChooser:
    """Path in a text field, with a button that opens the file dialog."""

    def __init__(
        self, title: str, patterns: str, changed: Callable[..., None], guarded: _Guard, parent: QWidget
    ) -> None:
        self._title, self._patterns = title, patterns
        self.line = QLineEdit(parent)
        self.line.setMinimumWidth(60)
        self.line.textChanged.connect(changed)
        self.widget = _with_button(self.line, guarded(self._browse), parent)

    @property
    def path(self) -> str:
        """Path, empty if none is given."""
        return str(self.line.text()).strip()

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.widget, self._title, self.path, self._patterns)
        if path:
            self.line.setText(path)


class FolderChooser:
    """Folder in a text field, with a button that opens the folder dialog.

    Parameters
    ----------
    title : str
        Of the dialog.
    usual : str
        What an empty field means.
    changed : callable
        Called when the user has finished.
    """

    def __init__(self, title: str, usual: str, changed: Callable[..., None], guarded: _Guard, parent: QWidget) -> None:
        self._title, self._changed = title, changed
        self.line = QLineEdit(parent)
        self.line.setMinimumWidth(60)
        self.line.setPlaceholderText(usual)
        self.line.setClearButtonEnabled(True)
        self.line.editingFinished.connect(changed)
        self.widget = _with_button(self.line, guarded(self._browse), parent, "Choose a folder")

    @property
    def path(self) -> str:
        """Path, empty if none is given."""
        return str(self.line.text()).strip()

    def _browse(self) -> None:
        path = QFileDialog.getExistingDirectory(self.widget, self._title, self.path)
        if path:
            self.line.setText(path)
            self._changed()


class SequenceChooser:
    """Where the sequence comes from: the model, an open alignment, a file or pasted letters."""

    OWN = "from the model"

    def __init__(
        self,
        list_sequences: Callable[[], Sequence[str]],
        changed: Callable[..., None],
        guarded: _Guard,
        parent: QWidget,
    ) -> None:
        self._list_sequences = list_sequences
        self.combo = narrow(QComboBox(parent))
        self.combo.setEditable(True)
        self.combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.combo.addItem(self.OWN)
        self.combo.editTextChanged.connect(changed)
        self.combo.setToolTip(
            "Full sequence: from the model's own records, a sequence of an open alignment, a file (FASTA, mmCIF "
            "or PDB), or one-letter codes, several chains separated by commas."
        )
        self.widget = _with_button(self.combo, guarded(self._browse), parent)

    def refresh(self) -> None:
        """Follow the alignments that are open now; what is chosen stays."""
        names = [self.OWN, *self._list_sequences()]
        if names == [self.combo.itemText(i) for i in range(self.combo.count())]:
            return
        text = self.combo.currentText()
        self.combo.blockSignals(True)
        self.combo.clear()
        self.combo.addItems(names)
        self.combo.setEditText(text)
        self.combo.blockSignals(False)

    @property
    def text(self) -> str:
        """What to give to the command; empty for the model's own sequence."""
        text = str(self.combo.currentText()).strip()
        return "" if text == self.OWN else "".join(text.split()) if _is_letters(text) else text

    def _browse(self) -> None:
        patterns = "Sequences (*.fasta *.fa *.faa *.seq *.txt *.cif *.pdb *.ent);;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self.widget, "File with the sequence", "", patterns)
        if path:
            self.combo.setEditText(path)


_Guard = Callable[[Callable[[], None]], Callable[..., None]]


def _is_letters(text: str) -> bool:
    """Whether a pasted sequence is meant, which may come with line breaks and blanks."""
    return all(character.isalpha() or character in " \t\r\n,*-" for character in text)


def _with_button(entry: QWidget, pressed: Callable[..., None], parent: QWidget, tip: str = "Choose a file") -> QWidget:
    row = QWidget(parent)
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    layout.addWidget(entry, 1)
    button = QToolButton(row)
    button.setText("…")
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.clicked.connect(pressed)
    layout.addWidget(button)
    return row
