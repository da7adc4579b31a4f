"""How far side-chain atoms can be from the backbone atoms of their residue.

A backbone model has N, CA, C, O and an ideal CB. A restraint to any other atom is handed to one of these,
its anchor, and loosened by the largest distance that the two can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["CB_MARGIN", "Reach", "known_atoms"]

# Indices as in physics.distances.ATOM_NAMES.
N, CA, C, CARBONYL_O, CB = range(5)

CB_MARGIN = 0.2
"""Allowance in A for the difference between real and ideal CB (95 % of crystal residues are closer)."""

_BACKBONE = {
    "N": (N, 0.0),
    "CA": (CA, 0.0),
    "C": (C, 0.0),
    "O": (CARBONYL_O, 0.0),
    "OXT": (C, 1.30),
    "H": (N, 1.03),
    "H1": (N, 1.05),
    "H2": (N, 1.05),
    "H3": (N, 1.05),
    "HA": (CA, 1.10),
}

# Atoms other than CB and its hydrogens, and their largest distance from CB in A: the 99.9th percentile over
# X-ray chains at 2.0 A or better (B < 40 A^2) of the training split. Hydrogens ride on them (C-H 1.09,
# N-H 1.01, O-H 0.97, S-H 1.34 A); where they can turn they are taken at their farthest.
_SIDE_CHAINS = {
    "A": "",
    "R": "CG 1.61, HG2 HG3 2.23, CD 2.67, HD2 HD3 3.57, NE 3.94, HE 4.60, CZ 5.09, NH1 NH2 6.22, "
    "HH11 HH12 HH21 HH22 7.09",
    "N": "CG 1.59, OD1 ND2 2.54, HD21 HD22 3.46",
    "D": "CG 1.60, OD1 OD2 2.54, HD2 3.32",
    "C": "SG 1.89, HG 2.66",
    "Q": "CG 1.61, HG2 HG3 2.22, CD 2.72, OE1 3.78, NE2 3.84, HE21 HE22 4.67",
    "E": "CG 1.60, HG2 HG3 2.21, CD 2.71, OE1 OE2 3.80, HE2 4.51",
    "H": "CG 1.55, ND1 2.62, HD1 2.98, CD2 2.67, HD2 3.10, CE1 3.74, HE1 4.75, NE2 3.78, HE2 4.72",
    "I": "CG1 CG2 1.62, HG12 HG13 2.22, HG21 HG22 HG23 2.23, CD1 2.69, HD11 HD12 HD13 3.60",
    "L": "CG 1.60, HG 2.26, CD1 CD2 2.66, HD11 HD12 HD13 HD21 HD22 HD23 3.58",
    "K": "CG 1.61, HG2 HG3 2.22, CD 2.68, HD2 HD3 3.54, CE 4.02, HE2 HE3 4.78, NZ 5.19, HZ1 HZ2 HZ3 6.01",
    "M": "CG 1.62, HG2 HG3 2.24, SD 2.94, CE 4.31, HE1 HE2 HE3 5.20",
    "F": "CG 1.58, CD1 CD2 2.61, HD1 HD2 2.83, CE1 CE2 3.93, HE1 HE2 4.80, CZ 4.42, HZ 5.51",
    "P": "CG 1.59, HG2 HG3 2.24",
    "S": "OG 1.48, HG 2.02",
    "T": "OG1 1.50, HG1 2.04, CG2 1.62, HG21 HG22 HG23 2.23",
    "W": "CG 1.58, CD1 2.67, HD1 3.03, CD2 2.72, NE1 3.83, HE1 4.75, CE2 3.86, CE3 3.41, HE3 3.28, CZ2 5.14, "
    "HZ2 6.04, CZ3 4.81, HZ3 5.57, CH2 5.51, HH2 6.59",
    "Y": "CG 1.57, CD1 CD2 2.62, HD1 HD2 2.83, CE1 CE2 3.92, HE1 HE2 4.81, CZ 4.40, OH 5.80, HH 6.25",
    "V": "CG1 CG2 1.62, HG11 HG12 HG13 HG21 HG22 HG23 2.23",
}
_BETA_HYDROGENS = {"A": ("HB1", "HB2", "HB3"), "I": ("HB",), "T": ("HB",), "V": ("HB",)}
_METHYLENE = ("HB2", "HB3")
# Proline's CD is bonded to N, so N is the nearer anchor.
_PROLINE_DELTA = {"CD": (N, 1.53), "HD2": (N, 2.18), "HD3": (N, 2.18)}


@dataclass(frozen=True)
class Reach:
    """Backbone atom to use instead of an atom, and how far from it the atom may be.

    Parameters
    ----------
    anchor : int
        0 to 3 for N, CA, C, O; 4 for the ideal CB.
    distance : float
        Largest distance in A, `CB_MARGIN` included; 0 for the atom itself.
    """

    anchor: int
    distance: float


def known_atoms(residue: str) -> Mapping[str, Reach]:
    """Every atom name of a residue type with its `Reach`.

    Parameters
    ----------
    residue : str
        One-letter code; an unknown residue has its backbone atoms only.

    Returns
    -------
    mapping of str to Reach
        Names as in the PDB (version 3).
    """
    return _TABLES.get(residue, _TABLES["X"])


def _table(residue: str) -> Mapping[str, Reach]:
    atoms = {name: Reach(*entry) for name, entry in _BACKBONE.items()}
    if residue == "P":
        del atoms["H"]
        atoms.update({name: Reach(*entry) for name, entry in _PROLINE_DELTA.items()})
    if residue == "G":
        del atoms["HA"]
        atoms.update({name: Reach(CA, 1.10) for name in ("HA2", "HA3")})
    if residue in _SIDE_CHAINS:
        atoms["CB"] = Reach(CB, CB_MARGIN)
        atoms.update({name: Reach(CB, 1.10 + CB_MARGIN) for name in _BETA_HYDROGENS.get(residue, _METHYLENE)})
        for entry in filter(None, _SIDE_CHAINS[residue].split(", ")):
            *names, distance = entry.split()
            atoms.update({name: Reach(CB, round(float(distance) + CB_MARGIN, 2)) for name in names})
    return MappingProxyType(atoms)


_TABLES = {residue: _table(residue) for residue in "ARNDCQEGHILKMFPSTWYVX"}
