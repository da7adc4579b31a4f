"""Cis peptides of an open model, and their records in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .atoms import Address
from .part import residue_address
from .torsions import dihedrals

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residue

__all__ = ["CisPeptide", "cif_records", "cis_peptides", "pdb_records"]

_CIS_LIMIT = 30.0
"""Degrees of |omega| below which a peptide bond is cis, as in the PDB's own check and in the engine."""
_CIF_COLUMNS = (
    *("pdbx_id", "auth_comp_id", "auth_seq_id", "auth_asym_id", "pdbx_PDB_ins_code", "label_alt_id"),
    *("pdbx_auth_comp_id_2", "pdbx_auth_seq_id_2", "pdbx_auth_asym_id_2", "pdbx_PDB_ins_code_2"),
    *("pdbx_PDB_model_num", "pdbx_omega_angle"),
)


@dataclass(frozen=True)
class CisPeptide:
    """Two residues whose peptide bond is cis.

    Parameters
    ----------
    first, second : (str, Address)
        Names and addresses, the one with the carbonyl first.
    omega : float
        Degrees.
    """

    first: tuple[str, Address]
    second: tuple[str, Address]
    omega: float


def cis_peptides(structure: AtomicStructure) -> list[CisPeptide]:
    """Cis peptides of a model, of the conformations that are shown."""
    found = []
    for residue in structure.residues:
        carbon, ca = residue.find_atom("C"), residue.find_atom("CA")
        if carbon is None or ca is None:
            continue
        for nitrogen in carbon.neighbors:
            following = nitrogen.residue
            other = following.find_atom("CA")
            if nitrogen.name != "N" or following is residue or other is None:
                continue
            places = (np.asarray(atom.coord, np.float64) for atom in (ca, carbon, nitrogen, other))
            omega = float(dihedrals(*places))
            if abs(omega) < _CIS_LIMIT:
                found.append(CisPeptide(_label(residue), _label(following), omega))
    return found


def pdb_records(found: Sequence[CisPeptide]) -> list[str]:
    """CISPEP lines of the PDB format 3.3."""
    lines = []
    for number, one in enumerate(found, 1):
        (name, (chain, place, code)), (name2, (chain2, place2, code2)) = one.first, one.second
        lines.append(
            f"CISPEP {number % 1000:3d} {name:>3s} {chain:1s} {place:4d}{code or ' ':1s}   "
            f"{name2:>3s} {chain2:1s} {place2:4d}{code2 or ' ':1s}       {0:3d}       {one.omega:6.2f}"
        )
    return lines


def cif_records(found: Sequence[CisPeptide]) -> list[str]:
    """Lines of the category ``struct_mon_prot_cis``; none for none."""
    if not found:
        return []
    head = ["loop_", *(f"_struct_mon_prot_cis.{column}" for column in _CIF_COLUMNS)]
    return [*head, *_rows(found), "#"]


def _rows(found: Iterable[CisPeptide]) -> Iterator[str]:
    for number, one in enumerate(found, 1):
        (name, (chain, place, code)), (name2, (chain2, place2, code2)) = one.first, one.second
        yield (
            f"{number} {name} {place} {_word(chain)} {code or '?'} . {name2} {place2} {_word(chain2)} {code2 or '?'} "
            f"1 {one.omega:.2f}"
        )


def _word(text: str) -> str:
    return f'"{text}"' if any(mark in text for mark in " '#;_$[]") or not text else text


def _label(residue: Residue) -> tuple[str, Address]:
    return residue.name, residue_address(residue)
