"""atomic/src/__init__.py."""

from .args import (
    AtomicStructureArg,
    AtomicStructuresArg,
    AtomsArg,
    ResiduesArg,
    StructureArg,
    StructuresArg,
    UniqueChainsArg,
)
from .changes import check_for_changes
from .collections import Atoms, Bonds, Chains, Residues
from .molobject import Atom, Bond, Chain, Element, Residue, Sequence
from .structure import (
    AtomicStructure,
    Pseudobond,
    PseudobondGroup,
    Structure,
    all_atomic_structures,
    selected_pseudobonds,
    selected_residues,
)

__all__ = [
    "Atom",
    "AtomicStructure",
    "AtomicStructureArg",
    "AtomicStructuresArg",
    "Atoms",
    "AtomsArg",
    "Bond",
    "Bonds",
    "Chain",
    "Chains",
    "Element",
    "Pseudobond",
    "PseudobondGroup",
    "Residue",
    "Residues",
    "ResiduesArg",
    "Sequence",
    "Structure",
    "StructureArg",
    "StructuresArg",
    "UniqueChainsArg",
    "all_atomic_structures",
    "check_for_changes",
    "selected_pseudobonds",
    "selected_residues",
]
