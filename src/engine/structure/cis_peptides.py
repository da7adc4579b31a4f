"""Records of cis peptides, from the geometry of a model."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import gemmi
import numpy as np

from .observed import preferred_altloc

__all__ = ["find_cis_peptides"]

_CIS_LIMIT, _STILL_CIS = 30.0, 90.0
"""Degrees of |omega| below which a peptide bond is cis (as in the PDB's own check), or still is if recorded so."""
_PEPTIDE_BOND_MAX = 2.0  # angstrom, C to N; an ideal bond has 1.33


def find_cis_peptides(
    chain: gemmi.Chain, rows: list[int], recorded: Collection[tuple[str, int, str]] = ()
) -> list[gemmi.CisPep]:
    """Records of all cis peptide bonds between consecutive residues of a chain.

    Of residues with alternative conformations the one with the highest backbone occupancy is judged.

    Parameters
    ----------
    chain : gemmi.Chain
    rows : list of int
        Indices of the residues of its polymer, in order.
    recorded : collection of (str, int, str)
        Chain, number and insertion code of residues whose bond to the next was recorded as cis.

    Returns
    -------
    list of gemmi.CisPep
        With the measured angle.
    """
    found = []
    for first, second in pairwise(rows):
        here, there = chain[first], chain[second]
        atoms = [_atom(here, "CA"), _atom(here, "C"), _atom(there, "N"), _atom(there, "CA")]
        if any(atom is None for atom in atoms):
            continue
        ca, c, n, next_ca = (atom.pos for atom in atoms if atom is not None)
        omega = float(np.degrees(gemmi.calculate_dihedral(ca, c, n, next_ca)))
        known = (chain.name, here.seqid.num, here.seqid.icode.strip()) in recorded
        if c.dist(n) < _PEPTIDE_BOND_MAX and abs(omega) < (_STILL_CIS if known else _CIS_LIMIT):
            record = gemmi.CisPep()
            record.partner_c = gemmi.AtomAddress(chain.name, here.seqid, here.name, "", "\0")
            record.partner_n = gemmi.AtomAddress(chain.name, there.seqid, there.name, "", "\0")
            record.reported_angle = round(omega, 2)
            found.append(record)
    return found


def _atom(residue: gemmi.Residue, name: str) -> gemmi.Atom | None:
    chosen = preferred_altloc(residue)
    for altloc in (chosen, "\0", "*"):
        atom = residue.find_atom(name, altloc)
        if atom is not None and atom.element.name in (name[0], "X"):
            return atom
    return None
