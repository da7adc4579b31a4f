"""Energies that a run of scoring has computed, kept for the next one until all of them are there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..job.storage import storage_errors

__all__ = ["UNFINISHED", "UnfinishedScores", "fingerprint"]

UNFINISHED = "unfinished.jsonl"
"""Name of the file in the folder of the output: a line of JSON for each structure."""


def fingerprint(what: Mapping[str, Any], *arrays: NDArray[Any]) -> str:
    """Name of all that an energy depends on: settings, sequence, coordinates, and this version of the program."""
    digest = hashlib.sha256(json.dumps([__version__, what], sort_keys=True).encode())
    for array in arrays:
        digest.update(str((array.dtype, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


class UnfinishedScores:
    """Energies by `fingerprint`, each written down as soon as it is known.

    Parameters
    ----------
    path : Path
        The file; what an interrupted run left in it is found again, a line that was half written is not.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, tuple[list[float], float]] = {}
        if path.is_file():
            with storage_errors(path):
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            for line in lines:
                self._remember(line)

    def __len__(self) -> int:
        return len(self._found)

    def find(self, key: str) -> tuple[list[float], float] | None:
        """Contributions of the residues and the standard error of the total, in nats; None if they are not known."""
        return self._found.get(key)

    def add(self, key: str, per_residue: list[float], standard_error: float) -> None:
        """Keep the energy of a structure.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        line = json.dumps({"key": key, "per_residue": per_residue, "standard_error": standard_error})
        with storage_errors(self._path), self._path.open("a", encoding="utf-8") as stream:
            # what a run that was killed left half written ends here
            stream.write(f"\n{line}\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._remember(line)

    def done(self) -> None:
        """Forget all: the results are written."""
        self._path.unlink(missing_ok=True)

    def _remember(self, line: str) -> None:
        try:
            told = json.loads(line)
            entry = [float(value) for value in told["per_residue"]], float(told["standard_error"])
            self._found[str(told["key"])] = entry
        except (ValueError, KeyError, TypeError):
            return
