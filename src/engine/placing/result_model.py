"""The template's first model with the job's residues moved, completed and joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..structure.atom_aliases import C_TERMINAL, standard_name
from ..structure.backbone import transfer_rigidly
from ..structure.observed import BACKBONE_ATOMS, Source, preferred_altloc
from .b_factors import AtomB
from .chromophores import moved_chromophore, own_row, parts_of_chromophores
from .conformers import join_coincident
from .target import Target

__all__ = ["Address", "ResultModel", "assemble_model"]

Array = NDArray[np.float64]

Address = tuple[str, int, str]
"""Chain name, residue number, insertion code (empty string for none)."""

_TERMINAL_HYDROGENS = frozenset({"H2", "H3", "D2", "D3"})
_FIRST_HYDROGENS = {"H1": "H", "D1": "D"}


@dataclass(frozen=True)
class ResultModel:
    """A model and what happened to its residues.

    Parameters
    ----------
    model : gemmi.Model
        The new model.
    polymers : dict of str to list of int
        For each job chain whose sequence the job has completely, indices in that chain of the residues that make up
        its polymer, in order.
    readdressed : dict of Address to (str, int, str, str)
        Residues whose address or name changed: chain, number, insertion code and name in the result.
    job_residues : set of Address
        Addresses in the template of all residues that the job replaced or left out.
    old_subchains : set of str
        Subchains that these residues had in the template.
    unbuilt : dict of str to dict of int to tuple of str
        For each of these chains, names of residues that its sequence has before the residue of an index in that
        chain (or behind the last one), and which have no atoms.
    """

    model: gemmi.Model
    polymers: dict[str, list[int]]
    readdressed: dict[Address, tuple[str, int, str, str]]
    job_residues: set[Address]
    old_subchains: set[str]
    unbuilt: dict[str, dict[int, tuple[str, ...]]]


def assemble_model(
    template: gemmi.Model, target: Target, xyz: Array, b_of: AtomB, kept: NDArray[np.bool_] | None = None
) -> ResultModel:
    """Put new backbones into a copy of the template model.

    Residues that the template shows keep their name, number and side chain, which moves with the frame N,
    CA, C of its conformer; backbone conformers become one with occupancy 1. Residues that it lacks are
    inserted with backbone atoms only. Residues whose name changes keep CB and lose the rest of the side
    chain. A chromophore is one residue again, moved as a whole by its backbones. Residues to be kept have all their
    atoms and conformers as they are; anisotropic B-factors of the others, whose axes no longer hold, are left out.
    Terminal atoms (OXT, second
    and third amino hydrogen) go where the chain now continues.
    Everything else of a chain (ligands, waters, caps) stays, in its order.

    Parameters
    ----------
    template : gemmi.Model
        The model that the target was built from.
    target : Target
        The job's residues.
    xyz : ndarray, shape (N, 4, 3)
        New N, CA, C, O in angstrom.
    b_of : AtomB
        Values of the B-factor column.
    kept : ndarray of bool, shape (N,), optional
        Residues whose atoms do not move; an atom that they lack comes from ``xyz``.

    Returns
    -------
    ResultModel
        The new model; the template is not changed.

    Raises
    ------
    ValueError
        If the template is not the model that the target was built from.
    """
    _check_template(template, target)
    claimed = {(s.chain, s.residue) for s in (*target.sources, *target.superseded) if s is not None}
    names = [chain.name for chain in template]
    rows_of = {
        name: np.flatnonzero(target.polymer.chain_index == i).tolist()
        for i, name in enumerate(target.polymer.chain_ids)
    }
    model = gemmi.Model(template.num)
    polymers: dict[str, list[int]] = {}
    unbuilt: dict[str, dict[int, tuple[str, ...]]] = {}

    parts = parts_of_chromophores(target)

    def job_residues(row: int, rows: list[int], subchain: str, entity: str) -> list[gemmi.Residue]:
        members = parts.get(row, [row])
        if row != members[0]:
            return []  # a further part of a chromophore, which is there already
        keep = kept is not None and bool(kept[members].any())
        if row in parts:
            residue = moved_chromophore(template, target, members, xyz, b_of, keep)
        else:
            residue = _residue(template, target, row, xyz[row], b_of, keep)
        # what is at an end of a chain now, or was and still is beside the same residue (a break without a sequence)
        end = members[-1]
        first = row == rows[0] or (keep and _still_beside(target, kept, row - 1, row))
        last = end == rows[-1] or (keep and _still_beside(target, kept, end, end + 1))
        _trim_ends(residue, first, last)
        residue.subchain, residue.entity_id = subchain, entity
        return [residue]

    for index, chain in enumerate(template):
        rest = [i for i in range(len(chain)) if (index, i) not in claimed]
        rows = rows_of.get(chain.name)
        if rows is None:
            if rest or len(chain) == 0:
                model.add_chain(_chain(chain.name, [chain[i].clone() for i in rest]))
            continue
        residues, polymer, gaps = _merge(chain, index, rest, rows, target, job_residues)
        if target.unbuilt is None and target.left_out is not None and target.left_out[rows].any():
            # the job does not have the whole sequence, so that its records stay as they are
            for i in polymer:
                residues[i].label_seq = None
        else:
            polymers[chain.name], unbuilt[chain.name] = polymer, gaps
        model.add_chain(_chain(chain.name, residues))
    for name, rows in rows_of.items():
        if name in names:
            continue
        residues, gaps = [], {}
        for row in rows:
            _note_unbuilt(gaps, len(residues), target, row)
            residues.extend(job_residues(row, rows, f"{name}xp", ""))
        _note_unbuilt(gaps, len(residues), target, rows[-1], behind=True)
        model.add_chain(_chain(name, residues))
        polymers[name], unbuilt[name] = list(range(len(residues))), gaps
    return ResultModel(model, polymers, *_address_changes(template, target), unbuilt)


def _chain(name: str, residues: list[gemmi.Residue]) -> gemmi.Chain:
    chain = gemmi.Chain(name)
    chain.append_residues(residues)
    return chain


def _check_template(template: gemmi.Model, target: Target) -> None:
    for source in (*target.sources, *target.superseded):
        if source is None:
            continue
        inside = source.chain < len(template) and source.residue < len(template[source.chain])
        if not inside or template[source.chain][source.residue].name != source.name:
            raise ValueError("the template is not the structure that the target was built from")


def _merge(
    chain: gemmi.Chain,
    index: int,
    rest: list[int],
    rows: list[int],
    target: Target,
    job_residues: Callable[[int, list[int], str, str], list[gemmi.Residue]],
) -> tuple[list[gemmi.Residue], list[int], dict[int, tuple[str, ...]]]:
    """Residues of a job chain in order, which of them form its polymer, and what that has unbuilt before which.

    Residues of the same polymer that the job does not own (caps, parts that found no place) stay behind the
    residue that they followed; ligands and waters follow the polymer.
    """
    row_of = {s.residue: row for row in rows if (s := target.sources[row]) is not None and s.chain == index}
    anchor = chain[min(row_of)]
    subchain = anchor.subchain or f"{chain.name}xp"
    following: dict[int, list[gemmi.Residue]] = {}
    tail: list[gemmi.Residue] = []
    for i in rest:
        residue = chain[i].clone()
        if residue.subchain != anchor.subchain or residue.entity_type != gemmi.EntityType.Polymer:
            tail.append(residue)
            continue
        before = [row_of[j] for j in row_of if j < i]
        following.setdefault(before[-1] if before else -1, []).append(residue)
    residues = following.get(-1, [])
    gaps: dict[int, tuple[str, ...]] = {}
    for row in rows:
        _note_unbuilt(gaps, len(residues), target, row)
        residues.extend(job_residues(row, rows, subchain, anchor.entity_id))
        if row == rows[-1]:
            _note_unbuilt(gaps, len(residues), target, row, behind=True)
        residues.extend(following.get(row, ()))
    return residues + tail, list(range(len(residues))), gaps


def _note_unbuilt(gaps: dict[int, tuple[str, ...]], index: int, target: Target, row: int, behind: bool = False) -> None:
    """Note what the sequence has before a job residue, or behind the last one, at the index where it would be."""
    if target.unbuilt is None:
        return
    chain = target.polymer.chain_ids[target.polymer.chain_index[row]]
    names = target.unbuilt.behind.get(chain, ()) if behind else target.unbuilt.before[row]
    if names:
        gaps[index] = gaps.get(index, ()) + names


def _residue(template: gemmi.Model, target: Target, row: int, xyz: Array, b_of: AtomB, keep: bool) -> gemmi.Residue:
    """Build one job residue: the template's with its atoms moved (or as they are), or a new one."""
    _, number, icode = target.labels[row]
    source, name = target.sources[row], target.names[row]
    if source is None:
        residue = gemmi.Residue()
        originals: dict[str, gemmi.Atom] = {}
        kept: list[gemmi.Atom] = []
        residue.het_flag = "A"
    else:
        old = template[source.chain][source.residue]
        residue = old.clone()
        keep = keep and name == old.name
        if keep:
            originals, kept = {}, [atom.clone() for atom in old]
        else:
            originals, kept = _moved_atoms(old, xyz, renamed_to=name if name != old.name else None)
        if name != old.name:
            residue.het_flag = "A"
        del residue[:]
    residue.name = name
    residue.seqid = gemmi.SeqId(number, icode or " ")
    residue.entity_type = gemmi.EntityType.Polymer
    present = {standard_name(name, atom.name) for atom in kept} if keep else set()
    for slot, atom_name in enumerate(BACKBONE_ATOMS):
        if atom_name in present:
            continue
        found = originals.get(atom_name)
        atom = _new_atom(atom_name) if found is None else found
        if found is None or atom.has_altloc() or atom.occ <= 0:
            atom.altloc, atom.occ = "\0", 1.0  # conformers become one
        atom.b_iso = b_of(row, None if found is None else atom.b_iso)
        atom.aniso = gemmi.SMat33f(0, 0, 0, 0, 0, 0)
        atom.pos = gemmi.Position(*xyz[slot].tolist())
        residue.add_atom(atom)
    for atom in kept:
        b_iso = b_of(row, atom.b_iso)
        if not keep or b_iso != atom.b_iso:
            atom.b_iso = b_iso
            atom.aniso = gemmi.SMat33f(0, 0, 0, 0, 0, 0)
        residue.add_atom(atom)
    return residue


