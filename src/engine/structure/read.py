"""Reading atomic models: mmCIF and PDB, compressed or not, checked before anything else sees them."""

from __future__ import annotations

import re
from pathlib import Path

import gemmi

from ..compression import open_plain
from ..contract.errors import InputError
from .carried_records import CARRIED, carried_records
from .cif_columns import complete_columns
from .pdb_text import is_atom_line, number_pdb_atoms, repair_pdb_lines
from .polymer_ends import add_entity_types
from .residues import is_protein_residue

__all__ = ["READ_NOTE", "read_content", "read_structure"]

READ_NOTE = "_adp3d.read_note"
"""Key of ``Structure.info`` under which the reader says what it had to change (absent if nothing)."""

_MAX_BYTES = 2 * 1024**3
_MAX_COORDINATE = 1e5  # angstrom; larger than any assembly, smaller than what a broken field gives
_BCIF_HEAD = 2000  # bytes; the names of a BinaryCIF file's own fields are among the first
_PDB_START = re.compile(r"(?:HEADER|CRYST1|MODEL |REMARK|TITLE |SEQRES|COMPND|EXPDTA|AUTHOR|ORIGX|SCALE|PARENT|USER  )")


def read_content(path: str | Path) -> bytes:
    """Read a file whole, unpacked if it is packed (see `open_plain`).

    Parameters
    ----------
    path : str or Path
        Any file; the extension is ignored.

    Returns
    -------
    bytes
        The (decompressed) content, never empty.

    Raises
    ------
    InputError
        If the file is missing, a folder, unreadable, empty, a damaged archive or larger than 2 GB.
    """
    path = Path(path)
    with open_plain(path) as opened:
        content = opened.stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise InputError(f"'{path}' is larger than 2 GB, too large for an atomic model or a sequence.")
    if not content.strip():
        raise InputError(f"'{path}' is empty.")
    return content


def read_structure(path: str | Path, require_protein: bool = True, number_atoms: bool = False) -> gemmi.Structure:
    """Read an atomic model in mmCIF or PDB format, packed or not.

    The format is recognised from the content, so a misleading extension does no harm. Everything is kept:
    all models, ligands, nucleic acids, waters, alternative conformations, and what mmCIF files say of their components
    and publications (`adp3d.structure.carried_records`). Entity types and subchains
    are filled in where the file lacks them. Three things are changed in odd files, and noted under
    `READ_NOTE` in the structure's ``info``: empty occupancy fields count as 1, molecules that follow one
    another under the same chain name (several files in one) get chain names of their own, and a conformer label
    without an alternative in its whole chain is dropped, its atoms having the place for themselves.

    Parameters
    ----------
    path : str or Path
        The file.
    require_protein : bool
        Whether a file without protein is an error.
    number_atoms : bool
        Whether serial numbers are to say where each atom stands in the file, from 1, whatever the file has there:
        files of more than 99,999 atoms repeat them, and reading brings parts of a residue and of a chain together.

    Returns
    -------
    gemmi.Structure
        The structure with at least one atom; coordinates are finite.

    Raises
    ------
    InputError
        If the file is missing, empty, truncated, not an atomic model, has coordinates that are not numbers
        or absurdly large, or (with ``require_protein``) has no protein.
    """
    path = Path(path)
    text = _decode(read_content(path), path)
    structure = (_from_cif if _looks_like_cif(text) else _from_pdb)(text, path, number_atoms)
    if len(structure) == 0 or structure[0].count_atom_sites() == 0:
        raise InputError(f"'{path}' contains no atoms.")
    _check_atoms(structure, path)
    if not structure.name:
        structure.name = path.name.split(".")[0]
    _complete_entities(structure)
    _drop_lone_labels(structure)
    if require_protein:
        _check_protein(structure, path)
    return structure


