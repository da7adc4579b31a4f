"""The open model as the input of a job: every atom, in the frame of the job, under names that files can hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .atoms import Address, AtomRow, ModelAtoms, ResidueRow
from .conformations import conformation_bfactors
from .part import residue_addresses

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residue

__all__ = ["duplicate_address", "file_chain_names", "read_open_model", "write_cif"]

_WATER = frozenset({"HOH", "WAT", "H2O", "D2O", "DOD", "TIP3"})
_FILE_CHAIN = re.compile(r"[A-Za-z0-9]{1,4}")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_PLAIN = re.compile(r"[A-Za-z0-9_.+\-*/()'\",:;!?@%&^~|<>=\[\]{}]+")
_HEADER = (
    *("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id"),
    *("label_entity_id", "label_seq_id", "pdbx_PDB_ins_code", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy"),
    *("B_iso_or_equiv", "auth_seq_id", "auth_comp_id", "auth_asym_id", "auth_atom_id", "pdbx_PDB_model_num"),
)


def read_open_model(structure: AtomicStructure, only: Collection[Address] | None = None) -> ModelAtoms:
    """Atoms of an open model in its own frame; the model is only read.

    Residues count as protein when ChimeraX has them in a protein chain, or when they are lone amino acids
    among the residues of one. Alternative conformations come in the order of their names, whichever is
    shown. The active coordinate set counts.

    Parameters
    ----------
    structure : AtomicStructure
    only : collection of Address, optional
        Residues that are read, by default all.
    """
    from chimerax.atomic import Residue, Residues

    types = {Residue.PT_AMINO: "protein", Residue.PT_NUCLEIC: "nucleic"}
    collection = structure.residues
    addresses = residue_addresses(collection)
    if only is None:
        atoms = structure.atoms
    else:
        places = [place for place, address in enumerate(addresses) if address in only]
        collection, addresses = Residues([collection[i] for i in places]), [addresses[i] for i in places]
        atoms = collection.atoms
    coords = np.asarray(atoms.coords, dtype=np.float64)
    several = np.asarray(atoms.num_alt_locs) > 0
    columns = zip(
        atoms,
        atoms.names,
        atoms.element_names,
        coords,
        np.asarray(atoms.occupancies).tolist(),
        np.asarray(atoms.bfactors).tolist(),
        several.tolist(),
        strict=True,
    )
    xyz: list[NDArray[np.float64]] = []
    members: dict[Residue, list[AtomRow]] = {}
    owners = atoms.residues
    for residue, (atom, name, element, place, occupancy, bfactor, alternatives) in zip(owners, columns, strict=True):
        rows = members.setdefault(residue, [])
        if not alternatives:
            rows.append(AtomRow(str(name), str(element), "", len(xyz), occupancy, bfactor))
            xyz.append(place)
            continue
        bfactors = conformation_bfactors(atom)
        for loc in sorted(atom.alt_locs):
            weight, bfactor = float(atom.get_alt_loc_occupancy(loc)), bfactors[loc.strip()]
            rows.append(AtomRow(str(name), str(element), loc.strip(), len(xyz), weight, bfactor))
            xyz.append(atom.get_alt_loc_coord(loc))
    columns_of_residues = zip(
        list(collection), addresses, collection.names, collection.polymer_types.tolist(), strict=True
    )
    residues = [
        ResidueRow(
            address,
            str(name),
            types.get(polymer, "water" if name in _WATER else "other"),
            tuple(members.get(r, ())),
        )
        for r, address, name, polymer in columns_of_residues
    ]
    return ModelAtoms(tuple(_with_loners(residues)), np.array(xyz, dtype=np.float64).reshape(-1, 3))


def _with_loners(residues: list[ResidueRow]) -> list[ResidueRow]:
    """Count amino acids outside of ChimeraX's chains as protein where they stand among a chain's residues."""
    spans: dict[str, list[int]] = {}
    if not any(residue.kind == "other" and residue.atoms for residue in residues):
        return residues
    for residue in residues:
        if residue.kind == "protein":
            spans.setdefault(residue.address[0], []).append(residue.address[1])
    result = []
    for residue in residues:
        chain, number, _ = residue.address
        kind = residue.kind
        if kind == "other" and {"N", "CA", "C"} <= residue.names():
            span = spans.get(chain)
            if span is None or min(span) <= number <= max(span):
                residue = replace(residue, kind="protein")
        result.append(residue)
    return result


def file_chain_names(chains: Iterable[str]) -> dict[str, str]:
    """Names for chains in job files, by the model's names; those that files can hold stay as they are."""
    wanted = list(dict.fromkeys(chains))
    names = {chain: chain for chain in wanted if _FILE_CHAIN.fullmatch(chain)}
    free = (a + b for a in ("", *_LETTERS) for b in _LETTERS)
    for chain in wanted:
        if chain not in names:
            names[chain] = next(name for name in free if name not in names.values() and name not in wanted)
    return names


