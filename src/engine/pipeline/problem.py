"""From a specification to tensors: the residues, what is known of them, the prior and the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.errors import InputError
from ..contract.specification import CompleteSpec, RefineSpec
from ..job.events import Events, NullEvents
from ..job.runtime import choose_device, set_threads
from ..measurement.protocol import Measurement, Scene
from ..measurement.registry import load_measurements
from ..placing.breaks import with_breaks_between
from ..placing.own_types import with_own_types
from ..placing.stretch import only_stretches, outside, own_addresses, stretches
from ..placing.target import Target, build_target, with_whole_residues
from ..prior.evidence import KnownAtoms
from ..prior.protocol import Prior
from ..prior.registry import load_prior
from ..solver.pins import Pins
from ..structure.polymer import Polymer
from ..structure.read import read_structure
from ..structure.residue_ranges import chains_named, select_residues
from ..structure.sequences import NamedSequence, parse_sequence_argument
from .layout import layout_of_target
from .side_chain_views import require_side_chain_network
from .symmetric import SymmetricJob, prepare_symmetry

__all__ = ["Problem", "load_problem", "nothing_to_compute", "place_model", "reference_ca", "sequence_polymer"]


@dataclass(frozen=True)
class Problem:
    """A partial model made ready for the solver.

    Attributes
    ----------
    structure : gemmi.Structure
        The user's model, untouched.
    target : Target
        The job's residues and what the model says about them.
    prior : Prior
    device : torch.device
    reference : ndarray or None, shape (N, 3)
        CA positions of the reference model, NaN where it has none.
    kept : ndarray of bool, shape (N,)
        Residues whose atoms stay where they are.
    prior_name : str
        Name under which the prior is registered.
    symmetric : SymmetricJob or None
        The copies of the target, whose atoms the structure has.
    """

    structure: gemmi.Structure
    target: Target
    prior: Prior
    device: torch.device
    reference: NDArray[np.float64] | None
    kept: NDArray[np.bool_]
    prior_name: str
    symmetric: SymmetricJob | None = None

    @property
    def polymer(self) -> Polymer:
        """Sequence and chains."""
        return self.target.polymer

    @property
    def known_residues(self) -> NDArray[np.bool_]:
        """Residues whose CA the starting model shows, shape (N,)."""
        return self.target.known[:, 1]

    def origin(self) -> Tensor:
        """Centre of the known atoms, shape (3,), in angstrom."""
        return torch.as_tensor(self.target.xyz[self.target.known].mean(0), dtype=torch.float32, device=self.device)

    def pins(self) -> Pins:
        """Known atoms of the kept residues, pinned where they are."""
        pins = Pins(self.target.n_residues)
        pins.hold(self.kept[:, None] & self.target.known, self.target.xyz)
        return pins

    def scene(self, events: Events) -> Scene:
        """The residues of the job, for measurements to be bound to."""
        target, symmetric = self.target, self.symmetric
        scene = Scene(target.polymer, target.labels, target.xyz, self.structure, self.device, events)
        return scene if symmetric is None else symmetric.of_copies(scene)

    def start(self) -> Tensor:
        """Starting backbone (N, 4, 3), finite everywhere."""
        return self.scene(NullEvents()).start()

    def measurements(self, requests: Sequence[str] | None, events: Events) -> tuple[Measurement, ...]:
        """Measurements that the job takes beside its own.

        Raises
        ------
        InputError
            If there is no such measurement, or it cannot be used.
        """
        return load_measurements(requests, self.scene(events))

    def with_breaks_between(self, firm: NDArray[np.bool_]) -> Problem:
        """The problem with chains broken only between residues that stay where they are (``firm``, shape (N,))."""
        target = with_breaks_between(self.target, firm | self.kept)
        if target is self.target:
            return self
        return replace(self, target=target, prior=load_prior(self.prior_name, target.polymer, self.device))

    def known_atoms(self, target: Target | None = None) -> KnownAtoms:
        """Known atoms of the target, or of another one of the same residues, for solver and prior."""
        target = self.target if target is None else target
        return KnownAtoms.measured(
            torch.as_tensor(np.nan_to_num(target.xyz), dtype=torch.float32, device=self.device),
            torch.as_tensor(target.known, device=self.device),
            torch.as_tensor(target.sigma, dtype=torch.float32, device=self.device),
        )


def load_problem(spec: CompleteSpec | RefineSpec, events: Events, structure: gemmi.Structure | None = None) -> Problem:
    """Read the model, place it on its sequence and bind the prior.

    Parameters
    ----------
    spec : CompleteSpec or RefineSpec
    events : Events
    structure : gemmi.Structure, optional
        The model, if it has been read already.

    Raises
    ------
    InputError
        If anything the user gave cannot be used.
    """
    device = choose_device(spec.device)
    set_threads()
    structure = read_structure(spec.model) if structure is None else structure
    sequences = None if spec.sequence is None else parse_sequence_argument(spec.sequence)
    symmetric = prepare_symmetry(spec, structure, sequences) if isinstance(spec, RefineSpec) else None
    if symmetric is not None:
        structure, spec = symmetric.structure, replace(spec, chains=symmetric.chains)
        for line in symmetric.lines():
            events.message(line)
    target, kept = place_model(spec, structure, sequences)
    if symmetric is not None:
        symmetric.rows(target)  # refused at once, not at the end, if the copies are not equal
    for line in target.report.lines():
        events.message(line)
    for line in target.report.warnings():
        events.message(line, "warning")
    events.layout(layout_of_target(target))
    prior = load_prior(spec.prior, target.polymer, device)
    require_side_chain_network(spec)
    reference = None if spec.reference is None else reference_ca(spec.reference, target.polymer)
    return Problem(structure, target, prior, device, reference, kept, spec.prior, symmetric)


def place_model(
    spec: CompleteSpec | RefineSpec, structure: gemmi.Structure, sequences: Sequence[NamedSequence] | None
) -> tuple[Target, NDArray[np.bool_]]:
    """Target of a job, and which residues it keeps, shape (N,).

    All atoms of kept residues are known, whatever the confidence of the model says, and they keep their types. Where
    stretches are to be rebuilt, the rest of their chains is kept.

    Raises
    ------
    InputError
        If the model and its sequences do not fit, or residues to keep or to rebuild are not there.
    """
    chains = spec.chains
    if chains is None and spec.rebuild is not None:
        chains = chains_named(spec.rebuild)
    target = build_target(structure, sequences, spec.confidence, chains, spec.keep_types)
    kept: NDArray[np.bool_] = np.zeros(target.n_residues, dtype=bool)
    if spec.keep is None and spec.rebuild is None:
        return target, kept
    trusted = build_target(structure, sequences, "none", chains, keep_types=True)
    addresses = own_addresses(structure, target)
    if spec.keep is not None:
        kept = with_whole_residues(target, select_residues(spec.keep, addresses))
        for item in spec.keep:
            if not trusted.known[select_residues([item], addresses)].any():
                raise InputError(
                    f"The model does not show the residues '{item}', so they cannot be kept; leave them out."
                )
    if spec.rebuild is None:
        return with_own_types(_with_known(target, trusted, kept), trusted, kept), kept
    chosen = stretches(target, with_whole_residues(target, select_residues(spec.rebuild, addresses)))
    if (kept & chosen).any():
        raise InputError("Some residues are both to be kept and to be rebuilt; name them once.")
    kept |= outside(target, chosen)
    return only_stretches(with_own_types(_with_known(target, trusted, kept), trusted, kept), chosen, kept)


def nothing_to_compute(spec: CompleteSpec | RefineSpec, target: Target) -> bool:
    """Whether a job would only give back what it was given: it has no map and all atoms stay where they are."""
    return isinstance(spec, CompleteSpec) and spec.confidence == "none" and bool(target.known.all())


def _with_known(target: Target, trusted: Target, kept: NDArray[np.bool_]) -> Target:
    """The target with all atoms of kept residues known."""
    xyz = np.where(kept[:, None, None], trusted.xyz, target.xyz)
    return replace(target, xyz=xyz, known=np.where(kept[:, None], trusted.known, target.known))


def reference_ca(path: str, polymer: Polymer) -> NDArray[np.float64]:
    """CA positions of a reference model for each residue of a job, shape (N, 3), NaN where it has none.

    The reference is placed on the job's own sequences; where a chain of the job has a namesake in the
    reference that one is taken, otherwise the first chain that matches and is not taken yet.

    Raises
    ------
    InputError
        If the reference shares no residue with the job.
    """
    structure = read_structure(path)
    out = np.full((polymer.n_residues, 3), np.nan)
    sequences = {
        index: "".join(np.array(list(polymer.sequence))[polymer.chain_index == index])
        for index in range(len(polymer.chain_ids))
    }
    taken: set[str] = set()
    for index, sequence in sequences.items():
        found = build_target(structure, [NamedSequence("job", sequence)])
        names = [name for name in found.polymer.chain_ids if name not in taken]
        if not names:
            continue
        name = polymer.chain_ids[index] if polymer.chain_ids[index] in names else names[0]
        taken.add(name)
        rows = np.flatnonzero(found.polymer.chain_index == found.polymer.chain_ids.index(name))
        # residues of the reference beyond the job's sequence (tags, other domains) are placed around it
        first = "".join(found.polymer.sequence[row] for row in rows).find(sequence)
        if first >= 0:
            out[polymer.chain_index == index] = found.xyz[rows[first : first + len(sequence)], 1]
    if not np.isfinite(out).any():
        raise InputError(f"The reference '{path}' shares no residue with the job; check that it is the same protein.")
    return out


def sequence_polymer(sequences: Sequence[str], chain_ids: Sequence[str]) -> Polymer:
    """Polymer of whole chains with the given one-letter sequences."""
    lengths = [len(sequence) for sequence in sequences]
    return Polymer(
        "".join(sequences),
        np.repeat(np.arange(len(lengths)), lengths).astype(np.int64),
        np.concatenate([np.arange(length) for length in lengths]).astype(np.int64),
        tuple(chain_ids),
    )
