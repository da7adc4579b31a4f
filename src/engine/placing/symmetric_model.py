"""Models with symmetric copies: those that a file lacks are added, and those of a result made equal."""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterator, Mapping, Sequence

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..structure.symmetric_copies import Orbit
from ..structure.symmetry import IDENTITY, Symmetry, apply, distinct
from .result_model import Address

__all__ = ["assembly_operators", "with_copies", "with_equal_copies"]

Array = NDArray[np.float64]

_STAYS = 0.005
"""Angstrom within which an atom of a copy is where it ought to be: it stays bit for bit where the user has it."""
_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits


def with_copies(
    structure: gemmi.Structure, orbits: Sequence[Orbit], symmetry: Symmetry
) -> tuple[gemmi.Structure, list[Orbit]]:
    """A structure with those copies that it lacks, under chain names that are free.

    A copy has all of its chain, ligands and waters of that name included.

    Parameters
    ----------
    structure : gemmi.Structure
        Is not changed.
    orbits : sequence of Orbit
    symmetry : Symmetry

    Returns
    -------
    structure : gemmi.Structure
        The same one if nothing is missing.
    orbits : list of Orbit
        With names for all copies.
    """
    if all(None not in orbit.copies for orbit in orbits):
        return structure, list(orbits)
    made = structure.clone()
    given = {str(name) for orbit in orbits for name in orbit.copies}
    names = _free_names({chain.name for chain in made[0]} | given)
    found = [list(orbit.copies) for orbit in orbits]
    for number, operator in enumerate(symmetry.operators):
        for orbit, copies in zip(orbits, found, strict=True):
            if copies[number] is None:
                copies[number] = next(names)
                _add_copy(made, orbit.chain, copies[number] or "", operator)
    return made, [Orbit(orbit.chain, tuple(copies)) for orbit, copies in zip(orbits, found, strict=True)]


def with_equal_copies(
    everything: gemmi.Structure,
    computed: gemmi.Structure,
    twins: Mapping[Address, tuple[Address, int]],
    operators: Array,
) -> gemmi.Structure:
    """A structure whose copies are images of the chains that were computed, atom by atom.

    A residue of a copy that already is the image is left as it is.

    Parameters
    ----------
    everything : gemmi.Structure
        Has all residues of all copies; is not changed.
    computed : gemmi.Structure
        Has the atoms of the chains that were computed.
    twins : mapping of Address to (Address, int)
        For each residue, the computed one whose image it is, and the operator.
    operators : ndarray, shape (n, 3, 4)
        The first is the identity.
    """
    made = everything.clone()
    residues: dict[Address, gemmi.Residue] = {}
    for chain in computed[0]:
        for residue in chain:
            if not residue.is_water():
                residues.setdefault(_address(chain, residue), residue)
    for chain in made[0]:
        for residue in chain:
            twin = twins.get(_address(chain, residue))
            if twin is None or residue.is_water():
                continue
            own, number = residues[twin[0]], twin[1]
            if number == 0 or not _is_image(residue, own, operators[number]):
                _become_image(residue, own, None if number == 0 else operators[number])
    return made


def assembly_operators(structure: gemmi.Structure, identifier: str) -> tuple[str, Array]:
    """Name and operators (n, 3, 4) of an assembly of an mmCIF file.

    Parameters
    ----------
    structure : gemmi.Structure
    identifier : str
        Empty for the first one.

    Raises
    ------
    InputError
        If there is none, or it is made in another way for some chains than for others.
    """
    names = [assembly.name for assembly in structure.assemblies]
    if not names:
        raise InputError("The model's file describes no assembly; give the symmetry by its symbol, such as C3.")
    if identifier and identifier not in names:
        raise InputError(f"The model's file has no assembly {identifier!r}; it has {', '.join(names)}.")
    assembly = structure.assemblies[names.index(identifier) if identifier else 0]
    sets = [tuple(_rows(operator.transform) for operator in generator.operators) for generator in assembly.generators]
    if not sets or len(set(sets)) > 1:
        raise InputError(
            f"Assembly {assembly.name} is made in different ways for different chains; give its symmetry by its symbol."
        )
    operators = np.array(sets[0]).reshape(-1, 3, 4)
    same = np.flatnonzero(np.abs(operators - IDENTITY).max((1, 2)) < 1e-4)
    found = distinct(np.concatenate([IDENTITY[None], np.delete(operators, same, 0)]))
    if not len(same) or len(found) < 2:
        raise InputError(f"Assembly {assembly.name} adds no copies to the model; leave the symmetry out.")
    return f"assembly {assembly.name}", found


