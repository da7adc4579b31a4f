"""Repairs of PDB text that the parser would misread in silence."""

from __future__ import annotations

import math

import gemmi

from ..contract.errors import InputError
from .force_field_names import force_field_parent

__all__ = ["is_atom_line", "next_chain_name", "number_pdb_atoms", "repair_pdb_lines"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

_FIRST = 1
_DECIMALS = 10**5
"""Numbers of five columns in decimals."""


def is_atom_line(line: str) -> bool:
    """Whether a line is an ATOM or HETATM record."""
    return line.startswith(("ATOM  ", "HETATM"))


Renames = dict[tuple[str, str], str]
"""Four-letter residue names by chain, and by number with insertion code as in columns 23 to 27."""


def repair_pdb_lines(lines: list[str], origin: str) -> tuple[list[str], list[str], Renames]:
    """Check and repair the lines of a PDB file before they are parsed.

    Coordinates that are not numbers would be read as zero, so they raise. Empty occupancies become 1. END
    records in the middle (files joined to one) become TER. Molecules that repeat the residue numbers of an
    earlier one of the same chain name get a chain name of their own. Atoms without a chain name are named after
    their segment (columns 73 to 76), if they have one. Residue names of force fields that fill column 21 (NTHR)
    are cut to their standard residue, so that the chain is read right, and returned.

    Parameters
    ----------
    lines : list of str
        The file, with at least one ATOM or HETATM record.
    origin : str
        Name of the file for messages.

    Returns
    -------
    lines : list of str
        Repaired lines.
    notes : list of str
        What was changed.
    renames : dict
        Names of residues that the parser cannot read.

    Raises
    ------
    InputError
        If an atom has no valid coordinates.
    """
    notes: list[str] = []
    lines = _join_concatenated(lines, notes)
    blank = 0
    for number, line in enumerate(lines):
        if not is_atom_line(line):
            continue
        _check_coordinates(line, number + 1, origin)
        if not line[54:60].strip():
            lines[number] = f"{line[:54]:<54}  1.00{line[60:]}"
            blank += 1
    if blank:
        notes.append(f"{blank} empty occupancy fields were read as 1")
    lines, long_names = _shorten_names(lines)
    lines = _name_repeated_molecules(_name_by_segment(lines, notes), notes)
    renames = {(lines[i][20:22].strip(), lines[i][22:27]): name for i, name in long_names.items()}
    return lines, notes, renames


def number_pdb_atoms(lines: list[str]) -> list[str]:
    """Lines with the position of each atom in the file as its serial number, from 1.

    Beyond 99,999 in hybrid-36, which reads as a number again.
    """
    result, position = list(lines), _FIRST
    for i, line in enumerate(lines):
        if is_atom_line(line):
            result[i] = f"{line[:6]}{_hybrid36(position)}{line[11:]}"
            position += 1
    return result


def _hybrid36(number: int) -> str:
    """Five columns for a number up to 43 million: decimals, then hybrid-36 (R. W. Grosse-Kunstleve) with a capital."""
    if number < _DECIMALS:
        return f"{number:5}"
    rest, digits = number - _DECIMALS + 10 * 36**4, ""
    while rest:
        rest, digit = divmod(rest, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + digits
    return digits


def _check_coordinates(line: str, number: int, origin: str) -> None:
    """Raise unless columns 31-54 hold three numbers."""
    fields = (line[30:38], line[38:46], line[46:54])
    try:
        valid = all(math.isfinite(float(field)) for field in fields)
    except ValueError:
        valid = False
    if not valid:
        text = "".join(fields).strip()
        raise InputError(
            f"Line {number} of '{origin}' has no valid coordinates ('{text}'): the file is truncated, "
            "damaged or not in PDB format."
        )


def _shorten_names(lines: list[str]) -> tuple[list[str], dict[int, str]]:
    """Put the standard residue in columns 18 to 20 where a force field's name takes four columns."""
    result, names = list(lines), {}
    for i, line in enumerate(lines):
        name = line[17:21]
        if not is_atom_line(line) or " " in name or gemmi.find_tabulated_residue(name[:3]).is_amino_acid():
            continue
        parent = force_field_parent(name)
        if parent is not None:
            result[i] = f"{line[:17]}{parent} {line[21:]}"
            names[i] = name
    return result, names


def _name_by_segment(lines: list[str], notes: list[str]) -> list[str]:
    """Give atoms without a chain name one for each segment: the segment's own, or a letter if that is too long."""
    nameless = [i for i, line in enumerate(lines) if is_atom_line(line) and not line[20:22].strip()]
    segments = dict.fromkeys(lines[i][72:76].strip() for i in nameless)
    if not any(segments):
        return lines
    used = {line[20:22].strip() for line in lines if is_atom_line(line)}
    names: dict[str, str] = {}
    for segment in segments:
        if segment:
            names[segment] = segment if len(segment) <= 2 and segment not in used else next_chain_name(used)
            used.add(names[segment])
    result = list(lines)
    for i in nameless:
        chain = names.get(lines[i][72:76].strip(), "")
        result[i] = f"{lines[i][:20]}{chain:>2}{lines[i][22:]}"
    told = ", ".join(f"{segment} is {name}" for segment, name in names.items())
    notes.append(f"chains without a name were named after their segments ({told})")
    return result


def _join_concatenated(lines: list[str], notes: list[str]) -> list[str]:
    """Turn END records that atoms follow into TER: several PDB files in one, of which all count."""
    last_atom = max(i for i, line in enumerate(lines) if is_atom_line(line))
    ends = {i for i, line in enumerate(lines[:last_atom]) if line.rstrip() == "END"}
    if ends:
        notes.append(f"the file holds {len(ends) + 1} PDB files one after another; all were read")
    return ["TER" if i in ends else line for i, line in enumerate(lines)]


def _name_repeated_molecules(lines: list[str], notes: list[str]) -> list[str]:
    """Rename the chain of every molecule whose residue numbers an earlier molecule of that name has used."""
    result = list(lines)
    names = {line[20:22].strip() for line in lines if is_atom_line(line)}
    for start, end in _models(lines):
        used = set(names)
        seen: dict[str, set[str]] = {}
        current: dict[str, str] = {}
        for part in _molecules(lines, start, end):
            chain = lines[part[0]][20:22].strip()
            keys = {key for i in part if (key := _residue_key(lines[i])) is not None}
            if keys & seen.setdefault(chain, set()):
                current[chain] = next_chain_name(used)
                used.add(current[chain])
                note = f"a second molecule named chain '{chain}' became chain '{current[chain]}'"
                if note not in notes:
                    notes.append(note)
                seen[chain] = set()
            seen[chain] |= keys
            if chain in current:
                for i in part:
                    result[i] = f"{lines[i][:20]}{current[chain]:>2}{lines[i][22:]}"
    return result


def _models(lines: list[str]) -> list[tuple[int, int]]:
    """Line ranges of the models."""
    starts = [i for i, line in enumerate(lines) if line.startswith("MODEL ")] or [0]
    return list(zip(starts, [*starts[1:], len(lines)], strict=True))


def _molecules(lines: list[str], start: int, end: int) -> list[list[int]]:
    """Atom lines of one model in parts, ended by TER, another chain, or a residue number that comes back."""
    parts: list[list[int]] = []
    keys: set[str] = set()
    last_key: str | None = None
    open_part = False
    for i in range(start, end):
        line = lines[i]
        if line.startswith("TER"):
            open_part = False
            continue
        if not is_atom_line(line):
            continue
        key = _residue_key(line)
        back = key is not None and key in keys and key != last_key
        if not open_part or line[20:22] != lines[parts[-1][-1]][20:22] or back:
            first = i
            # A residue starts before its CA: take the lines of the same residue along.
            moved: list[int] = []
            while back and open_part and parts[-1] and lines[parts[-1][-1]][20:27] == lines[first][20:27]:
                moved.insert(0, parts[-1].pop())
            if parts and not parts[-1]:
                parts.pop()
            parts.append(moved)
            keys = set()
            open_part = True
        parts[-1].append(i)
        if key is not None:
            keys.add(key)
            last_key = key
    return parts


def _residue_key(line: str) -> str | None:
    """Residue number and insertion code of a CA atom; None for other atoms."""
    return line[22:27] if line[12:16] == " CA " else None


def next_chain_name(used: set[str]) -> str:
    """First free chain name: one letter or digit, then two letters."""
    for name in _LETTERS:
        if name not in used:
            return name
    number = 0
    while (name := _LETTERS[number // 62 % 62] + _LETTERS[number % 62] + str(number // 3844 or "")) in used:
        number += 1
    return name
