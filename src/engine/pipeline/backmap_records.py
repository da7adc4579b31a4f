"""Sequence records of models that had none: what programs tell gaps and numbers of residues by."""

from __future__ import annotations

from collections.abc import Mapping

import gemmi

from .. import __version__
from ..structure.residues import three_letter
from .backmap_types import ChainEnds

__all__ = ["complete_records"]


def complete_records(structure: gemmi.Structure, ends: Mapping[str, ChainEnds]) -> None:
    """Give polymers without a sequence the one that is known, or that of their residues if the chain has no gap.

    Parameters
    ----------
    structure : gemmi.Structure
        Changed in place.
    ends : mapping of str to ChainEnds
        By chain name.
    """
    chains = {residue.subchain: chain for chain in structure[0] for residue in chain}
    for entity in structure.entities:
        if entity.entity_type != gemmi.EntityType.Polymer or entity.full_sequence or not entity.subchains:
            continue
        chain = chains.get(entity.subchains[0])
        if chain is None:
            continue
        names = [residue.name for residue in chain if residue.subchain == entity.subchains[0]]
        numbers = [residue.seqid.num or 0 for residue in chain if residue.subchain == entity.subchains[0]]
        sequence = ends[chain.name].sequence if chain.name in ends else ""
        whole = numbers[-1] - numbers[0] + 1 <= len(names)
        if len(sequence) > len(names):
            entity.full_sequence = [three_letter(letter) for letter in sequence]
        elif whole or len(sequence) == len(names):
            entity.full_sequence = names
    structure.assign_label_seq_id()
    software = list(structure.meta.software)
    if not any(item.name == "ADP-3D" for item in software):
        item = gemmi.SoftwareItem()
        item.name, item.version = "ADP-3D", __version__
        item.classification = gemmi.SoftwareItem.Classification.ModelBuilding
        structure.meta.software = [*software, item]
