"""Jobs of symmetric complexes: one copy is computed, all are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..contract.specification import RefineSpec
from ..contract.symmetry import parse_symmetry
from ..density.read import read_map
from ..fitting.operators import settle
from ..measurement.protocol import Scene
from ..placing.symmetric_model import assembly_operators, with_copies
from ..placing.target import Target, build_target
from ..structure.observed import observe_chains
from ..structure.open_copies import refuse_other_hand, seen_from_best
from ..structure.residue_ranges import chains_named
from ..structure.sequences import NamedSequence
from ..structure.symmetric_copies import (
    TOLERANCE,
    Orbit,
    SequenceChain,
    find_group,
    find_orbits,
    refuse_occupied,
    refuse_overlap,
)
from ..structure.symmetry import Symmetry, closed_if_nearly, symmetry_of_operators, symmetry_of_symbol

__all__ = ["SymmetricJob", "before_docking", "prepare_symmetry", "symmetry_note"]


@dataclass(frozen=True)
class SymmetricJob:
    """One copy and where the others lie.

    Attributes
    ----------
    symmetry : Symmetry
    orbits : tuple of Orbit
        Chains that are computed, with the names of their copies.
    structure : gemmi.Structure
        The user's model, with copies that it lacked.
    target : Target
        All copies.
    added : tuple of str
        Chains that the user's model did not have.
    settled : float
        Angstrom (rms) by which copies moved when axes and centre were fitted to the map.
    """

    symmetry: Symmetry
    orbits: tuple[Orbit, ...]
    structure: gemmi.Structure
    target: Target
    added: tuple[str, ...]
    settled: float = 0.0

    @property
    def chains(self) -> tuple[str, ...]:
        """Chains that are computed."""
        return tuple(orbit.chain for orbit in self.orbits)

    def lines(self) -> list[str]:
        """What was found, in words."""
        listed = "; ".join(", ".join(str(name) for name in orbit.copies) for orbit in self.orbits)
        one = ", ".join(self.chains)
        lines = [f"Symmetry {self.symmetry.name}, {len(self.symmetry)} copies ({listed}): chain {one} is computed."]
        if self.settled:
            lines.append(f"Its axes and centre were fitted to the map: the copies move by {self.settled:.1f} A (rms).")
        if self.added:
            lines.append(f"The model lacks some of them: chains {', '.join(self.added)} are added.")
        return lines

    def of_copies(self, scene: Scene) -> Scene:
        """The scene of the computed residues, with their copies."""
        return replace(scene, symmetry=self.symmetry, copies=self.target.labels)

    def rows(self, target: Target) -> NDArray[np.int64]:
        """Rows (n, N) of `target` that each copy of the N residues of a job has, in the order of the operators.

        Raises
        ------
        InputError
            If a copy has another number of residues than the chain that is computed.
        """
        polymer = self.target.polymer
        members = {name: np.flatnonzero(polymer.chain_index == i) for i, name in enumerate(polymer.chain_ids)}
        own = {
            chain: np.flatnonzero(target.polymer.chain_index == i) for i, chain in enumerate(target.polymer.chain_ids)
        }
        rows = np.empty((len(self.symmetry), target.n_residues), np.int64)
        for orbit in self.orbits:
            for number, name in enumerate(orbit.copies):
                found = members[str(name)]
                if len(found) != len(own[orbit.chain]):
                    raise InputError(_unequal(orbit.chain, str(name)))
                rows[number, own[orbit.chain]] = found
        return rows


def prepare_symmetry(
    spec: RefineSpec, structure: gemmi.Structure, sequences: Sequence[NamedSequence] | None
) -> SymmetricJob | None:
    """What a job computes and what follows from it; None without symmetry.

    Raises
    ------
    InputError
        If the symmetry cannot be used: the copies form no group, or the operators do not fit the model.
    """
    if spec.symmetry is None:
        return None
    if spec.rebuild is not None:
        raise InputError("'rebuild' and 'symmetry' do not go together yet: leave out one of them.")
    request = parse_symmetry(spec.symmetry)
    chains = _chains_of(build_target(structure, sequences, spec.confidence, spec.chains, spec.keep_types))
    named = {chain.name for chain in chains}
    if spec.chains is not None:  # copies follow, whether they are named or not
        everyone = _chains_of(build_target(structure, sequences, spec.confidence, None, spec.keep_types))
        kinds = {chain.sequence for chain in everyone if chain.name in named}
        chains = [chain for chain in everyone if chain.sequence in kinds]
    density = read_map(spec.map)
    own = request.kind == "model"
    if own:
        symmetry = _of_model(chains)
    elif request.kind == "assembly":
        name, operators = assembly_operators(structure, request.assembly)
        symmetry = Symmetry(name, operators)
    elif request.kind == "operators":
        symmetry = symmetry_of_operators(np.array(request.operators).reshape(-1, 3, 4))
    else:
        centre = density.centre if spec.symmetry_centre is None else spec.symmetry_centre
        axis = spec.symmetry_axis or (0, 0, 1)
        symmetry = symmetry_of_symbol(request, axis, centre)
        if request.kind == "H":
            refuse_other_hand(
                chains, symmetry, symmetry_of_symbol(replace(request, angle=-request.angle), axis, centre)
            )
    if request.kind in ("assembly", "operators"):
        points = np.concatenate([chain.points for chain in chains if chain.name in named])
        symmetry = closed_if_nearly(symmetry, points, TOLERANCE)
    best = None
    if spec.chains is not None:
        best = max((chain for chain in chains if chain.name in named), key=lambda chain: chain.shown).name
    if not symmetry.closed:
        symmetry, best = seen_from_best(chains, symmetry)
    orbits = [orbit for orbit in find_orbits(chains, symmetry, own, computed=best) if named & set(orbit.copies)]
    names = {orbit.chain for orbit in orbits}
    computed = [chain for chain in chains if chain.name in names]
    refuse_overlap(computed, symmetry)
    settled = settle(symmetry, density, np.concatenate([chain.points for chain in computed]))
    symmetry = settled.symmetry
    whole, found = with_copies(structure, orbits, symmetry)
    before = {chain.name for chain in structure[0]}
    copies = [str(name) for orbit in found for name in orbit.copies]
    if spec.keep is not None and not set(chains_named(spec.keep)) <= names:
        raise InputError(
            f"With symmetry, residues to keep are those of chain {', '.join(sorted(names))}: the copies follow."
        )
    all_copies = build_target(whole, sequences, spec.confidence, copies, spec.keep_types)
    missing = set(copies) - set(all_copies.polymer.chain_ids)
    if missing:
        raise InputError(_unequal(found[0].chain, sorted(missing)[0]))
    added = tuple(name for name in copies if name not in before)
    ca = {chain.chain_id: chain.xyz[:, 1] for chain in observe_chains(whole)}
    refuse_occupied({name: ca[name] for name in added}, {name: ca[name] for name in ca if name not in copies})
    return SymmetricJob(symmetry, tuple(found), whole, all_copies, added, settled.moved)


def before_docking(
    spec: RefineSpec, structure: gemmi.Structure, sequences: Sequence[NamedSequence] | None
) -> tuple[str, ...]:
    """Chains that a symmetric job would compute as far as can be told of a model that is not placed yet.

    Where its copies lie is not known then: one chain of each sequence.
    """
    target = build_target(structure, sequences, spec.confidence, spec.chains, spec.keep_types)
    found: dict[str, str] = {}
    for chain in _chains_of(target):
        found.setdefault(chain.sequence, chain.name)
    return tuple(found.values())


def symmetry_note(target: Target) -> str:
    """A sentence on copies that form a group; empty where there are none."""
    chains = _chains_of(target)
    symmetry = find_group(chains)
    if symmetry is None:
        return ""
    orbits = find_orbits(chains, symmetry, True)
    listed = "; ".join(", ".join(str(name) for name in orbit.copies) for orbit in orbits)
    return (
        f"Chains {listed} are copies with symmetry {symmetry.name} (within {TOLERANCE:g} A): with 'symmetry' model one "
        "of them would be computed and all written."
    )


def _chains_of(target: Target) -> list[SequenceChain]:
    """Chains of a job with their sequences and CA atoms."""
    polymer, letters = target.polymer, np.array(list(target.polymer.sequence))
    return [
        SequenceChain(name, "".join(letters[polymer.chain_index == i]), target.xyz[polymer.chain_index == i, 1])
        for i, name in enumerate(polymer.chain_ids)
    ]


def _of_model(chains: Sequence[SequenceChain]) -> Symmetry:
    symmetry = find_group(chains)
    if symmetry is not None:
        return symmetry
    if len({chain.sequence for chain in chains}) == len(chains):
        raise InputError(
            "No two chains of the model have equal sequences, so it has no copies: give the symmetry by its symbol, "
            "such as C3, or the full sequence if they are copies that show different parts."
        )
    raise InputError(
        f"The copies of the model form no point group within {TOLERANCE:g} A: give the symmetry by its symbol (a helix "
        "as H,rise,angle,copies), or leave it out."
    )


def _unequal(chain: str, other: str) -> str:
    return (
        f"Chain {other} has another sequence in the file than chain {chain}, whose copy it is: give the full sequence "
        "with 'sequence'."
    )