def write_cif(model: ModelAtoms, path: Path, chain_names: Mapping[str, str], title: str) -> None:
    """Write a model as mmCIF: all chains, ligands, waters and alternative conformations.

    Coordinates have five decimals. Entities tell polymers from ligands and waters the way ChimeraX did. Polymers are
    labelled (``label_asym_id``) as their chains are called: ChimeraX looks for the values that results hold of
    residues under that name, and warns where the two differ.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    entities: dict[tuple[str, str], int] = {}
    asym: dict[tuple[str, str], str] = {}
    reserved = {chain_names.get(residue.address[0], residue.address[0]) for residue in model.residues}
    lines: list[str] = []
    serial = 0
    for residue in model.residues:
        chain, number, code = residue.address
        polymer = residue.kind in ("protein", "nucleic")
        entity = (residue.kind, chain if polymer else ("water" if residue.kind == "water" else residue.name))
        entity_id = entities.setdefault(entity, len(entities) + 1)
        part = (chain, residue.kind if residue.kind != "other" else f"other {number}{code}")
        own = chain_names.get(chain, chain)
        if part not in asym:
            free = (label for n in count(1) if (label := f"x{n}") not in reserved)
            asym[part] = own if polymer and own not in asym.values() else next(free)
            reserved.add(asym[part])
        label, name, auth = map(_quoted, (asym[part], residue.name, own))
        group = "ATOM" if polymer else "HETATM"
        for atom in residue.atoms:
            serial += 1
            x, y, z = model.xyz[atom.index]
            atom_name = _quoted(atom.name)
            lines.append(
                f"{group} {serial} {atom.element} {atom_name} {atom.altloc or '.'} {name} {label} {entity_id} . "
                f"{code or '?'} {x:.5f} {y:.5f} {z:.5f} {atom.occupancy:.3f} {atom.bfactor:.3f} {number} {name} "
                f"{auth} {atom_name} 1"
            )
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(f"data_model\n#\n_struct.title {_quoted(title)}\n#\nloop_\n_entity.id\n_entity.type\n")
        kinds = {"protein": "polymer", "nucleic": "polymer", "water": "water", "other": "non-polymer"}
        stream.writelines(f"{number} {kinds[kind]}\n" for (kind, _), number in entities.items())
        polymers = [
            (number, "polypeptide(L)" if kind == "protein" else _nucleic_type(model, chain))
            for (kind, chain), number in entities.items()
            if kind in ("protein", "nucleic")
        ]
        if polymers:
            stream.write("#\nloop_\n_entity_poly.entity_id\n_entity_poly.type\n")
            stream.writelines(f"{number} {kind}\n" for number, kind in polymers)
        stream.write("#\nloop_\n" + "".join(f"_atom_site.{column}\n" for column in _HEADER))
        stream.write("\n".join(lines) + "\n#\n")


def duplicate_address(model: ModelAtoms) -> Address | None:
    """Return an address that two protein residues share, if there is one."""
    seen: set[Address] = set()
    for residue in model.residues:
        if residue.kind == "protein":
            if residue.address in seen:
                return residue.address
            seen.add(residue.address)
    return None


def _nucleic_type(model: ModelAtoms, chain: str) -> str:
    names = {r.name for r in model.residues if r.kind == "nucleic" and r.address[0] == chain}
    return "polydeoxyribonucleotide" if any(name.startswith("D") for name in names) else "polyribonucleotide"


def _quoted(text: str) -> str:
    """Return a value as mmCIF writes it."""
    plain = " ".join(text.split()) or "."
    if _PLAIN.fullmatch(plain) and plain[0] not in "'\"_#$[];" and plain.lower()[:5] not in ("data_", "loop_", "save_"):
        return plain
    for mark in "'\"":
        if f"{mark} " not in plain and not plain.endswith(mark):
            return f"{mark}{plain}{mark}"
    return '"' + plain.replace('"', "'") + '"'
