"""A question to the user that does not hold anything up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["ask_yes_or_no"]


def ask_yes_or_no(session: Session, text: str, answer: Callable[[bool], None]) -> Callable[[], None]:
    """Show a question in a window of its own, and return at once.

    Parameters
    ----------
    session : Session
    text : str
    answer : callable
        Called when the user has chosen; to close the window means no.

    Returns
    -------
    callable
        Closes the window, for a question that nobody waits for any more. To be kept until then: without a main
        window nothing else holds the question.
    """
    from Qt.QtCore import Qt
    from Qt.QtWidgets import QMessageBox

    box = QMessageBox(getattr(session.ui, "main_window", None))
    box.setWindowTitle("ADP-3D")
    box.setIcon(QMessageBox.Icon.Question)
    box.setText(text)
    box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
    box.setDefaultButton(QMessageBox.StandardButton.No)
    yes = QMessageBox.StandardButton.Yes.value
    box.finished.connect(lambda result: answer(result == yes))
    box.finished.connect(box.deleteLater)
    box.setWindowModality(Qt.WindowModality.NonModal)
    box.show()
    return box.reject
