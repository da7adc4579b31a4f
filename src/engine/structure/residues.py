"""Residue names: which residues are protein, their one-letter parents, and names for letters."""

from __future__ import annotations

from collections.abc import Mapping

import gemmi

from .backbone_parts import backbone_parts
from .force_field_names import force_field_parent
from .polymer import AMINO_ACIDS, UNKNOWN

__all__ = ["is_protein_residue", "is_type", "modified_parents", "one_letter", "three_letter"]

_CAPS = frozenset({"ACE", "NH2", "NME", "NMA", "FOR", "NHE", "CH3"})
_BACKBONE = ("N", "CA", "C")
# Two real amino acids outside the 20; they are written out under their own names.
_RARE = {"U": "SEC", "O": "PYL"}
# Components that stand for one of two residues of a gene or a synthetic sequence: cyclised, isomerised, formed by loss
# of a side chain, put in place of another for its shape, or not told apart by the experiment or the letters used.
_EITHER = {
    "PCA": "QE",
    "IAS": "DN",
    "SNN": "ND",
    "ASX": "DN",
    "GLX": "EQ",
    "DHA": "SC",
    "ABA": "AC",
    "ORN": "AR",
    "NLE": "LM",
    "SEC": "UC",
    "PYL": "OK",
}


def is_protein_residue(residue: gemmi.Residue) -> bool:
    """Tell whether a residue belongs to a protein chain.

    Waters, ligands, glycans and terminal caps (ACE, NH2 ...) do not. Residues missing from the table of
    known names (rare modified amino acids) count when they have N, CA and C atoms, or the backbones of a
    chromophore.
    """
    if residue.entity_type in (
        gemmi.EntityType.NonPolymer,
        gemmi.EntityType.Water,
        gemmi.EntityType.Branched,
    ):
        return False
    if residue.name in _CAPS:
        return False
    info = gemmi.find_tabulated_residue(residue.name)
    if info.is_nucleic_acid() or info.is_water():
        return False
    if info.is_amino_acid():
        return True
    return all(name in residue for name in _BACKBONE) or len(backbone_parts(residue)) > 1


def modified_parents(structure: gemmi.Structure) -> dict[str, str]:
    """Parents of modified residues that the file itself declares (MODRES records), name to parent name."""
    return {mod.res_id.name: mod.parent_comp_id for mod in structure.mod_residues if mod.parent_comp_id}


def one_letter(name: str, parents: Mapping[str, str] | None = None) -> str:
    """One-letter code of a residue name, modified residues as their parent (MSE gives M), else ``X``.

    Parameters
    ----------
    name : str
        Residue (chemical component) name.
    parents : mapping of str to str, optional
        Parent names for modified residues that the file declares; used where the name is not tabulated, as are
        the names that force fields give (HIE, CYX, NTHR ...).

    Returns
    -------
    str
        One of the 20 standard letters, ``U``, ``O`` or ``X``.
    """
    info = gemmi.find_tabulated_residue(name)
    if not info.is_amino_acid():
        parent = (parents or {}).get(name) or force_field_parent(name)
        info = gemmi.find_tabulated_residue(parent or name)
    if not info.is_amino_acid():
        return UNKNOWN
    letter = info.one_letter_code.upper()
    return letter if letter in AMINO_ACIDS or letter in _RARE else UNKNOWN


def is_type(name: str, code: str, letter: str) -> bool:
    """Whether a residue may stand for a letter of a sequence.

    Parameters
    ----------
    name : str
        Residue name.
    code : str
        Its one-letter code, as `one_letter` gives it.
    letter : str
        Of the sequence.
    """
    return code == letter or letter in _EITHER.get(name, "")


def three_letter(letter: str) -> str:
    """Residue name for a one-letter code; ``UNK`` for anything but the 20 standard ones, U and O."""
    if letter in _RARE:
        return _RARE[letter]
    if letter not in AMINO_ACIDS:
        return "UNK"
    return gemmi.expand_one_letter(letter, gemmi.ResidueKind.AA)
