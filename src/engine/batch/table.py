"""The table of a batch: one row a job, the columns are settings by their names."""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, replace
from pathlib import Path
from typing import Any

from ..compression import plain_name
from ..contract.domains import (
    File,
    Flag,
    Integer,
    Names,
    Real,
    Requests,
    Residues,
    SequenceText,
    TwoFiles,
    bare,
    shorten,
)
from ..contract.errors import InputError
from ..contract.kinds import KINDS
from ..contract.requests import parse_request
from ..contract.settings import Row, rows
from ..contract.specification import Spec, input_files, is_sequence_text, specification_of, specifications

__all__ = ["COLUMNS", "BatchRow", "read_table", "setting_from_text"]

COLUMNS = ("name", "kind")
"""Columns beside the settings: the job's folder, and its kind."""

_OUTPUT = "output"
_NAME = re.compile(r"\w[\w.+ -]{0,99}")
_TRUE, _FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off")
_SEPARATORS = ",;\t"


@dataclass(frozen=True)
class BatchRow:
    """A job of a batch.

    Attributes
    ----------
    name : str
        Name of its folder.
    spec : Spec
        What to compute; its output is the job folder.
    where : str
        Which row of which table, for sentences.
    """

    name: str
    spec: Spec
    where: str


def read_table(path: Path, folder: Path, kind: str | None = None) -> list[BatchRow]:
    """Jobs of a table.

    Parameters
    ----------
    path : Path
        CSV with a header; commas, semicolons or tabs between the columns. Files in it lie relative to its folder.
        Empty cells mean the default, empty lines and lines that begin with ``#`` nothing.
    folder : Path
        Job folders are made in it, named by the column ``name``, else after the input.
    kind : str, optional
        Kind of the jobs whose row does not say it.

    Raises
    ------
    InputError
        If the table cannot be read, or a row is no job: the sentence names it.
    """
    header, lines = _read(path)
    columns = _columns(header, path)
    jobs: list[BatchRow] = []
    taken: dict[str, str] = {}
    for number, cells in lines:
        where = f"line {number} of '{path.name}'"
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            raise InputError(f"In {where} there are more cells than columns; put cells with separators in quotes.")
        given = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if cell.strip()}
        try:
            job = _job(given, path.parent, folder, kind, where, taken)
        except InputError as error:
            raise InputError(f"In {where}: {error}") from error
        taken[job.name.casefold()] = where
        jobs.append(job)
    if not jobs:
        raise InputError(f"The table '{path}' has no jobs: write one in each line under the header.")
    return jobs


def setting_from_text(row: Row, text: str, folder: Path) -> Any:
    """Value of a setting as a cell has it; its range is not checked.

    Lists are separated by commas; pairs of files, and measurements, by semicolons.

    Raises
    ------
    InputError
        If it is no number, or neither true nor false.
    """
    domain = bare(row.setting.domain)
    if isinstance(domain, Integer | Real):
        return _number(row.name, text, domain)
    if isinstance(domain, Flag):
        word = text.lower()
        if word not in (*_TRUE, *_FALSE):
            raise InputError(f"'{row.name}' must be true or false, not {shorten(text)}.")
        return word in _TRUE
    if isinstance(domain, Names | Residues):
        return tuple(part.strip() for part in text.split(","))
    if isinstance(domain, TwoFiles):
        return tuple(_path(part.strip(), folder) for part in text.split(";"))
    if isinstance(domain, Requests):
        return tuple(_request(part.strip(), folder) for part in text.split(";"))
    if isinstance(domain, SequenceText):
        near = folder / Path(text).expanduser()
        return str(near) if near.is_file() or not is_sequence_text(text) else text
    return _path(text, folder) if isinstance(domain, File) else text


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and the other lines with their numbers in the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise InputError(f"The table '{path}' cannot be read ({reason}).") from error
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip(_SEPARATORS + " ") and not line.startswith("#")
    ]
    if not lines:
        raise InputError(f"The table '{path}' is empty: write a header with names of settings, and one job a line.")
    separator = max(_SEPARATORS, key=lines[0][1].count)
    try:
        parsed = list(csv.reader((line for _, line in lines), delimiter=separator, strict=True))
    except csv.Error as error:
        raise InputError(f"The table '{path}' is not CSV ({error}); write it again.") from error
    if len(parsed) != len(lines):
        raise InputError(f"A cell of the table '{path}' goes over several lines; write each job in one line.")
    numbered = [(number, cells) for (number, _), cells in zip(lines, parsed, strict=True)]
    return numbered[0][1], numbered[1:]


