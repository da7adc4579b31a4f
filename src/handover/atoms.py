"""Atoms of a model as plain rows, whether they come from an open model or from an mmCIF file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import frames

__all__ = [
    "MOVED",
    "Address",
    "AtomRow",
    "ModelAtoms",
    "ResidueRow",
    "atom_columns",
    "cif_atoms",
    "collect_atoms",
    "file_version",
    "read_cif_atoms",
    "read_cif_loop",
    "split_row",
]

Address = tuple[str, int, str]
"""Chain name, residue number, insertion code ('' for none)."""

MOVED = 5e-3
"""Angstrom beyond which somebody has moved an atom of an open model since a job or a search read it."""

_NEEDED = ("Cartn_x", "Cartn_y", "Cartn_z", "auth_seq_id", "auth_asym_id", "label_atom_id")
_TOKEN = re.compile(r"'(?:[^']|'(?=\S))*'|\"(?:[^\"]|\"(?=\S))*\"|\S+")


@dataclass(frozen=True, slots=True)
class AtomRow:
    """One atom in one conformation.

    Parameters
    ----------
    name, element : str
    altloc : str
        Name of the conformation, '' for none.
    index : int
        Row of `ModelAtoms.xyz`.
    occupancy, bfactor : float
    """

    name: str
    element: str
    altloc: str
    index: int
    occupancy: float
    bfactor: float


@dataclass(frozen=True, slots=True)
class ResidueRow:
    """One residue and its atoms.

    Parameters
    ----------
    address : Address
    name : str
    kind : str
        ``protein``, ``nucleic``, ``water`` or ``other``.
    atoms : tuple of AtomRow
    """

    address: Address
    name: str
    kind: str
    atoms: tuple[AtomRow, ...]

    def conformers(self) -> dict[tuple[str, str], AtomRow]:
        """Atoms by name and conformation."""
        return {(atom.name, atom.altloc): atom for atom in self.atoms}

    def names(self) -> set[str]:
        """Names of the atoms."""
        return {atom.name for atom in self.atoms}


@dataclass(frozen=True, eq=False)
class ModelAtoms:
    """All atoms of a model.

    Parameters
    ----------
    residues : tuple of ResidueRow
        In the order of the model.
    xyz : ndarray, float64, shape (n, 3)
        One row per atom and conformation, in angstrom.
    """

    residues: tuple[ResidueRow, ...]
    xyz: NDArray[np.float64]

    def by_address(self) -> Mapping[Address, ResidueRow]:
        """Residues by address; of several with one address the first."""
        return self._by_address

    @cached_property
    def _by_address(self) -> Mapping[Address, ResidueRow]:
        return MappingProxyType({address: self.residues[place] for address, place in self.places.items()})

    @cached_property
    def places(self) -> Mapping[Address, int]:
        """Places of residues in the order of the model, by address; of several with one address the first."""
        found: dict[Address, int] = {}
        for place, residue in enumerate(self.residues):
            found.setdefault(residue.address, place)
        return MappingProxyType(found)

    def with_rows(self, rows: Mapping[Address, ResidueRow], xyz: NDArray[np.float64]) -> ModelAtoms:
        """The same residues, some of which have other rows, whose atoms lie behind those that are there."""
        residues = list(self.residues)
        for address, row in rows.items():
            residues[self.places[address]] = row
        found = ModelAtoms(tuple(residues), np.concatenate([self.xyz, xyz]))
        found.__dict__["places"] = self.places  # where a cached property keeps its value: addresses are the same
        return found

    def coordinates(self, residue: ResidueRow) -> NDArray[np.float64]:
        """Coordinates of a residue's atoms, in their order."""
        return self.xyz[[atom.index for atom in residue.atoms]].reshape(-1, 3)

    def moved(self, matrix: ArrayLike) -> ModelAtoms:
        """The same atoms in another frame."""
        return ModelAtoms(self.residues, frames.apply(matrix, self.xyz))

    def renamed(self, rename: Callable[[str], str]) -> ModelAtoms:
        """The same atoms with other chain names."""
        if all(rename(chain) == chain for chain in {residue.address[0] for residue in self.residues}):
            return self
        rows = tuple(ResidueRow((rename(r.address[0]), *r.address[1:]), r.name, r.kind, r.atoms) for r in self.residues)
        return ModelAtoms(rows, self.xyz)


def read_cif_atoms(path: Path) -> ModelAtoms:
    """Atoms of the first model in an mmCIF file, by the author's chain names and numbers.

    Only what this program and its engine write is understood: one ``atom_site`` loop with one row a line.

    Raises
    ------
    ValueError
        If the file has no such loop, or a row is not complete.
    OSError
        If it cannot be read.
    """
    with path.open(encoding="utf-8") as stream:
        return cif_atoms(stream)


