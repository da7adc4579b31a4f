"""Residue types and atoms as the side-chain model numbers them; `adp3d.structure.residue_templates` says what they are.

Lengths and angles are not there either: `adp3d.sidechain.geometry_table` has them, measured.
"""

from __future__ import annotations

from ..structure.polymer import AMINO_ACIDS
from ..structure.residue_templates import BACKBONE, TEMPLATES, AtomTemplate, ResidueTemplate

__all__ = [
    "BACKBONE", "CHIS", "MSE", "N_SLOTS", "N_TYPES", "RESIDUE_NAMES", "SLOTS", "TEMPLATES", "UNKNOWN_TYPE",
    "AtomTemplate", "ResidueTemplate",
]  # fmt: skip

N_SLOTS = 14
"""Heavy atoms of tryptophan, the largest residue."""
SLOTS = N_SLOTS - len(BACKBONE)
CHIS = 4

RESIDUE_NAMES = (
    "ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE", "LEU", "LYS", "MET", "PHE", "PRO", "SER",
    "THR", "TRP", "TYR", "VAL", "UNK", "MSE",
)  # fmt: skip
"""Component of each residue type: the order of `AMINO_ACIDS`, then unknown (backbone only), then selenomethionine."""
UNKNOWN_TYPE = len(AMINO_ACIDS)
MSE = UNKNOWN_TYPE + 1
N_TYPES = len(RESIDUE_NAMES)