def _new_atom(name: str) -> gemmi.Atom:
    atom = gemmi.Atom()
    atom.name = name
    atom.element = gemmi.Element(name[0])
    return atom


def _moved_atoms(
    old: gemmi.Residue, xyz: Array, renamed_to: str | None
) -> tuple[dict[str, gemmi.Atom], list[gemmi.Atom]]:
    """Original backbone atoms by name (one conformer), and copies of the other atoms, moved."""
    chosen = preferred_altloc(old)
    originals: dict[str, gemmi.Atom] = {}
    others: list[gemmi.Atom] = []
    for atom in old:
        name = standard_name(old.name, atom.name)
        if name not in BACKBONE_ATOMS or (name == "CA" and atom.element.name == "Ca"):
            if renamed_to is None or (atom.name == "CB" and renamed_to != "GLY"):
                others.append(atom.clone())
        elif name not in originals or atom.altloc == chosen:
            originals[name] = atom.clone()
    attached = set()
    for altloc in dict.fromkeys(atom.altloc for atom in others):
        anchor = _anchor(old, altloc, originals)
        if anchor is None:
            continue  # without any backbone there is nothing that the atoms could stay attached to
        attached.add(altloc)
        group = [atom for atom in others if atom.altloc == altloc]
        moved = _carry(np.array([atom.pos.tolist() for atom in group]), anchor, xyz)
        for atom, position in zip(group, moved.tolist(), strict=True):
            atom.pos = gemmi.Position(*position)
    # conformers of an atom stay side by side
    return originals, join_coincident([atom for atom in others if atom.altloc in attached])


