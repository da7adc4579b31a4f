"""The copy of its model that a job keeps, in whatever format it was given: jobs of the command line come with any."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

import numpy as np

from .atoms import Address, AtomRow, ModelAtoms, ResidueRow, cif_atoms

__all__ = ["read_model_file"]

_GZIP = b"\x1f\x8b"
_ATOMS = ("ATOM  ", "HETATM")


def read_model_file(path: Path) -> ModelAtoms:
    """Atoms of the first model in an mmCIF or PDB file, packed with gzip or not, by the author's names and numbers.

    Raises
    ------
    ValueError
        If it is neither, or a record is not complete.
    OSError
        If it cannot be read.
    """
    content = path.read_bytes()
    try:
        unpacked = gzip.decompress(content) if content.startswith(_GZIP) else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError("it is damaged") from error
    # remarks of PDB files come in any encoding
    lines = unpacked.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    return _pdb_atoms(lines) if any(line.startswith(_ATOMS) and _is_pdb(line) for line in lines) else cif_atoms(lines)


def _is_pdb(line: str) -> bool:
    """Whether an atom has the points of its coordinates where the PDB format has them."""
    return len(line) > 50 and line[34] == line[42] == line[50] == "."


def _pdb_atoms(lines: Iterable[str]) -> ModelAtoms:
    """Atoms by the columns of the PDB format (version 3.3); occupancies that are blank are 1, B-factors 0."""
    xyz: list[tuple[float, ...]] = []
    residues: list[ResidueRow] = []
    atoms: list[AtomRow] = []
    last: tuple[Address, str] | None = None
    for line in takewhile(lambda line: not line.startswith("ENDMDL"), lines):
        if not line.startswith(_ATOMS):
            continue
        now = ((line[21:22].strip(), int(line[22:26]), line[26:27].strip()), line[17:20].strip())
        if now != last:
            if last is not None:
                residues.append(ResidueRow(*last, "", tuple(atoms)))
            last, atoms = now, []
        name, altloc = line[12:16].strip(), line[16:17].strip()
        element = line[76:78].strip().capitalize() or line[12:14].strip(" 0123456789").capitalize()
        occupancy, bfactor = float(line[54:60].strip() or 1.0), float(line[60:66].strip() or 0.0)
        atoms.append(AtomRow(name, element, altloc, len(xyz), occupancy, bfactor))
        xyz.append(tuple(float(line[start : start + 8]) for start in (30, 38, 46)))
    if last is None:
        raise ValueError("the file has no atoms")
    residues.append(ResidueRow(*last, "", tuple(atoms)))
    return ModelAtoms(tuple(residues), np.array(xyz, dtype=np.float64).reshape(-1, 3))
