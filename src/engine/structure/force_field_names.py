"""Names that force fields give to amino acids, which the chemical component dictionary does not have."""

from __future__ import annotations

import gemmi

from .polymer import AMINO_ACIDS

__all__ = ["force_field_parent"]

_PARENTS = {
    "HIS": ("HIE", "HID", "HIP", "HSD", "HSE", "HSP", "HISD", "HISE", "HISH", "HISA", "HISB", "HIS1", "HIS2"),
    "CYS": ("CYX", "CYM", "CYS2", "CYSH", "CYN", "CYSS"),
    "ASP": ("ASH", "ASPH", "ASPP"),
    "GLU": ("GLH", "GLUH", "GLUP"),
    "LYS": ("LYN", "LYP", "LYSH", "LYSN", "LSN"),
    "ARG": ("ARN", "ARGN"),
    "TYR": ("TYM", "TYRU"),
    "ILE": ("ILDN",),
}
"""Protonation and disulphide states in Amber, CHARMM, GROMOS and OPLS files, by the residue they are a state of."""

_STANDARD = frozenset(gemmi.expand_one_letter_sequence(AMINO_ACIDS, gemmi.ResidueKind.AA))
_STATES = {state: parent for parent, states in _PARENTS.items() for state in states}


def force_field_parent(name: str) -> str | None:
    """Standard residue behind a force field's name, such as HIS for HIE, CYS for CYX, THR for NTHR.

    Amber puts N or C before the names of terminal residues (NTHR, CGLY, CHIE).

    Parameters
    ----------
    name : str
        Residue name, three or four letters.

    Returns
    -------
    str or None
        Three-letter name; None for names that no force field here uses.
    """
    if name in _STATES:
        return _STATES[name]
    if len(name) == 4 and name[0] in "NC":
        rest = name[1:]
        return rest if rest in _STANDARD else _STATES.get(rest)
    return None