def _columns(header: list[str], path: Path) -> list[str]:
    """Names of columns as settings are called."""
    known = dict.fromkeys((*COLUMNS, *(row.name for each in specifications() for row in rows(each))))
    del known[_OUTPUT]
    names = []
    for cell in header:
        name = cell.strip().lstrip("-").replace("-", "_").lower()
        if name == _OUTPUT:
            raise InputError(
                f"The table '{path}' has a column 'output'; job folders are named by the column 'name', and made in "
                "the folder of the batch."
            )
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else "columns are called as settings, 'name' or 'kind'."
            raise InputError(f"The table '{path}' has a column {shorten(cell)} that no kind of job knows; {hint}")
        if name in names:
            raise InputError(f"The table '{path}' has two columns '{name}'; remove one.")
        names.append(name)
    return names


def _job(
    given: Mapping[str, str], base: Path, folder: Path, kind: str | None, where: str, taken: Mapping[str, str]
) -> BatchRow:
    kind = given.get("kind", kind)
    if kind is None:
        raise InputError(f"'kind' is not given; write one of {', '.join(KINDS)} into a column of that name.")
    if kind not in KINDS:
        raise InputError(f"there is no kind of job {shorten(kind)}; use one of {', '.join(KINDS)}.")
    specification = specification_of(kind)
    table = {row.name: row for row in rows(specification)}
    settings: dict[str, Any] = {}
    for name, text in given.items():
        if name in COLUMNS:
            continue
        if name not in table:
            raise InputError(f"a {kind} job has no setting '{name}'; leave the cell empty.")
        settings[name] = setting_from_text(table[name], text, base)
    missing = [name for name, row in table.items() if row.default is MISSING and name not in (*settings, _OUTPUT)]
    if missing:
        raise InputError(f"a {kind} job needs the setting {', '.join(repr(name) for name in missing)}.")
    name = _name(given, settings, table, kind, taken)
    spec = specification(output=str(folder / name), **settings)
    for setting, paths in input_files(spec).items():
        for path in paths:
            if not Path(path).is_file():
                raise InputError(f"the file '{path}' of '{setting}' does not exist.")
    return BatchRow(name, spec, where)


def _name(
    given: Mapping[str, str], settings: Mapping[str, Any], table: Mapping[str, Row], kind: str, taken: Mapping[str, str]
) -> str:
    """Name of a job's folder: as given, else after its source as single jobs are, numbered in the order of rows."""
    if "name" in given:
        name = given["name"]
        if not _NAME.fullmatch(name) or name.endswith((" ", ".")):
            raise InputError(f"{shorten(name)} cannot name a folder; use letters, digits, '_', '-' and '.'.")
        if name.casefold() in taken:
            raise InputError(f"the name {shorten(name)} is that of {taken[name.casefold()]} as well; each must differ.")
        return name
    source = max((row for row in table.values() if row.setting.argument), key=lambda row: row.setting.argument)
    stem = plain_name(Path(settings[source.name])).rsplit(".", 1)[0] or "job"
    made = f"{stem}_{kind}"
    number = 1
    while made.casefold() in taken:
        number += 1
        made = f"{stem}_{kind}_{number}"
    return made


def _number(name: str, text: str, domain: Integer | Real) -> int | float:
    what = "a whole number" if isinstance(domain, Integer) else "a number"
    try:
        number = float(text) if isinstance(domain, Real) else int(text)
    except ValueError:
        raise InputError(f"'{name}' must be {what}, not {shorten(text)}.") from None
    if not math.isfinite(number):
        raise InputError(f"'{name}' must be {what}, not {shorten(text)}.")
    return number


def _path(text: str, folder: Path) -> str:
    return str((folder / Path(text).expanduser()).absolute())


def _request(text: str, folder: Path) -> str:
    request = parse_request(text)
    return str(request if request.file is None else replace(request, file=_path(request.file, folder)))
