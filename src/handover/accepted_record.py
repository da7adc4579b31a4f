"""Accepted results as plain values for session files, and back, to the last bit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .accepted import Accepted
from .atoms import Address, AtomRow, ModelAtoms, ResidueRow
from .chain_records import ChainState, Gap
from .changes import Changes, Inserted
from .edit import ModelEdit
from .residue_edit import AtomState

__all__ = ["from_plain", "to_plain"]


def to_plain(items: Sequence[Accepted]) -> dict[str, Any]:
    """Lists, texts, numbers and arrays that describe what was accepted into a model, and before that."""
    everything: list[Accepted] = []

    def note(item: Accepted) -> None:
        if item in everything:
            return
        for earlier in (*item.before, *item.taken_back):
            note(earlier)
        everything.append(item)

    for item in items:
        note(item)

    def places(some: Iterable[Accepted]) -> list[int]:
        return [everything.index(item) for item in some]

    return {
        "accepted": [
            {
                "folder": item.folder,
                "edit": _edit_to_plain(item.edit),
                "before": places(item.before),
                "taken_back": places(item.taken_back),
            }
            for item in everything
        ],
        "present": places(items),
    }


def from_plain(data: Mapping[str, Any], job_ids: Mapping[str, int]) -> list[Accepted]:
    """What `to_plain` described; ``job_ids`` are the present numbers of jobs by their folders."""
    everything: list[Accepted] = []
    for record in data["accepted"]:
        folder = str(record["folder"])
        before, taken_back = (tuple(everything[i] for i in record[name]) for name in ("before", "taken_back"))
        edit = _edit_from_plain(record["edit"])
        everything.append(Accepted(folder, job_ids.get(folder, 0), edit, before, taken_back))
    return [everything[i] for i in data["present"]]


def _edit_to_plain(edit: ModelEdit) -> dict[str, Any]:
    changes = edit.changes
    rows = {id(residue): i for i, residue in enumerate(changes.result.residues)}
    return {
        "result": _atoms_to_plain(changes.result),
        "changed": [rows[id(residue)] for residue in changes.changed.values()],
        "inserted": [
            [rows[id(item.residue)], _address_to_plain(item.after), _address_to_plain(item.before)]
            for item in changes.inserted
        ],
        "keep_bfactors": edit.keep_bfactors,
        "confidence": [[list(address), value] for address, value in edit.confidence.items()],
        "former_confidence": [[list(address), value] for address, value in edit.former.items()],
        "before": [
            [list(address), name, [[atom, _state_to_plain(state)] for atom, state in atoms.items()]]
            for address, (name, atoms) in edit.before.items()
        ],
        "chains": [
            {
                "chain_id": chain.chain_id,
                "members": [_address_to_plain(member) for member in chain.members],
                "characters": chain.characters,
                "full": chain.full,
                "gaps": [[[list(address), atom] for address, atom in pair] for pair in chain.gaps],
            }
            for chain in edit.chains
        ],
    }


def _edit_from_plain(data: Mapping[str, Any]) -> ModelEdit:
    result = _atoms_from_plain(data["result"])
    changed = [result.residues[i] for i in data["changed"]]
    inserted = tuple(
        Inserted(result.residues[i], _address_from_plain(after), _address_from_plain(before))
        for i, after, before in data["inserted"]
    )
    before = {
        _address(address): (str(name), {str(atom): _state_from_plain(state) for atom, state in atoms})
        for address, name, atoms in data["before"]
    }
    chains = []
    for chain in data["chains"]:
        gaps = tuple(_gap(pair) for pair in chain["gaps"])
        members = tuple(_address_from_plain(member) for member in chain["members"])
        chains.append(ChainState(chain["chain_id"], members, chain["characters"], bool(chain["full"]), gaps))
    changes = Changes({row.address: row for row in changed}, inserted, (), result)
    confidence, former = (
        {_address(address): value for address, value in data.get(name, ())}
        for name in ("confidence", "former_confidence")  # earlier sessions have none
    )
    return ModelEdit(changes, bool(data["keep_bfactors"]), confidence, former, before, chains)


def _atoms_to_plain(atoms: ModelAtoms) -> dict[str, Any]:
    rows = [atom for residue in atoms.residues for atom in residue.atoms]
    return {
        "residues": [[*r.address, r.name, r.kind, len(r.atoms)] for r in atoms.residues],
        **{name: [getattr(row, name) for row in rows] for name in ("name", "element", "altloc")},
        "index": np.array([row.index for row in rows], dtype=np.int64),
        "occupancy": np.array([row.occupancy for row in rows], dtype=np.float64),
        "bfactor": np.array([row.bfactor for row in rows], dtype=np.float64),
        "xyz": np.array(atoms.xyz, dtype=np.float64),
    }


def _atoms_from_plain(data: Mapping[str, Any]) -> ModelAtoms:
    columns = (data["name"], data["element"], data["altloc"])
    numbers = (data[name].tolist() for name in ("index", "occupancy", "bfactor"))
    rows = iter([AtomRow(*values) for values in zip(*columns, *numbers, strict=True)])
    residues = tuple(
        ResidueRow(_address(address), str(name), str(kind), tuple(next(rows) for _ in range(count)))
        for *address, name, kind, count in data["residues"]
    )
    return ModelAtoms(residues, np.array(data["xyz"], dtype=np.float64))


def _state_to_plain(state: AtomState) -> dict[str, Any]:
    return {
        "element": state.element,
        "conformations": [
            [loc, np.array(place, dtype=np.float64), state.occupancies[loc], state.bfactors[loc]]
            for loc, place in state.places.items()
        ],
        "shown": state.shown,
        "drawing": [[name, np.array(value) if name == "color" else value] for name, value in state.drawing.items()],
        "bonds": [[_address_to_plain(address), atom] for address, atom in state.bonds],
    }


def _state_from_plain(data: Mapping[str, Any]) -> AtomState:
    rows = [(str(loc), place, float(weight), float(b)) for loc, place, weight, b in data["conformations"]]
    return AtomState(
        data["element"],
        {loc: b for loc, _, _, b in rows},
        {loc: np.array(place, dtype=np.float64) for loc, place, _, _ in rows},
        {loc: weight for loc, _, weight, _ in rows},
        str(data["shown"]),
        {str(name): value for name, value in data["drawing"]},
        tuple((_address_from_plain(address), str(atom)) for address, atom in data["bonds"]),
    )


def _gap(data: Sequence[Any]) -> Gap:
    (first, one), (second, other) = data
    return (_address(first), str(one)), (_address(second), str(other))


def _address_to_plain(address: Address | None) -> list[str | int] | None:
    return None if address is None else list(address)


def _address_from_plain(data: Sequence[Any] | None) -> Address | None:
    return None if data is None else _address(data)


def _address(data: Sequence[Any]) -> Address:
    chain, number, code = data
    return str(chain), int(number), str(code)
