"""The note in a job folder here that says on which engine elsewhere the job is computed."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["noted_engine", "read_note", "write_note"]

_FILE = "elsewhere.json"


def noted_engine(folder: Path) -> str:
    """Name of the engine on which the job of a folder is computed; empty for one of this computer."""
    note = read_note(folder)
    return "" if note is None else note["engine"]


def read_note(folder: Path) -> dict[str, str] | None:
    """Name of the ``engine`` and ``folder`` of the job there; None without a note that can be read."""
    try:
        note = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    known = isinstance(note, dict) and isinstance(note.get("engine"), str) and isinstance(note.get("folder"), str)
    return note if known else None


def write_note(folder: Path, engine: str, there: str) -> None:
    """Note the engine of a job, and its folder there.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    note = {"version": 1, "engine": engine, "folder": there}
    (folder / _FILE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
