"""What an mmCIF file says of its components and of who made it, which a `gemmi.Structure` has no place for."""

from __future__ import annotations

import gemmi

__all__ = ["CARRIED", "add_carried", "carried_records"]

CARRIED = "_adp3d.carried"
"""Key of ``Structure.info`` under which the reader keeps these records, as mmCIF text (absent if there are none)."""

_CATEGORIES = (
    "_chem_comp_atom.",
    "_chem_comp_bond.",
    "_chem_comp_angle.",
    "_chem_comp_tor.",
    "_chem_comp_chir.",
    "_chem_comp_chir_atom.",
    "_chem_comp_plane_atom.",
    "_pdbx_chem_comp_descriptor.",
    "_pdbx_chem_comp_identifier.",
    "_citation.",
    "_citation_author.",
)
"""Of components, by which programs know the bonds of a ligand that no dictionary has, and of publications. Nothing in
them speaks of single residues or of coordinates, which a job changes."""


def carried_records(block: gemmi.cif.Block) -> str:
    """These records of a block, as text of an mmCIF file; empty if it has none."""
    kept = gemmi.cif.Block("carried")
    _copy(block, kept)
    return kept.as_string() if kept.get_mmcif_category_names() else ""


def add_carried(block: gemmi.cif.Block, structure: gemmi.Structure) -> None:
    """Write what was read beside a structure to its block, as far as the block does not say it anyway."""
    if CARRIED in structure.info:
        _copy(gemmi.cif.read_string(structure.info[CARRIED]).sole_block(), block)


def _copy(source: gemmi.cif.Block, target: gemmi.cif.Block) -> None:
    there = set(target.get_mmcif_category_names())
    for category in _CATEGORIES:
        values = source.get_mmcif_category(category, raw=True)
        if values and category not in there:
            target.set_mmcif_category(category, values, raw=True)
