"""Atoms of a model as plain rows, whether they come from an open model or from an mmCIF file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
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
    "cif_atoms",
    "read_cif_atoms",
    "read_cif_loop",
    "read_cif_models",
]

Address = tuple[str, int, str]
"""Chain name, residue number, insertion code ('' for none)."""

MOVED = 5e-3
"""Angstrom beyond which somebody has moved an atom of an open model since a job or a search read it."""

_TOKEN = re.compile(r"'(?:[^']|'(?=\S))*'|\"(?:[^\"]|\"(?=\S))*\"|\S+")


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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


def cif_atoms(lines: Iterable[str]) -> ModelAtoms:
    """Atoms of the first model in the lines of an mmCIF file; see `read_cif_atoms`.

    Raises
    ------
    ValueError
        If there is no such loop, or a row is not complete.
    """
    columns, rows = _loop(iter(lines), "_atom_site.")
    place = {name: i for i, name in enumerate(columns)}
    try:
        used = [place[n] for n in ("Cartn_x", "Cartn_y", "Cartn_z", "auth_seq_id", "auth_asym_id", "label_atom_id")]
    except KeyError as error:
        raise ValueError("it has no complete atom_site records") from error
    return _collect(rows, place, used)


def read_cif_models(path: Path, wanted: Collection[Address]) -> list[ModelAtoms]:
    """Some residues of every model in an mmCIF file, by the author's chain names and numbers.

    What is understood is that of `read_cif_atoms`. Rows of other residues are not taken apart, which of a large
    ensemble would take a hundred times as long.

    Raises
    ------
    ValueError
        If the file has no such loop or none of the residues, or a row is not complete.
    OSError
        If it cannot be read.
    """
    text = path.read_text(encoding="utf-8")
    columns, _ = _loop(iter(text.splitlines(keepends=True)), "_atom_site.")
    place = {name: i for i, name in enumerate(columns)}
    try:
        used = [place[n] for n in ("Cartn_x", "Cartn_y", "Cartn_z", "auth_seq_id", "auth_asym_id", "label_atom_id")]
        model = place["pdbx_PDB_model_num"]
    except KeyError as error:
        raise ValueError(f"'{path}' has no complete atom_site records") from error
    numbers = {str(number) for _, number, _ in wanted}
    tail = len(columns) - used[3]  # fields from the number on: what stands before is looked at only if that is wanted
    models: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        if line.startswith(("ATOM", "HETATM")) and line.rsplit(None, tail)[1] in numbers:
            fields = _TOKEN.findall(line) if "'" in line or '"' in line else line.split()
            if len(fields) != len(columns):
                raise ValueError("a record of _atom_site is not complete")
            models.setdefault(fields[model], []).append(fields)
    found = []
    for rows in models.values():
        atoms = _collect(iter(rows), place, used)
        kept = tuple(row for row in atoms.residues if row.address in wanted)
        found.append(ModelAtoms(kept, atoms.xyz))
    if not any(atoms.residues for atoms in found):
        raise ValueError("it has none of the residues")
    return found


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
                fields = _TOKEN.findall(line) if "'" in line or '"' in line else line.split()
                if len(fields) != len(columns):
                    raise ValueError(f"a record of {category.rstrip('.')} is not complete")
                yield fields
            line = next(stream, "")

    return columns, rows()


def _collect(rows: Iterator[list[str]], place: dict[str, int], used: list[int]) -> ModelAtoms:
    x, y, z, number, chain, name = used
    optional = {
        key: place.get(key, -1)
        for key in ("label_alt_id", "pdbx_PDB_ins_code", "occupancy", "B_iso_or_equiv", "type_symbol")
    }
    component = place.get("auth_comp_id", place.get("label_comp_id", -1))
    model = place.get("pdbx_PDB_model_num", -1)
    entity = place.get("label_entity_id", -1)
    xyz: list[tuple[float, float, float]] = []
    residues: list[ResidueRow] = []
    atoms: list[AtomRow] = []
    key: tuple[Address, str, str] | None = None
    first_model = None

    def value(row: list[str], at: int, default: str = "") -> str:
        return default if at < 0 or row[at] in (".", "?") else _plain(row[at])

    for row in rows:
        if first_model is None:
            first_model = value(row, model)
        elif value(row, model) != first_model:
            break
        address = (value(row, chain), int(row[number]), value(row, optional["pdbx_PDB_ins_code"]))
        now = (address, value(row, component), value(row, entity))
        if now != key:
            if key is not None:
                residues.append(ResidueRow(key[0], key[1], "", tuple(atoms)))
            key, atoms = now, []
        atoms.append(
            AtomRow(
                value(row, name),
                value(row, optional["type_symbol"]),
                value(row, optional["label_alt_id"]),
                len(xyz),
                float(value(row, optional["occupancy"], "1")),
                float(value(row, optional["B_iso_or_equiv"], "0")),
            )
        )
        xyz.append((float(row[x]), float(row[y]), float(row[z])))
    if key is None:
        raise ValueError("the file has no atoms")
    residues.append(ResidueRow(key[0], key[1], "", tuple(atoms)))
    return ModelAtoms(tuple(residues), np.array(xyz, dtype=np.float64).reshape(-1, 3))


def _plain(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0] else text
