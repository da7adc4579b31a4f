"""Names of entities and of their chains in mmCIF (label_asym_id) as archives take them."""

from __future__ import annotations

import re
from itertools import count

import gemmi

from .pdb_text import next_chain_name

__all__ = ["with_deposit_names"]

_MADE = re.compile(r"x(p|w|\d+)")
"""What the library that reads PDB files puts behind the chain's name to tell polymer, waters and ligands apart."""


def with_deposit_names(structure: gemmi.Structure) -> gemmi.Structure:
    """Copy with entities that are numbered and labels of letters and digits.

    Entities whose names are numbers keep them, and so do labels that came with a file, unless they hold other
    characters (``A-p``). All others are replaced: a polymer gets the name of its chain if that is free. What users see
    (the author's chain names and numbers) is not touched.

    Parameters
    ----------
    structure : gemmi.Structure

    Returns
    -------
    gemmi.Structure
        The same object if nothing had to be changed.
    """
    entities = _entity_names([entity.name for entity in structure.entities])
    labels = _labels(structure)
    if not entities and not labels:
        return structure
    copy = structure.clone()
    for model in copy:
        for chain in model:
            for residue in chain:
                residue.subchain = labels.get(residue.subchain, residue.subchain)
                residue.entity_id = entities.get(residue.entity_id, residue.entity_id)
    for entity in copy.entities:
        entity.name = entities.get(entity.name, entity.name)
        entity.subchains = [labels.get(label, label) for label in entity.subchains]
    for assembly in copy.assemblies:
        for generator in assembly.generators:
            generator.subchains = [labels.get(label, label) for label in generator.subchains]
    return copy


def _entity_names(names: list[str]) -> dict[str, str]:
    """New names of those that are no numbers."""
    free = (str(number) for number in count(1) if str(number) not in names)
    return {name: next(free) for name in names if not name.isdigit()}


def _labels(structure: gemmi.Structure) -> dict[str, str]:
    """New labels of those that cannot stay; polymers first, so that they get the names of their chains."""
    chains: dict[str, tuple[str, bool]] = {}
    for model in structure:
        for chain in model:
            for residue in chain:
                polymer = residue.entity_type == gemmi.EntityType.Polymer
                chains.setdefault(residue.subchain, (chain.name, polymer))
    for entity in structure.entities:
        for label in entity.subchains:  # of chains that the file speaks of and does not hold
            chains.setdefault(label, ("", False))
    wrong = [label for label, (chain, _) in chains.items() if label and not _may_stay(label, chain)]
    used = {label for label in chains if label not in wrong}
    renamed: dict[str, str] = {}
    for label in sorted(wrong, key=lambda label: not chains[label][1]):
        name, polymer = chains[label]
        own = polymer and name.isalnum() and name.isascii() and name not in used
        renamed[label] = name if own else next_chain_name(used)
        used.add(renamed[label])
    return renamed


def _may_stay(label: str, chain: str) -> bool:
    made = label.startswith(chain) and _MADE.fullmatch(label[len(chain) :]) is not None
    return label.isalnum() and label.isascii() and not made
