"""``adp3d distances``: fold a sequence from distances between residues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..contract.kinds import DISTANCES
from ..contract.specification import DistancesSpec
from ..ensemble.confidence import ONE_REPLICA, replica_confidence, replica_spread
from ..ensemble.denoising_energy import denoising_energy
from ..job.events import Control, Events
from ..job.folder import JobFolder
from ..job.log import read_history
from ..job.runtime import choose_device, set_threads
from ..job.sampling import Running, Sampling, Stage, Watch
from ..job.storage import replace_atomically
from ..measurement.distances import DistanceMeasurement
from ..placing.b_factors import new_b_factor
from ..placing.confidence_records import add_confidence, confidence_attribute
from ..prior.registry import load_prior
from ..solver.choose_updates import Pull, choose_updates
from ..solver.folding import fold
from ..solver.posterior import Posterior
from ..solver.regularise import regularise
from ..structure.deposit_names import with_deposit_names
from ..structure.polymer import Polymer
from ..structure.sequences import NamedSequence, parse_sequence_argument
from ..validation.superpose import kabsch, rmsd
from ..validation.torsions import linked_residues
from .cost import job_cost, planned_runs
from .export import write_models
from .layout import layout_of_polymer
from .outcome import CONVERGENCE, describe_geometry, likeness, show_trajectory
from .plots import plot_confidence, plot_convergence
from .problem import reference_ca, sequence_polymer

__all__ = ["polymer_of_sequences", "run"]

_CHAIN_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def run(spec: DistancesSpec, job: JobFolder, events: Events, control: Control) -> Mapping[str, Any]:
    """Fold ``spec.sequence`` so that it meets ``spec.restraints``, in the hand that proteins have.

    Parameters
    ----------
    spec : DistancesSpec
    job : JobFolder
    events : Events
    control : Control

    Returns
    -------
    mapping
        Metrics.

    Raises
    ------
    InputError
        If the restraints or the sequence cannot be used.
    """
    device = choose_device(spec.device)
    set_threads()
    polymer = polymer_of_sequences(parse_sequence_argument(spec.sequence))
    measured = DistanceMeasurement.of_file(spec.restraints, polymer, None, device, events)
    likelihood = measured.likelihood
    prior = load_prior(spec.prior, polymer, device)
    reference = None if spec.reference is None else reference_ca(spec.reference, polymer)
    cost = job_cost(spec, polymer.n_residues, device)
    events.message(cost.sentence(2 * spec.replicas))
    labels = _labels(polymer)
    events.layout(layout_of_polymer(polymer, labels))
    sampling = Sampling(job, Running(events, control, batch=cost.batch), plan=planned_runs(spec))
    origin = torch.zeros(3, device=device)
    pull = Pull(potentials=[measured.potential])
    posterior = Posterior(prior, choose_updates(spec.update, prior.correlation, pull, origin, sampling.preview), origin)
    watch = Watch(lambda x, level: measured.figures(x), _residue_spread, DISTANCES.merit)

    def sample(name: str, times: NDArray[np.float64], replicas: int, start: Tensor | None) -> Tensor:
        return sampling.run(Stage(name, times, replicas, spec.seed, start), posterior, watch)

    judge = sampling.interruptible(prior)

    def energy(x: Tensor) -> Tensor:
        return denoising_energy(judge, x, torch.Generator().manual_seed(spec.seed))

    found = fold(sample, likelihood, energy, spec.steps, spec.replicas)
    sampling.conclude(found.source[0])
    everything = torch.ones(found.x.shape[1:3], dtype=torch.bool, device=device)
    final = regularise(found.x, polymer.sequence, linked_residues(polymer), everything)
    x = final.double().cpu().numpy()
    aligned = _aligned(x)
    spread = replica_spread(torch.as_tensor(aligned), 0)
    confidence = replica_confidence(spread).numpy()
    if spec.replicas == 1:
        events.message(ONE_REPLICA, "warning")
    _write_fold(job, polymer, aligned[0], confidence, spec.b_factors)
    write_models(job.path / "ensemble.cif", aligned, polymer.sequence, labels, "Folded by ADP-3D from distances")
    show_trajectory(job, polymer, labels, found.source[0])
    plot_convergence(
        read_history(job.events_log),
        job.path / "convergence.png",
        (("satisfied", "Satisfied restraints (fraction)"), *CONVERGENCE),
    )
    plot_confidence(confidence, np.zeros(polymer.n_residues, dtype=bool), job.path / "confidence.png", labels)
    violations = likelihood.violations(final[:1])[0].abs()
    return {
        "residues": polymer.n_residues,
        "restraints": len(measured.restraints),
        "restraints_skipped": len(measured.restraints.skipped),
        "restraints_satisfied_percent": round(100 * float(likelihood.satisfied(final[:1])[0]), 2),
        "largest_violation": round(float(violations.max()), 3),
        "replicas": spec.replicas,
        "chosen_replica": found.source[0],
        "replica_scores": [round(float(s), 4) for s in found.score],
        "reflected": list(found.reflected),
        "mean_confidence": round(float(confidence.mean()), 2),
        "geometry": describe_geometry(aligned[0], polymer),
        **_against_reference(x, reference),
    }


def _residue_spread(x: Tensor, best: int) -> dict[str, NDArray[np.float64]]:
    """Spread of replicas that were superposed onto the best one: each has a frame of its own."""
    order = [best, *(k for k in range(len(x)) if k != best)]
    aligned = _aligned(x[order].double().cpu().numpy())
    return {"residue_spread": replica_spread(torch.as_tensor(aligned), 0).numpy()}


def polymer_of_sequences(sequences: Sequence[NamedSequence]) -> Polymer:
    """Polymer of all chains of the sequences, with names of their own."""
    letters: list[str] = []
    names: list[str] = []
    for record in sequences:
        for name in record.chains or (None,):
            letters.append(record.sequence)
            free = next((c for c in _CHAIN_NAMES if c not in names), f"Z{len(names)}")
            names.append(name if name and name not in names else free)
    return sequence_polymer(letters, names)


def _labels(polymer: Polymer) -> tuple[tuple[str, int, str], ...]:
    return tuple(
        (polymer.chain_ids[c], int(i) + 1, "") for c, i in zip(polymer.chain_index, polymer.residue_index, strict=True)
    )


def _aligned(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """All replicas superposed onto the first by CA."""
    motion = kabsch(x[:, :, 1], np.broadcast_to(x[:1, :, 1], x[:, :, 1].shape))
    return motion.apply(x.reshape(len(x), -1, 3)).reshape(x.shape)


def _write_fold(
    job: JobFolder, polymer: Polymer, x: NDArray[np.float64], confidence: NDArray[np.float64], column: str
) -> None:
    b_factors = confidence if column == "confidence" else new_b_factor(confidence)
    structure = gemmi.Structure()
    structure.name = "adp3d"
    model = gemmi.Model(1)
    for index, name in enumerate(polymer.chain_ids):
        chain = gemmi.Chain(name)
        for row in np.flatnonzero(polymer.chain_index == index):
            residue = gemmi.Residue()
            residue.name = gemmi.expand_one_letter(polymer.sequence[row], gemmi.ResidueKind.AA) or "UNK"
            residue.seqid = gemmi.SeqId(int(polymer.residue_index[row]) + 1, " ")
            residue.entity_type = gemmi.EntityType.Polymer
            for atom_name, element, position in zip(("N", "CA", "C", "O"), "NCCO", x[row], strict=True):
                atom = gemmi.Atom()
                atom.name, atom.element = atom_name, gemmi.Element(element)
                atom.pos = gemmi.Position(*position)
                atom.b_iso = float(b_factors[row])
                residue.add_atom(atom)
            chain.add_residue(residue)
        model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    structure.assign_label_seq_id()
    stated = dict(zip(_labels(polymer), confidence.tolist(), strict=True))
    job.write_confidence(confidence_attribute(stated))
    with replace_atomically(job.result) as temporary:
        named = with_deposit_names(structure)
        document = named.make_mmcif_document()
        add_confidence(document.sole_block(), named, stated)
        document.write_file(str(temporary))


def _against_reference(x: NDArray[np.float64], reference: NDArray[np.float64] | None) -> dict[str, Any]:
    if reference is None:
        return {"ca_rmsd_all": None, "ca_lddt": None, "tm_score": None}
    seen = np.isfinite(reference).all(1)
    ca = x[:, seen, 1]
    truth = np.broadcast_to(reference[seen], ca.shape)
    per_replica = rmsd(ca, truth, superposed=True)
    mirrored = rmsd(ca, truth, superposed=True, mirror=True)
    return {
        "ca_rmsd_all": round(float(per_replica[0]), 4),
        "ca_rmsd_by_replica": [round(float(v), 4) for v in per_replica],
        "ca_rmsd_mirrored": round(float(mirrored[0]), 4),
        **likeness(x[0, :, 1], reference),
    }
