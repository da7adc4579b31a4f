"""Entities, links and other records that must follow when residues of a structure change."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import gemmi

from ..structure.cis_peptides import find_cis_peptides
from .result_model import ResultModel

__all__ = ["update_records"]


def update_records(structure: gemmi.Structure, result: ResultModel) -> None:
    """Make the records of a structure fit its new model, in place.

    Sequence positions and entity sequences of the job's chains are set, addresses in links, helices and
    strands follow residues that changed name or number, links whose atoms are gone are dropped,
    cis peptides of job chains are recorded as they are now, atoms are numbered anew and CONECT records follow.

    Parameters
    ----------
    structure : gemmi.Structure
        With the new model in place.
    result : ResultModel
        How that model came about.
    """
    _update_entities(structure, result)
    _update_cis_peptides(structure, result)
    _update_links(structure, result)
    _update_secondary_structure(structure, result)
    structure.assign_label_seq_id(False)
    _renumber_atoms(structure)


@dataclass
class _Entity:
    """Plan for one entity, in Python values: references into gemmi's list do not survive its growth."""

    name: str
    subchains: list[str]
    sequence: list[str]
    polymer: bool
    is_new: bool = False
    claimed: bool = False


def _update_entities(structure: gemmi.Structure, result: ResultModel) -> None:
    """Give each job chain an entity with its complete sequence, shared by chains with the same one.

    An entity that chains outside the job share keeps its sequence; job chains that differ get one of their
    own.
    """
    model = structure[0]
    sequences: dict[str, list[str]] = {}
    for name, rows in result.polymers.items():
        chain, unbuilt = model[name], result.unbuilt[name]
        sequence: list[str] = []
        for row in rows:
            sequence += [*unbuilt.get(row, ()), chain[row].name]
            chain[row].label_seq = len(sequence)
        sequences[chain[rows[0]].subchain] = [*sequence, *unbuilt.get(len(rows), ())]
    plans = [
        _Entity(e.name, list(e.subchains), list(e.full_sequence), e.entity_type == gemmi.EntityType.Polymer)
        for e in structure.entities
    ]
    for sub, sequence in sequences.items():
        old = next((plan for plan in plans if sub in plan.subchains), None)
        chosen = next((plan for plan in plans if plan.claimed and plan.sequence == sequence), None)
        if chosen is None and old is not None and not old.claimed:
            shared = any(other not in sequences for other in old.subchains)
            chosen = old if not shared or old.sequence == sequence else None
        if chosen is None:
            chosen = _Entity(_free_name({plan.name for plan in plans}), [], [], polymer=True, is_new=True)
            plans.append(chosen)
        chosen.sequence, chosen.claimed = sequence, True
        if old is not None and old is not chosen:
            old.subchains.remove(sub)
        if sub not in chosen.subchains:
            chosen.subchains.append(sub)
    vanished = _vanished_subchains(structure, result)
    for plan in plans:
        plan.subchains = [sub for sub in plan.subchains if not plan.polymer or sub not in vanished]
    _apply(structure, plans, sequences.keys() | vanished)
    for name, rows in result.polymers.items():
        chain = model[name]
        sub = chain[rows[0]].subchain
        entity = next(plan.name for plan in plans if sub in plan.subchains)
        for row in rows:
            chain[row].entity_id = entity


def _apply(structure: gemmi.Structure, plans: list[_Entity], touched: Collection[str]) -> None:
    """Write entity plans into the structure; polymers that the job left without chains go."""
    for index, plan in enumerate(plans):
        if plan.is_new:
            structure.entities.append(gemmi.Entity(plan.name))
            structure.entities[index].entity_type = gemmi.EntityType.Polymer
        entity = structure.entities[index]
        lost = not plan.subchains and any(sub in touched for sub in entity.subchains)
        entity.subchains = plan.subchains
        if plan.claimed:
            entity.full_sequence = plan.sequence
            if entity.polymer_type == gemmi.PolymerType.Unknown:
                entity.polymer_type = gemmi.PolymerType.PeptideL
        plan.name = "" if lost else plan.name
    for index in range(len(plans) - 1, -1, -1):
        if not plans[index].name:
            del structure.entities[index]


