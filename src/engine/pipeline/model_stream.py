"""Files of many models with the same atoms, written as they come: text of one model at a time, mmCIF or PDB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..job.storage import storage_errors
from ..structure.deposit_names import with_deposit_names

__all__ = ["CifText", "ModelText", "PdbText", "StreamedFile"]

_WIDEST = 9999.9995
"""Angstrom that a column of the PDB format can hold."""


class ModelText(Protocol):
    """Text of a file: what comes before the models, the models of as many lines each, and what comes after them."""

    head: str
    tail: str
    lines: int

    def model(self, number: int, xyz: NDArray[np.float64]) -> str:
        """Text of one model, counted from 1, with coordinates (n, 3) in angstrom."""


class CifText:
    """MmCIF; the atoms come last.

    Parameters
    ----------
    structure : gemmi.Structure
        One model.
    """

    def __init__(self, structure: gemmi.Structure) -> None:
        document = with_deposit_names(structure).make_mmcif_document()
        table = document.sole_block().find_mmcif_category("_atom_site.")
        tags = list(table.tags)
        rows = [list(row) for row in table]
        table.erase()
        self.head = document.as_string().rstrip() + "\n\nloop_\n" + "\n".join(tags) + "\n"
        self.tail = "#\n"
        open_columns = [tags.index(f"_atom_site.{name}") for name in ("id", "Cartn_x", "Cartn_y", "Cartn_z")]
        number = tags.index("_atom_site.pdbx_PDB_model_num")
        lines = []
        for row in rows:
            words = [word.replace("%", "%%") for word in row]
            for column, form in zip(open_columns, ("%d", "%.3f", "%.3f", "%.3f"), strict=True):
                words[column] = form
            words[number] = "%d"
            lines.append(" ".join(words))
        self._form = "\n".join(lines) + "\n"
        self._order = np.argsort([*open_columns, number]).tolist()
        self._count = self.lines = len(rows)

    def model(self, number: int, xyz: NDArray[np.float64]) -> str:
        """See `ModelText.model`."""
        serials = np.arange(self._count) + 1 + (number - 1) * self._count
        # a coordinate that rounds to nothing has no sign
        place = np.round(xyz, 3) + 0.0
        columns = [serials.tolist(), *place.T.tolist(), [number] * self._count]
        ordered = [columns[k] for k in self._order]
        return self._form % tuple(value for row in zip(*ordered, strict=True) for value in row)


class PdbText:
    """PDB.

    Parameters
    ----------
    structure : gemmi.Structure
        One model.
    several : bool
        Whether there will be more than one, so that they need MODEL records.

    Raises
    ------
    InputError
        If the format cannot hold the structure.
    """

    def __init__(self, structure: gemmi.Structure, several: bool) -> None:
        long = [chain.name for model in structure for chain in model if len(chain.name) > 2]
        if long:
            raise InputError(f"The PDB format has no room for the chain name '{long[0]}': leave out 'pdb'.")
        copy = structure.clone()
        copy.shorten_ccd_codes()
        text = copy.make_pdb_string(gemmi.PdbWriteOptions())
        lines = text.splitlines(keepends=True)
        atoms = [k for k, line in enumerate(lines) if line.startswith(("ATOM", "HETATM"))]
        last = max(k for k, line in enumerate(lines) if line.startswith(("ATOM", "HETATM", "TER", "ANISOU")))
        # records of single models are written here
        self.head = "".join(line for line in lines[: atoms[0]] if not line.startswith("MODEL "))
        self.tail = "".join(line for line in lines[last + 1 :] if not line.startswith("ENDMDL"))
        form = []
        for line in lines[atoms[0] : last + 1]:
            safe = line.replace("%", "%%")
            form.append(safe[:30] + "%8.3f%8.3f%8.3f" + safe[54:] if line.startswith(("ATOM", "HETATM")) else safe)
        self._form, self._several = "".join(form), several
        self.lines = len(form) + 2 * several

    def model(self, number: int, xyz: NDArray[np.float64]) -> str:
        """See `ModelText.model`."""
        if np.abs(xyz).max(initial=0.0) >= _WIDEST:
            raise InputError("The PDB format has no room for coordinates of 10,000 A and more: leave out 'pdb'.")
        text = self._form % tuple((np.round(xyz, 3) + 0.0).ravel().tolist())
        return f"MODEL     {number:>4}\n{text}ENDMDL\n" if self._several else text


class StreamedFile:
    """A file that grows under a name of its own, and gets its final one when it is whole.

    Parameters
    ----------
    text : ModelText
    partial, final : Path
    size : int
        Bytes to go on from, as `size` told them before; 0 starts anew.
    """

    def __init__(self, text: ModelText, partial: Path, final: Path, size: int = 0) -> None:
        self._text, self._partial, self._final = text, partial, final
        with storage_errors(partial):
            partial.parent.mkdir(parents=True, exist_ok=True)
            self._handle = open(partial, "r+b" if size else "w+b")  # noqa: SIM115  (closed by `close`)
            self._handle.truncate(size)
            self._handle.seek(size)
            if not size:
                self._handle.write(text.head.encode("utf-8"))

    def add(self, number: int, xyz: NDArray[np.float64]) -> None:
        """Write a model."""
        with storage_errors(self._partial):
            self._handle.write(self._text.model(number, xyz).encode("utf-8"))

    def size(self) -> int:
        """Bytes written so far, safely on the disk."""
        with storage_errors(self._partial):
            self._handle.flush()
            os.fsync(self._handle.fileno())
            return self._handle.tell()

    def finish(self) -> None:
        """End the file and give it its name."""
        with storage_errors(self._partial):
            self._handle.write(self._text.tail.encode("utf-8"))
            self._handle.flush()
            os.fsync(self._handle.fileno())
            self._handle.close()
            os.replace(self._partial, self._final)

    def copy_first(self, path: Path) -> None:
        """Write the finished file with its first model only to another path; no more than a line is held in memory."""
        with storage_errors(path), open(self._final, "rb") as whole, open(path, "wb") as first:
            first.write(whole.read(len(self._text.head.encode("utf-8"))))
            for _ in range(self._text.lines):
                first.write(whole.readline())
            first.write(self._text.tail.encode("utf-8"))

    def close(self) -> None:
        """Leave the file as it is."""
        self._handle.close()
