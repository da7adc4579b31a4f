"""Residues whose backbone atoms have other names, as chromophores that one component makes of several residues."""

from __future__ import annotations

from itertools import pairwise

import gemmi

__all__ = ["backbone_parts", "letters_of_chromophore"]

# One-letter codes of the parents, from the Chemical Component Dictionary (mon_nstd_parent_comp_id): all components
# whose three or four backbones are numbered as below. Where the file's own sequence lists them, they are one item.
_CHROMOPHORES = {
    name: letters
    for letters, names in {
        "AFG": "CLV X9Q",
        "ASG": "175 CRW CRX MDO ZRF",
        "AYG": "A1BE5 AYG OHD PIA",
        "CYG": "CCY GYC KZ1 KZ4 KZ7 KZG KZV KZY",
        "DYG": "DYG XYG",
        "EYG": "CRU",
        "FCYG": "CFY",
        "FGYG": "OFM",
        "GWG": "IO8",
        "GXG": "A1IJF",
        "GYG": "4F3 BF6 CJO CQ2 CQR CR2 CZO LKE MFC WCR",
        "HYG": "5SQ 7R0 7R6 CR8 IEY X1B",
        "IGYG": "OIM",
        "KYG": "CH7 CIV CR7",
        "LLG": "BJO",
        "LYG": "NRP VUB VYA",
        "MYG": "CH6 CRK EYG NRQ Q2K QIP QYX",
        "NYG": "NYG",
        "QFG": "QFG",
        "QLG": "QLG",
        "QWG": "4M9",
        "QYG": "CRQ QYG",
        "SHG": "CSH IIC",
        "SWG": "SWG",
        "SYG": "CSY GYS",
        "TFG": "BF9 C99",
        "THG": "CRG XXY",
        "TLG": "CR0",
        "TSG": "KWS",
        "TWG": "5ZA B2H CRF NYC",
        "TYG": "4NT 4NU B2C C12 CQ1 CRO FHE GMO I1C M3V MFV MHY MJ1 QC4 QCA QCD",
    }.items()
    for name in names.split()
}

_NUMBERS = "0123"
_BOND_MAX = 2.0
"""Angstrom between two atoms that count as bonded here, as for peptides; an ideal bond has 1.3 to 1.4."""


def letters_of_chromophore(name: str) -> str | None:
    """Letters of a sequence that a component made of several residues stands for, such as TYG for CRO; else None."""
    return _CHROMOPHORES.get(name)


def backbone_parts(residue: gemmi.Residue) -> tuple[str, ...]:
    """Suffixes of the names N, CA, C and O in a residue, one for each backbone that it has.

    An ordinary residue has one without a suffix. In a chromophore that formed from three residues (CRO and its
    relatives) the atoms are N1 to O1, N2 to O2 and N3 to O3, its ring being closed by a bond from C1 to N3, which
    tells it from free peptides such as glutathione. A few components number their only backbone (TRY).

    Parameters
    ----------
    residue : gemmi.Residue
        Any residue.

    Returns
    -------
    tuple of str
        Such as ``("",)`` or ``("1", "2", "3")``.
    """
    names = {atom.name for atom in residue}
    if names & {"N", "CA", "C"}:
        return ("",)
    found = tuple(k for k in _NUMBERS if {f"N{k}", f"CA{k}", f"C{k}"} <= names)
    if len(found) == 1 and gemmi.find_tabulated_residue(residue.name).is_amino_acid():
        return found
    joined = all(_bonded(residue, f"C{a}", f"N{b}") for a, b in pairwise(found))
    if len(found) > 1 and joined and _bonded(residue, "C1", "N3"):
        return found
    return ("",)


def _bonded(residue: gemmi.Residue, first: str, second: str) -> bool:
    a, b = residue.find_atom(first, "*"), residue.find_atom(second, "*")
    return a is not None and b is not None and a.pos.dist(b.pos) < _BOND_MAX
