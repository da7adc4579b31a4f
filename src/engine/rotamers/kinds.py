"""Kinds of atoms that contacts tell apart."""

from __future__ import annotations

import torch
from torch import Tensor

from ..sidechain.templates import N_SLOTS, N_TYPES, RESIDUE_NAMES, TEMPLATES

__all__ = ["BESIDE", "CLASS_OF", "N_KINDS", "N_MOVING", "TRUNK", "beside", "kind_of_element", "kinds_of"]

_CLASSES = ("C", "N", "O", "S")
_MOVING = (
    "CH", "CH3", "aromatic C", "C of a carboxylate, amide or guanidinium", "N of a cation", "N of an amide",
    "N of a ring", "hydroxyl O", "carboxylate O", "amide O", "S",
)  # fmt: skip
_TRUNK = ("N", "CA", "C", "O", "CB")
N_MOVING = len(_MOVING)
"""Kinds of side-chain atoms beyond CB; they come first."""
TRUNK = N_MOVING
"""The first of the five kinds of the backbone and CB."""
BESIDE = TRUNK + len(_TRUNK)
"""The first of the same five in a residue that is bonded to that of the side chain."""
_OTHER = BESIDE + len(_TRUNK)
N_KINDS = _OTHER + len(_CLASSES)
"""The last four are carbon, nitrogen, oxygen and sulphur of anything else."""

CLASS_OF = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, *[1, 0, 0, 2, 0] * 2, 0, 1, 2, 3])
"""Element class (0 to 3: C, N, O, S) of each kind."""

_METHYL = {("ILE", "CG2"), ("ILE", "CD1"), ("LEU", "CD1"), ("LEU", "CD2"), ("VAL", "CG1"), ("VAL", "CG2"),
           ("THR", "CG2"), ("MET", "CE"), ("MSE", "CE")}  # fmt: skip
_POLAR = {("ASP", "CG"), ("ASN", "CG"), ("GLU", "CD"), ("GLN", "CD"), ("ARG", "CZ")}
_RINGS = ("PHE", "TYR", "TRP", "HIS")


def _kind(residue: str, name: str, element: str) -> int:
    if name in _TRUNK:
        return TRUNK + _TRUNK.index(name)
    if element == "C":
        if residue in _RINGS:
            return 2
        return 3 if (residue, name) in _POLAR else int((residue, name) in _METHYL)
    if element == "N":
        return 4 if residue in ("ARG", "LYS") else 6 if residue in _RINGS else 5
    if element == "O":
        return 7 if residue in ("SER", "THR", "TYR") else 8 if residue in ("ASP", "GLU") else 9
    return 10


def _kinds() -> Tensor:
    table = torch.full((N_TYPES, N_SLOTS), -1)
    for row, residue in enumerate(RESIDUE_NAMES):
        template = TEMPLATES[residue]
        for slot, (name, element) in enumerate(zip(template.names, template.elements, strict=True)):
            table[row, slot] = _kind(residue, name, element)
    return table


_KINDS = _kinds()


def kinds_of(aatype: Tensor) -> Tensor:
    """Kinds (..., 14) of the atoms of residue types (...); -1 where there is no atom."""
    return _KINDS[aatype]


def kind_of_element(element: str) -> int:
    """Kind of an atom of a ligand, nucleic acid or ion: phosphorus, metals and all others as S, halogens as C."""
    name = element.upper()
    if name in _CLASSES:
        return _OTHER + _CLASSES.index(name)
    return _OTHER if name in ("F", "CL", "BR", "I") else _OTHER + 3


def beside(kind: Tensor, bonded: Tensor) -> Tensor:
    """Kinds (...) as a residue sees them that is bonded (...) to theirs."""
    trunk = (kind >= TRUNK) & (kind < BESIDE)
    return torch.where(bonded & trunk, kind + (BESIDE - TRUNK), kind)