def _free_name(used: set[str]) -> str:
    """Return the first unused entity number."""
    number = 1
    while str(number) in used:
        number += 1
    return str(number)


def _vanished_subchains(structure: gemmi.Structure, result: ResultModel) -> set[str]:
    """Subchains of template residues of the job that no chain has any more, since they joined another.

    Other absent subchains belong to files cut out of larger entries: their records stay.
    """
    present = {residue.subchain for chain in structure[0] for residue in chain}
    return {sub for sub in result.old_subchains if sub not in present}


def _key(address: gemmi.AtomAddress) -> tuple[str, int, str]:
    seqid = address.res_id.seqid
    return address.chain_name, seqid.num or 0, seqid.icode.strip()


def _moved(address: gemmi.AtomAddress, result: ResultModel) -> gemmi.AtomAddress:
    """Return the address after the job."""
    new = result.readdressed.get(_key(address))
    if new is None:
        return address
    chain, number, icode, name = new
    return gemmi.AtomAddress(chain, gemmi.SeqId(number, icode or " "), name, address.atom_name, address.altloc)


def _update_cis_peptides(structure: gemmi.Structure, result: ResultModel) -> None:
    kept, recorded = [], set()
    for cis in structure.cispeps:
        if {_key(cis.partner_c), _key(cis.partner_n)} & result.job_residues:
            recorded.add(_key(_moved(cis.partner_c, result)))
        else:
            kept.append(cis)
    for name, rows in result.polymers.items():
        kept += find_cis_peptides(structure[0][name], rows, recorded)
    structure.cispeps = kept


def _update_links(structure: gemmi.Structure, result: ResultModel) -> None:
    kept = []
    for link in structure.connections:
        partners: list[gemmi.AtomAddress] = []
        for partner in (link.partner1, link.partner2):
            new = _moved(partner, result)
            found = _existing(structure[0], new) if _key(partner) in result.job_residues else new
            if found is not None:
                partners.append(found)
        if len(partners) == 2:
            link.partner1, link.partner2 = partners
            kept.append(link)
    structure.connections = gemmi.ConnectionList(kept)


def _existing(model: gemmi.Model, address: gemmi.AtomAddress) -> gemmi.AtomAddress | None:
    """Return the address if its atom exists, without conformer if need be; else None."""
    for altloc in (address.altloc, "\0"):
        candidate = gemmi.AtomAddress(
            address.chain_name, address.res_id.seqid, address.res_id.name, address.atom_name, altloc
        )
        if model.find_cra(candidate).atom is not None:
            return candidate
    return None


def _update_secondary_structure(structure: gemmi.Structure, result: ResultModel) -> None:
    for helix in structure.helices:
        helix.start, helix.end = _moved(helix.start, result), _moved(helix.end, result)
    for sheet in structure.sheets:
        for strand in sheet.strands:
            strand.start, strand.end = _moved(strand.start, result), _moved(strand.end, result)
            strand.hbond_atom1 = _moved(strand.hbond_atom1, result)
            strand.hbond_atom2 = _moved(strand.hbond_atom2, result)


def _renumber_atoms(structure: gemmi.Structure) -> None:
    """Assign serial numbers and carry CONECT records over to them."""
    old_conect = structure.conect_map
    old = [atom.serial for atom in _atoms(structure)]
    structure.assign_serial_numbers(True)
    new = dict(zip(old, (atom.serial for atom in _atoms(structure)), strict=True))
    new.pop(0, None)
    structure.clear_conect()
    for first, partners in old_conect.items():
        for second in set(partners):
            if first < second and first in new and second in new:
                structure.add_conect(new[first], new[second], partners.count(second))


def _atoms(structure: gemmi.Structure) -> Iterator[gemmi.Atom]:
    return (atom for chain in structure[0] for residue in chain for atom in residue)
