"""Models as files that programs for refinement and building read: mmCIF or PDB, with the records that ChimeraX omits.

ChimeraX writes atoms, conformations, B-factors, sequences, secondary structure, disulfides (SSBOND), other links (LINK)
and what it keeps of the file that a model came from. Cis peptides it leaves out; they are added here.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from . import frames
from .cis_peptides import cif_records, cis_peptides, pdb_records
from .moving import move_atoms
from .replacing import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session
    from numpy.typing import NDArray

__all__ = ["check_name", "copy_file", "is_cif", "write_model"]

_CIF, _PDB = (".cif", ".mmcif"), (".pdb", ".ent")
_BEHIND_CISPEP = (b"SITE", b"CRYST1", b"ORIGX", b"SCALE", b"MTRIX", b"MODEL", b"ATOM", b"HETATM")
"""Records of a PDB file that come after CISPEP."""


def check_name(path: Path) -> None:
    """Refuse names whose ending tells no format.

    Raises
    ------
    UserError
    """
    from chimerax.core.errors import UserError

    if path.suffix.lower() not in (*_CIF, *_PDB):
        raise UserError(f"'{path.name}' must end in .cif or .mmcif, or in .pdb or .ent.")


def is_cif(path: Path) -> bool:
    """Whether a name is that of an mmCIF file."""
    return path.suffix.lower() in _CIF


def copy_file(source: Path, path: Path) -> None:
    """Copy a file, all or nothing.

    Raises
    ------
    UserError
        If it cannot be read or written.
    """
    replace_file(path, lambda partial: shutil.copyfile(source, partial))


def write_model(session: Session, structure: AtomicStructure, matrix: NDArray[np.float64], path: Path) -> int:
    """Write a model with its coordinates in another frame, all or nothing; the model itself stays as it is.

    Parameters
    ----------
    session : Session
    structure : AtomicStructure
    matrix : ndarray, shape (3, 4)
        From the model's own frame to that of the file.
    path : Path
        Its ending tells the format; a file of that name is replaced.

    Returns
    -------
    int
        Cis peptides that were recorded.

    Raises
    ------
    UserError
        If the format cannot hold the model, or the file cannot be written.
    """
    if not is_cif(path):
        _refuse_what_pdb_cannot_hold(structure)
    found = cis_peptides(structure)
    copied = None if frames.is_identity(matrix) else structure.copy()
    if copied is not None:
        move_atoms(copied, matrix)
    own = structure if copied is None else copied

    def write(partial: Path) -> None:
        if is_cif(path):
            from chimerax.mmcif.mmcif_write import write_mmcif

            # relative to itself: in its own frame, wherever it is in the scene
            write_mmcif(session, str(partial), models=[own], rel_model=own)
            with partial.open("a", encoding="utf-8", newline="\n") as stream:
                stream.writelines(f"{line}\n" for line in cif_records(found))
        else:
            from chimerax.pdb import save_pdb

            save_pdb(session, str(partial), models=[own], rel_model=own)
            partial.write_bytes(_with_cis_peptides(partial.read_bytes(), pdb_records(found)))

    try:
        replace_file(path, write)
    finally:
        if copied is not None:
            copied.delete()
    return len(found)


def _with_cis_peptides(content: bytes, records: Sequence[str]) -> bytes:
    """A PDB file with these records in the place of any others.

    Remarks and titles that ChimeraX has kept of another file may hold bytes of any encoding: they stay as they are.
    """
    lines = [line for line in content.splitlines(keepends=True) if not line.startswith(b"CISPEP")]
    place = next((i for i, line in enumerate(lines) if line.startswith(_BEHIND_CISPEP)), len(lines))
    return b"".join([*lines[:place], *(f"{record}\n".encode("ascii") for record in records), *lines[place:]])


def _refuse_what_pdb_cannot_hold(structure: AtomicStructure) -> None:
    from chimerax.core.errors import UserError

    for residue in structure.residues:
        if len(residue.chain_id) > 1 or len(residue.name) > 3 or not -999 <= residue.number <= 9999:
            raise UserError(
                f"A PDB file cannot hold residue {residue.name} {residue.number} of chain {residue.chain_id}; "
                "save as .cif."
            )
