"""Read distance restraints from a file of any supported format."""

from __future__ import annotations

from pathlib import Path

from ..compression import open_plain
from ..contract.errors import InputError
from .restraint import DistanceRestraints
from .star import read_star
from .table import read_table
from .xplor import read_xplor

__all__ = ["LARGEST_FILE", "read_restraints"]

LARGEST_FILE = 200_000_000
"""Bytes of text above which a file is refused."""

_READERS = {
    ".csv": read_table,
    ".tsv": read_table,
    ".nef": read_star,
    ".str": read_star,
    ".star": read_star,
    ".tbl": read_xplor,
}


def read_restraints(path: str | Path) -> DistanceRestraints:
    """Read a CSV table, an NMR-STAR or NEF file, or an XPLOR/CNS table, told by the file's ending.

    Endings: ``.csv`` or ``.tsv``, ``.str`` or ``.star``, ``.nef``, ``.tbl``, each also packed (see `open_plain`).

    Raises
    ------
    InputError
        If the file cannot be read, its ending is unknown, or its contents are not usable.
    """
    path = Path(path)
    with open_plain(path) as opened:
        name = opened.name.lower()
        reader = next((function for ending, function in _READERS.items() if name.endswith(ending)), None)
        if reader is None:
            raise InputError(f"{path.name}: unknown kind of restraint file; use {', '.join(_READERS)}.")
        data = opened.stream.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise InputError(f"{path.name} is larger than {LARGEST_FILE // 1_000_000} MB; give a restraint file.")
    try:
        # spreadsheets write UTF-16 as "Unicode text", with a mark at its start
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not a text file; give a restraint file as plain text.") from error
    if "\0" in text:
        raise InputError(f"{path.name} is not a text file; give a restraint file as plain text.")
    return reader(text, path.name)