def _anchor(old: gemmi.Residue, altloc: str, originals: dict[str, gemmi.Atom]) -> Array | None:
    """N, CA, C of a conformer in the template (rows NaN where absent); None without any of them."""
    rows = np.full((3, 3), np.nan)
    for slot, name in enumerate(BACKBONE_ATOMS[:3]):
        own = [a for a in old if a.name == name and a.altloc in (altloc, "\0")]
        atom = own[0] if own else originals.get(name)
        if atom is not None:
            rows[slot] = atom.pos.tolist()
    return rows if np.isfinite(rows).any() else None


def _carry(points: Array, anchor: Array, xyz: Array) -> Array:
    """Move points with the frame N, CA, C, or, where that is incomplete, with the centre of what there is."""
    present = np.isfinite(anchor).all(axis=-1)
    if present.all():
        return transfer_rigidly(points, anchor, xyz[:3])
    carried: Array = points + (xyz[:3][present] - anchor[present]).mean(axis=0)
    return carried


def _still_beside(target: Target, kept: NDArray[np.bool_] | None, row: int, following: int) -> bool:
    """Whether two kept residues follow each other in the model as they do in the result."""
    a, b = target.sources[row], target.sources[following]
    if kept is None or a is None or b is None:
        return False
    return bool(kept[row] and kept[following]) and a.chain == b.chain and a.residue + 1 == b.residue


