"""Columns of mmCIF atom tables that are optional in the standard and expected by the parser."""

from __future__ import annotations

import gemmi

from ..contract.errors import InputError

__all__ = ["complete_columns"]

_NEEDED = ("label_atom_id", "label_comp_id", "Cartn_x", "Cartn_y", "Cartn_z")
_TWO_LETTERS = frozenset({"Cl", "Br", "Fe", "Mg", "Mn", "Zn", "Se", "Si"})
"""Elements that ligands name atoms after with two letters; CA, CD, CE, NE and the like are carbons and nitrogens."""
_PREFIX = "_atom_site."


def complete_columns(block: gemmi.cif.Block, origin: str) -> None:
    """Fill in what an atom table lacks: serial numbers, elements from atom names, names and numbers from the labels.

    Atoms without a position on a sequence (ligands, waters) get numbers that go on from the chain's last, a new
    one for each residue name or repeated atom name.

    Parameters
    ----------
    block : gemmi.cif.Block
        Changed in place.
    origin : str
        Name of the file for messages.

    Raises
    ------
    InputError
        If a column is missing that nothing can stand for.
    """
    column = block.find_loop(_PREFIX + "Cartn_x")
    loop = column.get_loop() if column else None
    if loop is None:
        return
    have = {tag[len(_PREFIX) :] for tag in loop.tags}
    for name in (*_NEEDED, "label_asym_id", "label_seq_id"):
        if name not in have and name.replace("label", "auth") not in have:
            raise InputError(f"The atom table of '{origin}' has no column _atom_site.{name}; write it again as mmCIF.")
    for name in ("label_atom_id", "label_comp_id"):
        if name not in have:
            _add(loop, name, _values(loop, name.replace("label", "auth")))
    if "id" not in have:
        _add(loop, "id", [str(number) for number in range(1, loop.length() + 1)])
    if "label_alt_id" not in have:
        _add(loop, "label_alt_id", ["."] * loop.length())
    if "type_symbol" not in have:
        names, residues = _values(loop, "label_atom_id"), _values(loop, "label_comp_id")
        _add(loop, "type_symbol", [_element(a, r) for a, r in zip(names, residues, strict=True)])
    if "auth_asym_id" not in have:
        _add(loop, "auth_asym_id", _values(loop, "label_asym_id"))
    if "label_asym_id" not in have:
        _add(loop, "label_asym_id", _values(loop, "auth_asym_id"))
    if "auth_seq_id" not in have:
        _add(loop, "auth_seq_id", _numbers(loop))


def _values(loop: gemmi.cif.Loop, name: str) -> list[str]:
    at = loop.tags.index(_PREFIX + name)
    width = loop.width()
    return list(loop.values[at::width])


def _add(loop: gemmi.cif.Loop, name: str, values: list[str]) -> None:
    loop.add_columns([_PREFIX + name], "?")
    at = loop.tags.index(_PREFIX + name)
    for row, value in enumerate(values):
        loop[row, at] = value


def _element(atom: str, residue: str) -> str:
    """Element of an atom, from its name: the first letter, but for ions, which are named after their element."""
    name = "".join(c for c in gemmi.cif.as_string(atom) if c.isalpha())
    ion = gemmi.cif.as_string(residue)
    if name.upper() == ion.upper() and gemmi.Element(ion.capitalize()).name.upper() == ion.upper():
        return ion.upper()
    known = gemmi.find_tabulated_residue(ion)
    if not known.is_amino_acid() and not known.is_nucleic_acid() and len(name) > 1:
        two = name[:2].capitalize()
        if two in _TWO_LETTERS:
            return two
    return name[:1].upper() or "X"


def _numbers(loop: gemmi.cif.Loop) -> list[str]:
    """Residue numbers from positions on the sequence, going on from the last where there is none."""
    chains, given = _values(loop, "auth_asym_id"), _values(loop, "label_seq_id")
    atoms, residues = _values(loop, "label_atom_id"), _values(loop, "label_comp_id")
    highest: dict[str, int] = {}
    for chain, number in zip(chains, given, strict=True):
        if number.lstrip("-").isdigit():
            highest[chain] = max(highest.get(chain, 0), int(number))
    out: list[str] = []
    seen: set[str] = set()
    last: tuple[str, str] | None = None
    for chain, number, atom, residue in zip(chains, given, atoms, residues, strict=True):
        if number.lstrip("-").isdigit():
            out.append(number)
            last = None
            continue
        if (chain, residue) != last or atom in seen:
            highest[chain] = highest.get(chain, 0) + 1
            seen, last = set(), (chain, residue)
        seen.add(atom)
        out.append(str(highest[chain]))
    return out
