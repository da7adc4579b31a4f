"""Bonds, side-chain torsions and hydrogens of amino acids by the names of their atoms.

Names are those of the PDB's chemical components; heavy atoms come from `adp3d.structure.residue_templates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..structure.residue_templates import BACKBONE, TEMPLATES, ResidueTemplate

__all__ = [
    "AROMATIC_CARBONS",
    "CARBONYL_CARBONS",
    "CHI_PATHS",
    "HYDROGENS",
    "SIDE_CHAIN_BONDS",
    "SYMMETRIC_CHI",
    "chi_count",
]


def _split(table: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: tuple(text.split()) for name, text in table.items()})


_KNOWN = {name: template for name, template in TEMPLATES.items() if name != "UNK"}

SIDE_CHAIN_BONDS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        name: tuple(bond for bond in template.bonds if not set(bond) <= set(BACKBONE))
        for name, template in _KNOWN.items()
    }
)
"""Bonds between heavy atoms beyond those of the backbone, in an order in which the second atoms are those of atom14."""

_PUCKER = {"PRO": 1}
"""Of proline chi 1 alone: it says which way the ring is puckered."""


def _path(template: ResidueTemplate) -> tuple[str, ...]:
    count = _PUCKER.get(template.name, template.n_chi)
    return (*template.chi_atoms(1), *(template.chi_atoms(k)[3] for k in range(2, count + 1)))


CHI_PATHS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: _path(template) for name, template in _KNOWN.items() if template.n_chi}
)
"""Atoms along the side chain: chi k is the torsion of the four atoms from position k - 1 on (IUPAC-IUB 1970)."""

SYMMETRIC_CHI: Mapping[str, int] = MappingProxyType(
    {name: template.symmetric_chi for name, template in _KNOWN.items() if template.symmetric_chi}
)
"""The chi (from 1) that a half turn leaves as it is, apart from names."""

HYDROGENS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        name: MappingProxyType(
            {parent: tuple(names.split(",")) for parent, names in (item.split(":") for item in text.split())}
        )
        for name, text in {
            "ALA": "CA:HA CB:HB1,HB2,HB3",
            "ARG": "CA:HA CB:HB2,HB3 CG:HG2,HG3 CD:HD2,HD3 NE:HE NH1:HH11,HH12 NH2:HH21,HH22",
            "ASN": "CA:HA CB:HB2,HB3 ND2:HD21,HD22",
            "ASP": "CA:HA CB:HB2,HB3",
            "CYS": "CA:HA CB:HB2,HB3 SG:HG",
            "GLN": "CA:HA CB:HB2,HB3 CG:HG2,HG3 NE2:HE21,HE22",
            "GLU": "CA:HA CB:HB2,HB3 CG:HG2,HG3",
            "GLY": "CA:HA2,HA3",
            "HIS": "CA:HA CB:HB2,HB3 ND1:HD1 CD2:HD2 CE1:HE1 NE2:HE2",
            "ILE": "CA:HA CB:HB CG1:HG12,HG13 CG2:HG21,HG22,HG23 CD1:HD11,HD12,HD13",
            "LEU": "CA:HA CB:HB2,HB3 CG:HG CD1:HD11,HD12,HD13 CD2:HD21,HD22,HD23",
            "LYS": "CA:HA CB:HB2,HB3 CG:HG2,HG3 CD:HD2,HD3 CE:HE2,HE3 NZ:HZ1,HZ2,HZ3",
            "MET": "CA:HA CB:HB2,HB3 CG:HG2,HG3 CE:HE1,HE2,HE3",
            "MSE": "CA:HA CB:HB2,HB3 CG:HG2,HG3 CE:HE1,HE2,HE3",
            "PHE": "CA:HA CB:HB2,HB3 CD1:HD1 CD2:HD2 CE1:HE1 CE2:HE2 CZ:HZ",
            "PRO": "CA:HA CB:HB2,HB3 CG:HG2,HG3 CD:HD2,HD3",
            "SER": "CA:HA CB:HB2,HB3 OG:HG",
            "THR": "CA:HA CB:HB OG1:HG1 CG2:HG21,HG22,HG23",
            "TRP": "CA:HA CB:HB2,HB3 CD1:HD1 NE1:HE1 CE3:HE3 CZ2:HZ2 CZ3:HZ3 CH2:HH2",
            "TYR": "CA:HA CB:HB2,HB3 CD1:HD1 CD2:HD2 CE1:HE1 CE2:HE2 OH:HH",
            "VAL": "CA:HA CB:HB CG1:HG11,HG12,HG13 CG2:HG21,HG22,HG23",
        }.items()
    }
)
"""Hydrogens by the heavy atom that bears them, that of the backbone's N apart; at neutral pH."""

AROMATIC_CARBONS: Mapping[str, tuple[str, ...]] = _split(
    {
        "HIS": "CG CD2 CE1",
        "PHE": "CG CD1 CD2 CE1 CE2 CZ",
        "TRP": "CG CD1 CD2 CE2 CE3 CZ2 CZ3 CH2",
        "TYR": "CG CD1 CD2 CE1 CE2 CZ",
    }
)
CARBONYL_CARBONS: Mapping[str, tuple[str, ...]] = _split({"ASN": "CG", "ASP": "CG", "GLN": "CD", "GLU": "CD"})
"""Of side chains; that of the backbone is C."""


def chi_count(name: str) -> int:
    """Number of side-chain torsions of a residue; 0 where there are none or the type is unknown."""
    return max(0, len(CHI_PATHS.get(name, ())) - 3)