def _rows(transform: gemmi.Transform) -> tuple[float, ...]:
    matrix = np.column_stack([np.array(transform.mat.tolist()), transform.vec.tolist()])
    return tuple(matrix.ravel().tolist())


def _free_names(taken: set[str]) -> Iterator[str]:
    """Chain names of one letter, then of two, that are not taken."""
    for length in (1, 2, 3):
        for letters in itertools.product(_LETTERS, repeat=length):
            name = "".join(letters)
            if name not in taken:
                yield name


def _add_copy(structure: gemmi.Structure, name: str, new: str, operator: Array) -> None:
    """Add the image of a chain, with records of what it is made of."""
    copy = structure[0][name].clone()
    copy.name = new
    subchains = sorted({residue.subchain for residue in copy})
    taken = {subchain for entity in structure.entities for subchain in entity.subchains}
    renamed: dict[str, str] = {}
    for old in subchains:
        renamed[old] = next(text for i in itertools.count() if (text := f"{new}x{old}{i or ''}") not in taken)
        taken.add(renamed[old])
    for entity in structure.entities:
        more = [renamed[old] for old in entity.subchains if old in renamed]
        if more:
            entity.subchains = [*entity.subchains, *more]
    for residue in copy:
        residue.subchain = renamed[residue.subchain]
        for atom in residue:
            _move(atom, operator)
    structure[0].add_chain(copy)
    for link in list(structure.connections):
        if link.partner1.chain_name == link.partner2.chain_name == name:
            both = gemmi.Connection()
            both.name, both.type, both.asu = f"{link.name}{new}", link.type, link.asu
            both.link_id, both.reported_distance = link.link_id, link.reported_distance
            both.partner1, both.partner2 = _elsewhere(link.partner1, new), _elsewhere(link.partner2, new)
            structure.connections.append(both)


def _elsewhere(partner: gemmi.AtomAddress, chain: str) -> gemmi.AtomAddress:
    return gemmi.AtomAddress(chain, partner.res_id.seqid, partner.res_id.name, partner.atom_name, partner.altloc)


def _move(atom: gemmi.Atom, operator: Array) -> None:
    """Take an atom, and the axes of its displacements, to their image."""
    atom.pos = gemmi.Position(*apply(operator, np.array(atom.pos.tolist())).tolist())
    if atom.aniso.nonzero():
        turn = operator[:, :3]
        u = turn @ np.array(atom.aniso.as_mat33().tolist()) @ turn.T
        atom.aniso = gemmi.SMat33f(u[0, 0], u[1, 1], u[2, 2], u[0, 1], u[0, 2], u[1, 2])


def _address(chain: gemmi.Chain, residue: gemmi.Residue) -> Address:
    return chain.name, residue.seqid.num or 0, residue.seqid.icode.strip()


def _is_image(copy: gemmi.Residue, own: gemmi.Residue, operator: Array) -> bool:
    """Whether all atoms of a copy are where they ought to be, and none more or less."""
    if copy.name != own.name or [(a.name, a.altloc) for a in copy] != [(a.name, a.altloc) for a in own]:
        return False
    if not len(own):
        return True
    places = apply(operator, [atom.pos.tolist() for atom in own])
    apart = np.linalg.norm(places - np.array([atom.pos.tolist() for atom in copy]), axis=-1)
    return bool(apart.max() < _STAYS)


def _become_image(copy: gemmi.Residue, own: gemmi.Residue, operator: Array | None) -> None:
    """Give a copy the atoms of its twin, where they are without an operator; its number and records stay."""
    for i in reversed(range(len(copy))):
        del copy[i]
    copy.name = own.name
    for atom in own:
        image = atom.clone()
        if operator is not None:
            _move(image, operator)
        copy.add_atom(image)