def _decode(content: bytes, path: Path) -> str:
    """Text of a file that might be an atomic model; say what it is if it is something else."""
    if content[208:212] == b"MAP ":
        raise InputError(f"'{path}' is a density map, not an atomic model.")
    if b"\x00" in content:
        if b"dataBlocks" in content[:_BCIF_HEAD]:
            raise InputError(f"'{path}' is BinaryCIF, which is not read; save the model as mmCIF.")
        raise InputError(f"'{path}' is a binary file, not an mmCIF or PDB model.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("ascii", errors="replace").replace("\ufffd", "?")
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if start == ">":
        raise InputError(f"'{path}' is a sequence (FASTA) file, not an atomic model.")
    if start in ("{", "["):
        raise InputError(f"'{path}' is a JSON file; save the model as mmCIF or PDB.")
    return text.lstrip("\ufeff")


def _looks_like_cif(text: str) -> bool:
    """Tell mmCIF from PDB by the first line that is neither empty nor a comment."""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            return stripped.lower().startswith(("data_", "loop_", "global_", "_"))
    return False


def _from_cif(text: str, path: Path, number_atoms: bool) -> gemmi.Structure:
    """Parse mmCIF text: the first block that has atoms."""
    try:
        document = gemmi.cif.read_string(text)
        block = next((b for b in document if b.find_loop("_atom_site.Cartn_x")), None)
        if block is None:
            block = next((b for b in document if b.find_value("_atom_site.Cartn_x")), None)
        if block is None:
            ligand = any(b.find_loop("_chem_comp_atom.comp_id") for b in document)
            what = "is a ligand dictionary" if ligand else "has no atom_site records"
            raise InputError(f"'{path}' {what}, so there is no atomic model in it.")
        complete_columns(block, str(path))
        if number_atoms:
            table = block.find("_atom_site.", ["id"])
            for row, line in enumerate(table):
                line[0] = str(row + 1)
        structure = gemmi.make_structure_from_block(block)
    except InputError:
        raise
    except (RuntimeError, ValueError, IndexError, OverflowError) as error:
        raise InputError(f"'{path}' is a truncated or damaged mmCIF file: {_reason(error)}.") from error
    structure.merge_chain_parts()
    structure.input_format = gemmi.CoorFormat.Mmcif
    carried = carried_records(block)
    if carried:
        structure.info[CARRIED] = carried
    return structure


def _from_pdb(text: str, path: Path, number_atoms: bool) -> gemmi.Structure:
    """Parse PDB text after checking the number fields that the parser would silently read as zero."""
    # Columns count bytes, so that nothing but ASCII may stand in them.
    lines = text.encode("ascii", errors="replace").decode("ascii").splitlines()
    if not any(is_atom_line(line) for line in lines):
        if any(_PDB_START.match(line) for line in lines[:50]):
            raise InputError(f"'{path}' is a PDB file without atoms.")
        raise InputError(f"'{path}' is neither an mmCIF nor a PDB file.")
    lines, notes, renames = repair_pdb_lines(lines, str(path))
    if number_atoms:
        lines = number_pdb_atoms(lines)
    try:
        structure = gemmi.read_pdb_string("\n".join(lines) + "\n")
    except (RuntimeError, ValueError, IndexError, OverflowError) as error:
        raise InputError(f"'{path}' is a truncated or damaged PDB file: {_reason(error)}.") from error
    for model in structure:
        for chain in model:
            for residue in chain:
                residue.name = renames.get((chain.name, f"{residue.seqid.num:4}{residue.seqid.icode}"), residue.name)
    structure.merge_chain_parts()
    if notes:
        structure.info[READ_NOTE] = "; ".join(notes)
    return structure


def _check_atoms(structure: gemmi.Structure, path: Path) -> None:
    """Raise on coordinates that are not finite or absurd, or that are all the same point."""
    for model in structure:
        first: tuple[float, float, float] | None = None
        spread = False
        count = 0
        for chain in model:
            for residue in chain:
                for atom in residue:
                    x, y, z = atom.pos.tolist()
                    # One comparison catches NaN, infinity and absurd values alike.
                    if not abs(x) + abs(y) + abs(z) < _MAX_COORDINATE:
                        where = f"{chain.name}/{residue.name} {residue.seqid}/{atom.name}"
                        raise InputError(
                            f"Atom {where} of '{path}' has the coordinates ({x:g}, {y:g}, {z:g}); correct it."
                        )
                    count += 1
                    if first is None:
                        first = (x, y, z)
                    elif not spread:
                        spread = (x, y, z) != first
        if count > 1 and not spread:
            raise InputError(f"All {count} atoms of '{path}' are at the same point; it holds no model.")


def _complete_entities(structure: gemmi.Structure) -> None:
    """Fill in entity types, subchains and entities where missing, keeping those the file has."""
    add_entity_types(structure)
    structure.assign_subchains(False, False)
    structure.ensure_entities()
    if structure.input_format != gemmi.CoorFormat.Mmcif:
        structure.deduplicate_entities()


def _drop_lone_labels(structure: gemmi.Structure) -> None:
    """Take conformer labels off protein chains that have one only; partial occupancies there become 1."""
    changed = 0
    for model in structure:
        for chain in model:
            residues = [residue for residue in chain if is_protein_residue(residue)]
            labels = {atom.altloc for residue in residues for atom in residue if atom.has_altloc()}
            if len(labels) != 1:
                continue
            for residue in residues:
                labelled = [atom for atom in residue if atom.has_altloc()]
                # the same atom with and without a label is an alternative after all
                if not labelled or len({atom.name for atom in residue}) < len(residue):
                    continue
                changed += 1
                for atom in labelled:
                    atom.altloc = "\0"
                    atom.occ = 1.0 if 0.0 < atom.occ < 1.0 else atom.occ
    if changed:
        note = f"{changed} residues had a conformer label but no second conformer: they were read as one, occupancy 1"
        before = structure.info[READ_NOTE] + "; " if READ_NOTE in structure.info else ""
        structure.info[READ_NOTE] = before + note


def _check_protein(structure: gemmi.Structure, path: Path) -> None:
    """Raise unless the first model has protein residues, all of them numbered."""
    found = False
    for chain in structure[0]:
        for residue in chain:
            if not is_protein_residue(residue):
                continue
            found = True
            if residue.seqid.num is None:
                raise InputError(f"A residue {residue.name} of chain '{chain.name}' in '{path}' has no number.")
    if not found:
        raise InputError(f"'{path}' contains no protein; ADP-3D works on protein chains only.")


def _reason(error: Exception) -> str:
    """Return the first line of a parser's message, without a full stop."""
    return (str(error).splitlines() or ["unreadable"])[0].rstrip(". ")[:200]
