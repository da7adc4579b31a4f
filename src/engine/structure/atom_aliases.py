"""Names of atoms of amino acids in files of force fields and of old programs, and those of the chemical components.

Names of residues that force fields give are in `adp3d.structure.force_field_names`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType

import gemmi

from .force_field_names import force_field_parent
from .polymer import AMINO_ACIDS

__all__ = ["C_TERMINAL", "standard_name", "standard_names"]

_ANYWHERE: Mapping[str, str] = MappingProxyType(
    {
        # both oxygens of a C terminus: CHARMM and XPLOR, GROMACS' Amber and OPLS, GROMOS
        "OT1": "O", "OT2": "OXT", "OC1": "O", "OC2": "OXT", "O1": "O", "O2": "OXT", "OT": "OXT",
        # hydrogens of N: CHARMM and XPLOR, old files
        "HN": "H", "HT1": "H1", "HT2": "H2", "HT3": "H3", "HN1": "H1", "HN2": "H2", "HN3": "H3",
    }
)  # fmt: skip
_OWN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        # CHARMM, GROMACS and GROMOS
        "ILE": MappingProxyType({"CD": "CD1", "HD1": "HD11", "HD2": "HD12", "HD3": "HD13"}),
        "MSE": MappingProxyType({"SED": "SE"}),
    }
)
_KNOWN = frozenset((*gemmi.expand_one_letter_sequence(AMINO_ACIDS, gemmi.ResidueKind.AA), "MSE", "UNK"))

C_TERMINAL = frozenset({"OXT", "HXT", "HOXT"})
"""Standard names of atoms that only the end of a chain has."""


def standard_name(residue: str, atom: str) -> str:
    """Name that the chemical component has for an atom.

    Parameters
    ----------
    residue : str
        Name of the residue, its own or a force field's (HSD, CYX, NTHR).
    atom : str
        Name of the atom as a file has it.

    Returns
    -------
    str
        The same name for atoms that have no other, and in residues other than the 20 amino acids, MSE and UNK: there
        O1 is what the component says.
    """
    parent = force_field_parent(residue) or residue
    if parent not in _KNOWN:
        return atom
    return _OWN.get(parent, {}).get(atom) or _ANYWHERE.get(atom, atom)


def standard_names(residue: str, atoms: Collection[str]) -> dict[str, str]:
    """`standard_name` of each atom of a residue; where two would get the same one, both keep their own.

    Parameters
    ----------
    residue : str
        Its name, its own or a force field's.
    atoms : collection of str
        Names of its atoms as a file has them.
    """
    found = {name: standard_name(residue, name) for name in atoms}
    often = Counter(found.values())
    return {name: standard if often[standard] == 1 else name for name, standard in found.items()}
