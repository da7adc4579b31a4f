"""Predicted aligned errors (PAE) as AlphaFold DB, AlphaFold 3, ColabFold and Boltz write them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compression import open_plain
from ..contract.errors import InputError

__all__ = ["AlignedError", "read_aligned_error"]

_KEYS = ("predicted_aligned_error", "pae")
"""Names of the matrix: AlphaFold DB since version 3; AlphaFold 3, ColabFold, Boltz."""
_HIGHEST = 100.0
"""Angstrom: programs end their scale near 32; a matrix that exceeds this by far holds something else."""


@dataclass(frozen=True)
class AlignedError:
    """Expected error of residue j's position when the prediction is superposed on residue i's frame.

    Parameters
    ----------
    values : ndarray of float32, shape (n, n)
        In angstrom; row i is the residue that is superposed.
    chains : tuple of str, or None
        Chain of each row where the file tells it (AlphaFold 3).
    numbers : tuple of int, or None
        Residue number of each row, likewise.
    name : str
        Of the file, for messages.
    plddt : tuple of float, or None
        Predicted lDDT of each row, 0 to 100, where the file tells it (ColabFold).
    """

    values: NDArray[np.float32]
    chains: tuple[str, ...] | None = None
    numbers: tuple[int, ...] | None = None
    name: str = "the PAE file"
    plddt: tuple[float, ...] | None = None

    @property
    def n_residues(self) -> int:
        """Number n of rows."""
        return len(self.values)

    @property
    def named(self) -> bool:
        """Whether rows are known by chain and number."""
        return self.chains is not None and self.numbers is not None

    def of(self, residues: Sequence[tuple[str, int]]) -> NDArray[np.float32]:
        """Errors between residues of a model, shape (m, m).

        Where the file names chains and numbers, rows are found by them. Without, the model must have as many
        residues as the file, in its order, or be one chain of which some are missing, numbered from 1.

        Parameters
        ----------
        residues : sequence of (str, int)
            Chain and number of each residue of the model.

        Raises
        ------
        InputError
            If a residue has no row.
        """
        rows = self.rows(residues)
        return self.values[np.ix_(rows, rows)]

    def rows(self, residues: Sequence[tuple[str, int]]) -> NDArray[np.int64]:
        """Row of each residue of a model, see `of`, shape (m,)."""
        n = len(self.values)
        if self.chains is not None and self.numbers is not None:
            row_of: dict[tuple[str, int], int] = {}
            for row, key in enumerate(zip(self.chains, self.numbers, strict=True)):
                # atoms of a ligand or of a modified residue are rows of their own; the first stands for it
                row_of.setdefault(key, row)
            missing = [key for key in residues if key not in row_of]
            if missing:
                chain, number = missing[0]
                raise InputError(
                    f"{self.name} has no row for {len(missing)} residues of the model, the first being {chain} "
                    f"{number}; give the file that was written with this model."
                )
            return np.array([row_of[key] for key in residues], np.int64)
        if len(residues) == n:
            return np.arange(n)
        numbers = [number for _, number in residues]
        one_chain = len({chain for chain, _ in residues}) == 1
        distinct = len(set(numbers)) == len(numbers)
        if one_chain and distinct and len(residues) < n and min(numbers) >= 1 and max(numbers) <= n:
            return np.array(numbers, np.int64) - 1
        raise InputError(
            f"{self.name} is for {n} residues, and the model has {len(residues)}; give the file that was written with "
            "this model, with all its chains in their order."
        )


def read_aligned_error(path: str | Path) -> AlignedError:
    """Read a PAE file.

    Parameters
    ----------
    path : str or Path
        JSON of AlphaFold DB (both layouts), AlphaFold 3 or ColabFold, or npz of Boltz; gzip and the like are unpacked.

    Returns
    -------
    AlignedError

    Raises
    ------
    InputError
        If the file cannot be read or holds no square matrix of errors.
    """
    name = Path(path).name
    if _is_npz(path):
        return AlignedError(_checked(_from_npz(path, name), name), name=name)
    with open_plain(path) as opened:
        raw = opened.stream.read()
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{name} is neither JSON nor npz, so it is no PAE file of AlphaFold, ColabFold or Boltz."
        ) from error
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict):
        raise InputError(f"{name} holds no predicted aligned error; give the PAE file that was written with the model.")
    values = _checked(_from_json(content, name), name)
    chains, numbers = content.get("token_chain_ids"), content.get("token_res_ids")
    if isinstance(chains, list) and isinstance(numbers, list) and len(chains) == len(numbers) == len(values):
        return AlignedError(values, tuple(map(str, chains)), tuple(map(int, numbers)), name)
    return AlignedError(values, name=name, plddt=_plddt(content.get("plddt"), len(values)))


def _plddt(given: Any, count: int) -> tuple[float, ...] | None:
    """Predicted lDDT of each row, if that is what is given."""
    if not isinstance(given, list) or len(given) != count or not all(isinstance(v, int | float) for v in given):
        return None
    return tuple(map(float, given))


def _from_json(content: dict[str, Any], name: str) -> Any:
    for key in _KEYS:
        if key in content:
            return content[key]
    if {"residue1", "residue2", "distance"} <= content.keys():  # AlphaFold DB before version 3
        first, second, distance = (content[key] for key in ("residue1", "residue2", "distance"))
        try:
            i, j, value = np.array(first, int), np.array(second, int), np.array(distance, float)
            if not i.shape == j.shape == value.shape:
                raise ValueError("lists of different length")
            matrix = np.full((int(i.max()), int(j.max())), np.nan)
            matrix[i - 1, j - 1] = value
        except (ValueError, TypeError, IndexError) as error:
            raise InputError(f"{name} lists pairs of residues that do not go together; fetch it again.") from error
        return matrix
    raise InputError(
        f"{name} holds no predicted aligned error (neither '{_KEYS[0]}' nor '{_KEYS[1]}'); give the PAE file that was "
        "written with the model."
    )


def _is_npz(path: str | Path) -> bool:
    """Whether a file is a ZIP archive of arrays (a ZIP archive of anything else is unpacked first)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(archive.namelist()) and all(name.endswith(".npy") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False  # whoever opens it as a plain file says what is wrong


def _from_npz(path: str | Path, name: str) -> Any:
    try:
        with np.load(path, allow_pickle=False) as archive:
            for key in _KEYS:
                if key in archive:
                    return archive[key]
            keys = ", ".join(archive.files[:5])
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{name} cannot be read as npz: {error}.") from error
    raise InputError(f"{name} holds no array named 'pae' but {keys}; give the file of Boltz that begins with pae_.")


def _checked(matrix: Any, name: str) -> NDArray[np.float32]:
    try:
        values = np.array(matrix, dtype=np.float32)
    except (ValueError, TypeError) as error:
        raise InputError(f"The predicted aligned error of {name} is no square matrix of numbers.") from error
    if values.ndim == 3 and len(values) == 1:
        values = values[0]
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not values.size:
        raise InputError(f"The predicted aligned error of {name} is no square matrix of numbers but {values.shape}.")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > _HIGHEST:
        raise InputError(f"{name} has errors that are not between 0 and {_HIGHEST:.0f} A, so it is no PAE file.")
    return values
