"""A question to the user that does not hold anything up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimerax.core.session import Session

__all__ = ["ask_to_replace", "ask_yes_or_no"]

_QUESTION = "_adp3d_replace_question"


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


def ask_to_replace(session: Session, path: Path, command: str) -> None:
    """Ask whether a file that is there may be replaced, and give a command that does so if the answer is yes.

    Parameters
    ----------
    session : Session
    path : Path
    command : str
        To be given then; it must mean the same whatever was done until the answer, relative paths included.

    Raises
    ------
    UserError
        Without a window.
    """
    from chimerax.core.commands import run
    from chimerax.core.errors import UserError

    if not session.ui.is_gui:
        raise UserError(f"'{path}' is there already; 'overwrite true' replaces it.")

    def answer(yes: bool) -> None:
        if hasattr(session, _QUESTION):
            delattr(session, _QUESTION)
        if yes:
            run(session, command)

    setattr(session, _QUESTION, ask_yes_or_no(session, f"'{path}' is there already. Replace it?", answer))
