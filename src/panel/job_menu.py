"""Everything that can be done with a job, as a menu of its line in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from Qt.QtCore import QUrl
from Qt.QtGui import QDesktopServices
from Qt.QtWidgets import QFileDialog, QMenu, QWidget

from ..handover.colouring import SCALES
from ..handover.results import result_model
from .form import job_command
from .rows import JobRow

__all__ = ["Entry", "entries_of", "job_menu"]

_FILTER = "mmCIF (*.cif);;PDB (*.pdb)"


@dataclass(frozen=True)
class Entry:
    """One entry.

    Parameters
    ----------
    label : str
    command : str
        What it gives; '' for what is no command.
    enabled : bool
    """

    label: str
    command: str
    enabled: bool = True


def entries_of(session: Any, job: Any, row: JobRow) -> tuple[tuple[Entry, ...], ...]:
    """Entries in groups; those that give commands.

    Parameters
    ----------
    session : Session
    job : Job
    row : JobRow
        What the job is ready for.
    """

    def command(name: str, *words: str) -> str:
        return job_command(name, job.id, *words)

    resume = "Resume" if row.can_resume else "Pause"
    going = (
        Entry(resume, command(resume.lower()), row.can_pause or row.can_resume),
        Entry("Stop", command("stop"), row.can_stop),
    )
    look = (
        Entry("Walk through segments", command("segments"), row.can_walk),
        Entry("Play trajectory", command("trajectory"), row.can_replay),
        Entry("Play all replicas", command("trajectory", "replica", "all"), row.can_replay),
        Entry("Show what moved", command("displacement"), row.can_compare),
        Entry("Compare with the starting model", _comparison(session, job), bool(_comparison(session, job))),
    )
    take = (
        Entry("Accept", command("accept"), row.can_accept),
        Entry("Report", command("report"), row.can_accept),
    )
    last = (Entry("Remove from the list", f"adp3d jobs remove {job.id}", bool(job.ended)),)
    return going, look, take, last


def job_menu(
    session: Any,
    job: Any,
    row: JobRow,
    execute: Callable[[str], Any],
    guarded: Callable[[Callable[[], None]], Callable[..., None]],
    parent: QWidget,
) -> QMenu:
    """The menu of a job."""
    menu = QMenu(parent)
    for group in entries_of(session, job, row):
        for entry in group:
            action = menu.addAction(entry.label)
            action.setEnabled(entry.enabled)
            action.triggered.connect(guarded(lambda command=entry.command: execute(command)))  # type: ignore[misc]
        menu.addSeparator()
    colours = menu.addMenu("Color live models by")
    for label, by, key in _colourings():
        give = " ".join(filter(None, ("adp3d color", by, str(job.id), key)))
        colours.addAction(label).triggered.connect(guarded(lambda give=give: execute(give)))  # type: ignore[misc]
    save = menu.addAction("Save as...")
    save.setEnabled(row.can_accept)
    save.triggered.connect(guarded(lambda: _save(job, execute, parent)))
    folder = menu.addAction("Open folder")
    folder.setEnabled(Path(job.folder).is_dir())
    folder.triggered.connect(guarded(lambda: _open_folder(Path(job.folder))))
    return menu


def _colourings() -> Iterator[tuple[str, str, str]]:
    """Entry, what to color by, and whether with a key."""
    for name in SCALES:
        yield name.capitalize(), name, ""
        yield f"{name.capitalize()}, with key", name, "key true"
    yield "Nothing", "none", ""


def _comparison(session: Any, job: Any) -> str:
    """Command that compares a result with the model that it started from; '' unless both are open."""
    result = result_model(session, job)
    if result is None or job.model is None:
        return ""
    return f"adp3d compare #{result.id_string} #{job.model.id_string}"


def _save(job: Any, execute: Callable[[str], Any], parent: QWidget) -> None:
    """Ask for a file, which the window asks about itself if it is there, and save."""
    from chimerax.core.commands import quote_path_if_necessary

    start = str(Path.home() / f"{Path(job.folder).name}.cif")
    path, _ = QFileDialog.getSaveFileName(parent, "Save the model", start, _FILTER)
    if path:
        execute(f"adp3d save {quote_path_if_necessary(path)} job {job.id} overwrite true")


def _open_folder(folder: Path) -> None:
    from chimerax.core.errors import UserError

    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
        raise UserError(f"No program opens folders here; the folder is '{folder}'.")
