"""Names of the atoms of amino acids: bonds, side-chain torsions and hydrogens, all in one place.

Names are those of the PDB's chemical components.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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


SIDE_CHAIN_BONDS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        name: tuple((a, b) for a, b in (pair.split("-") for pair in text.split()))
        for name, text in {
            "ALA": "CA-CB",
            "ARG": "CA-CB CB-CG CG-CD CD-NE NE-CZ CZ-NH1 CZ-NH2",
            "ASN": "CA-CB CB-CG CG-OD1 CG-ND2",
            "ASP": "CA-CB CB-CG CG-OD1 CG-OD2",
            "CYS": "CA-CB CB-SG",
            "GLN": "CA-CB CB-CG CG-CD CD-OE1 CD-NE2",
            "GLU": "CA-CB CB-CG CG-CD CD-OE1 CD-OE2",
            "GLY": "",
            "HIS": "CA-CB CB-CG CG-ND1 CG-CD2 ND1-CE1 CD2-NE2 CE1-NE2",
            "ILE": "CA-CB CB-CG1 CB-CG2 CG1-CD1",
            "LEU": "CA-CB CB-CG CG-CD1 CG-CD2",
            "LYS": "CA-CB CB-CG CG-CD CD-CE CE-NZ",
            "MET": "CA-CB CB-CG CG-SD SD-CE",
            "MSE": "CA-CB CB-CG CG-SE SE-CE",
            "PHE": "CA-CB CB-CG CG-CD1 CG-CD2 CD1-CE1 CD2-CE2 CE1-CZ CE2-CZ",
            "PRO": "CA-CB CB-CG CG-CD CD-N",
            "SER": "CA-CB CB-OG",
            "THR": "CA-CB CB-OG1 CB-CG2",
            "TRP": "CA-CB CB-CG CG-CD1 CG-CD2 CD1-NE1 NE1-CE2 CD2-CE2 CD2-CE3 CE2-CZ2 CE3-CZ3 CZ2-CH2 CZ3-CH2",
            "TYR": "CA-CB CB-CG CG-CD1 CG-CD2 CD1-CE1 CD2-CE2 CE1-CZ CE2-CZ CZ-OH",
            "VAL": "CA-CB CB-CG1 CB-CG2",
        }.items()
    }
)
"""Bonds between heavy atoms beyond those of the backbone."""

CHI_PATHS: Mapping[str, tuple[str, ...]] = _split(
    {
        "ARG": "N CA CB CG CD NE CZ",
        "ASN": "N CA CB CG OD1",
        "ASP": "N CA CB CG OD1",
        "CYS": "N CA CB SG",
        "GLN": "N CA CB CG CD OE1",
        "GLU": "N CA CB CG CD OE1",
        "HIS": "N CA CB CG ND1",
        "ILE": "N CA CB CG1 CD1",
        "LEU": "N CA CB CG CD1",
        "LYS": "N CA CB CG CD CE NZ",
        "MET": "N CA CB CG SD CE",
        "MSE": "N CA CB CG SE CE",
        "PHE": "N CA CB CG CD1",
        "PRO": "N CA CB CG",
        "SER": "N CA CB OG",
        "THR": "N CA CB OG1",
        "TRP": "N CA CB CG CD1",
        "TYR": "N CA CB CG CD1",
        "VAL": "N CA CB CG1",
    }
)
"""Atoms along the side chain: chi k is the torsion of the four atoms from position k - 1 on (IUPAC-IUB 1970).

Of proline chi 1 alone: it says which way the ring is puckered.
"""

SYMMETRIC_CHI: Mapping[str, int] = MappingProxyType({"PHE": 2, "TYR": 2, "ASP": 2, "GLU": 3})
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
