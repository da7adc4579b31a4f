"""Some residues of the models of an ensemble file, which is gone through once, whatever is asked for afterwards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .atoms import Address, ModelAtoms, atom_columns, collect_atoms, file_version, split_row

__all__ = ["EnsembleFile", "read_ensemble"]

_CATEGORY = "_atom_site."
_KEPT = 2
"""Files that are kept in memory: a large ensemble (8 replicas of 1,000 residues) has 6 MB."""


@dataclass(frozen=True, eq=False)
class EnsembleFile:
    """Rows of all models in an mmCIF file; those of residues that are asked for are taken apart.

    Parameters
    ----------
    columns : mapping of str to int
        Places of the columns.
    lines : sequence of str
        Of the file.
    models : tuple of mapping of str to list of int
        For each model which lines are its rows, by the number of their residues, as it is written.
    """

    columns: Mapping[str, int]
    lines: Sequence[str]
    models: tuple[Mapping[str, list[int]], ...]

    def residues(self, model: int, wanted: Collection[Address]) -> ModelAtoms:
        """Residues of a model, which counts from 0, by the author's chain names and numbers.

        Raises
        ------
        ValueError
            If it has none of them, or a row is not complete.
        """
        rows_of = self.models[model]
        numbers = {str(number) for _, number, _ in wanted}
        found = sorted(at for number in numbers for at in rows_of.get(number, ()))
        rows = [split_row(self.lines[at], len(self.columns), _CATEGORY) for at in found]
        if not rows:
            raise ValueError("it has none of the residues")
        atoms = collect_atoms(rows, self.columns)
        kept = tuple(row for row in atoms.residues if row.address in wanted)
        if not kept:
            raise ValueError("it has none of the residues")
        return ModelAtoms(kept, atoms.xyz)


def read_ensemble(path: Path) -> EnsembleFile:
    """Models of an mmCIF file with one ``atom_site`` loop of one row a line, as this program's engine writes it.

    Raises
    ------
    ValueError
        If the file has no such loop.
    OSError
        If it cannot be read.
    """
    return _read(path, file_version(path))


@lru_cache(maxsize=_KEPT)
def _read(path: Path, version: tuple[int, int]) -> EnsembleFile:
    lines = path.read_text(encoding="utf-8").splitlines()
    columns = [line.split()[0].removeprefix(_CATEGORY) for line in lines if line.startswith(_CATEGORY)]
    place = atom_columns(columns)
    if "pdbx_PDB_model_num" not in place:
        raise ValueError("it does not number its models")
    # what stands before the number may be quoted and is not looked at; fields behind it never are
    number, model = (place[name] - len(columns) for name in ("auth_seq_id", "pdbx_PDB_model_num"))
    models: dict[str, dict[str, list[int]]] = {}
    for at, line in enumerate(lines):
        if line.startswith(("ATOM", "HETATM")):
            fields = line.rsplit(None, -number)
            models.setdefault(fields[model], {}).setdefault(fields[number], []).append(at)
    return EnsembleFile(place, lines, tuple(models.values()))