def _trim_ends(residue: gemmi.Residue, first: bool, last: bool) -> None:
    """Remove atoms of chain ends from residues that are not at an end."""
    for i in range(len(residue) - 1, -1, -1):
        name = standard_name(residue.name, residue[i].name)
        if (not last and name in C_TERMINAL) or (not first and name in _TERMINAL_HYDROGENS and _is_amino(residue, i)):
            del residue[i]
        elif not first and name in _FIRST_HYDROGENS:
            if residue.name == "PRO":
                del residue[i]
            else:
                residue[i].name = _FIRST_HYDROGENS[name]


def _is_amino(residue: gemmi.Residue, index: int) -> bool:
    """Whether a hydrogen sits on the backbone N (a modified residue may use the name elsewhere)."""
    nitrogen = residue.find_atom("N", "*")
    return nitrogen is not None and residue[index].pos.dist(nitrogen.pos) < 1.5


def _address_changes(
    template: gemmi.Model, target: Target
) -> tuple[dict[Address, tuple[str, int, str, str]], set[Address], set[str]]:
    """Residues with a new address or name, all residues that the job touched, and their subchains."""
    changed: dict[Address, tuple[str, int, str, str]] = {}
    touched: set[Address] = set()

    def address(source: Source) -> Address:
        chain = template[source.chain]
        seqid = chain[source.residue].seqid
        return chain.name, seqid.num or 0, seqid.icode.strip()

    parts = parts_of_chromophores(target)
    for row, (source, label, name) in enumerate(zip(target.sources, target.labels, target.names, strict=True)):
        if source is None or (row in parts and row != own_row(template, target, parts[row])):
            continue
        old = address(source)
        touched.add(old)
        if old != label or name != source.name:
            changed[old] = (*label, name)
    touched |= {address(source) for source in target.superseded}
    every = [s for s in (*target.sources, *target.superseded) if s is not None]
    return changed, touched, {template[s.chain][s.residue].subchain for s in every}
