"""Where polymers end in files that do not say it: residues bonded to the polymer belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import gemmi

from .backbone_parts import backbone_parts

__all__ = ["add_entity_types"]

_PEPTIDE_BOND_MAX = 2.0  # angstrom, C to N; an ideal bond has 1.33


def add_entity_types(structure: gemmi.Structure) -> None:
    """Tell polymers from ligands and waters where the file does not, in place.

    Without a TER record, gemmi takes a residue such as SEC in HETATM records for a free amino acid that ends the
    polymer, so that the rest of the chain is lost; some programs write TER before such a residue. An amino acid bonded
    to a neighbour is no ligand, whatever record it stands in.

    Parameters
    ----------
    structure : gemmi.Structure
        As parsed.
    """
    flagged = []
    for model in structure:
        for chain in model:
            for before, residue, after in _with_neighbours(chain):
                if residue.het_flag != "H" or not gemmi.find_tabulated_residue(residue.name).is_amino_acid():
                    continue
                if (before is not None and _bonded(before, residue)) or (after is not None and _bonded(residue, after)):
                    residue.het_flag = "A"
                    flagged.append(residue)
    structure.add_entity_types()
    if structure.input_format != gemmi.CoorFormat.Mmcif:
        for model in structure:
            for chain in model:
                if any(_cut(first, second) for first, second in pairwise(chain)):
                    for residue in chain:
                        residue.entity_type = gemmi.EntityType.Unknown
        structure.add_entity_types()
    for residue in flagged:
        residue.het_flag = "H"


def _with_neighbours(chain: gemmi.Chain) -> Iterator[tuple[gemmi.Residue | None, gemmi.Residue, gemmi.Residue | None]]:
    """Residues between the one before and the one after."""
    residues = list(chain)
    return zip([None, *residues[:-1]], residues, [*residues[1:], None], strict=True)


def _cut(first: gemmi.Residue, second: gemmi.Residue) -> bool:
    """Whether a polymer ends between two residues that are bonded."""
    ends = first.entity_type == gemmi.EntityType.Polymer and second.entity_type == gemmi.EntityType.NonPolymer
    return ends and _bonded(first, second)


def _bonded(first: gemmi.Residue, second: gemmi.Residue) -> bool:
    """Whether a peptide bond joins two residues."""
    carbon, nitrogen = f"C{backbone_parts(first)[-1]}", f"N{backbone_parts(second)[0]}"
    return any(
        a.pos.dist(b.pos) < _PEPTIDE_BOND_MAX for a in first if a.name == carbon for b in second if b.name == nitrogen
    )