def file_version(path: Path) -> tuple[int, int]:
    """What changes with a file's content: time and size.

    Raises
    ------
    OSError
        If it is not there.
    """
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def cif_atoms(lines: Iterable[str]) -> ModelAtoms:
    """Atoms of the first model in the lines of an mmCIF file; see `read_cif_atoms`.

    Raises
    ------
    ValueError
        If there is no such loop, or a row is not complete.
    """
    columns, rows = _loop(iter(lines), "_atom_site.")
    return collect_atoms(rows, atom_columns(columns))


def atom_columns(columns: Sequence[str]) -> dict[str, int]:
    """Places of the columns of an ``atom_site`` loop, by their names.

    Raises
    ------
    ValueError
        If one that is needed is not there.
    """
    place = {name: i for i, name in enumerate(columns)}
    if not set(_NEEDED) <= place.keys():
        raise ValueError("it has no complete atom_site records")
    return place


def read_cif_loop(path: Path, category: str) -> Iterator[dict[str, str]]:
    """Rows of a category such as ``_atom_site.``, one a line, by the names of their items; '' for no value.

    Raises
    ------
    ValueError
        If a row is not complete.
    OSError
        If the file cannot be read.
    """
    with path.open(encoding="utf-8") as stream:
        columns, rows = _loop(stream, category)
        for row in rows:
            yield {name: "" if value in (".", "?") else _plain(value) for name, value in zip(columns, row, strict=True)}


def split_row(line: str, count: int, category: str) -> list[str]:
    """Fields of a row, quotes included.

    Raises
    ------
    ValueError
        If they are not as many as they should be.
    """
    fields = _TOKEN.findall(line) if "'" in line or '"' in line else line.split()
    if len(fields) != count:
        raise ValueError(f"a record of {category.rstrip('.')} is not complete")
    return fields


def _loop(stream: Iterator[str], category: str) -> tuple[list[str], Iterator[list[str]]]:
    columns: list[str] = []
    first = ""
    for line in stream:
        if line.startswith(category):
            columns.append(line.split()[0].removeprefix(category))
        elif columns:
            first = line
            break

    def rows() -> Iterator[list[str]]:
        line = first
        while line and not line.startswith(("#", "_", "loop_", "data_")):
            if line.strip():
                yield split_row(line, len(columns), category)
            line = next(stream, "")

    return columns, rows()


def collect_atoms(rows: Iterable[list[str]], place: Mapping[str, int]) -> ModelAtoms:
    """Atoms of the first model among rows of an ``atom_site`` loop whose columns have these places.

    Raises
    ------
    ValueError
        If there are none.
    """
    x, y, z, number, chain, name = (place[column] for column in _NEEDED)
    absent = -1  # of a column that is not there: each row gets a last field without a value
    element, altloc, code, occupancy, bfactor, entity, model = (
        place.get(column, absent)
        for column in (
            *("type_symbol", "label_alt_id", "pdbx_PDB_ins_code", "occupancy", "B_iso_or_equiv"),
            *("label_entity_id", "pdbx_PDB_model_num"),
        )
    )
    component = place.get("auth_comp_id", place.get("label_comp_id", absent))
    values, weights, factors = _Values(), _Numbers(1.0), _Numbers(0.0)
    xyz: list[tuple[float, float, float]] = []
    residues: list[ResidueRow] = []
    atoms: list[AtomRow] = []
    key: tuple[Address, str, str] | None = None
    first_model = None
    for given in rows:
        row = [*given, "."]
        if first_model is None:
            first_model = row[model]
        elif row[model] != first_model:
            break
        now = (
            (values[row[chain]], int(row[number]), values[row[code]]),
            values[row[component]],
            values[row[entity]],
        )
        if now != key:
            if key is not None:
                residues.append(ResidueRow(key[0], key[1], "", tuple(atoms)))
            key, atoms = now, []
        atoms.append(
            AtomRow(
                values[row[name]],
                values[row[element]],
                values[row[altloc]],
                len(xyz),
                weights[row[occupancy]],
                factors[row[bfactor]],
            )
        )
        xyz.append((float(row[x]), float(row[y]), float(row[z])))
    if key is None:
        raise ValueError("the file has no atoms")
    residues.append(ResidueRow(key[0], key[1], "", tuple(atoms)))
    return ModelAtoms(tuple(residues), np.array(xyz, dtype=np.float64).reshape(-1, 3))


class _Values(dict[str, str]):
    """What fields say, by how they are written: '' for no value. The same few are read over and over."""

    def __missing__(self, field: str) -> str:
        value = self[field] = "" if field in (".", "?") else _plain(field)
        return value


class _Numbers(dict[str, float]):
    """Numbers by how they are written, with one for no value."""

    def __init__(self, default: float) -> None:
        super().__init__({".": default, "?": default})

    def __missing__(self, field: str) -> float:
        value = self[field] = float(_plain(field))
        return value


def _plain(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0] else text
