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
from ..ensemble.confidence import replica_confidence, replica_spread
from ..ensemble.denoising_energy import denoising_energy
from ..job.events import Control, Events
from ..job.folder import JobFolder
from ..job.interruptible import InterruptiblePrior
from ..job.log import read_history
from ..job.runtime import choose_device, set_threads
from ..job.sampling import Sampling, Stage
from ..job.storage import replace_atomically
from ..likelihood.distances import DistanceLikelihood
from ..measurement.distances import load_restraints
from ..placing.b_factors import new_b_factor
from ..placing.confidence_records import add_confidence, confidence_attribute
from ..prior.protocol import Correlation
from ..prior.registry import load_prior
from ..solver.folding import fold
from ..solver.likelihood_potential import LikelihoodPotential
from ..solver.pins import Preview
from ..solver.protocol import Level, Update
from ..solver.regularise import regularise
from ..solver.updates import ProximalUpdate
from ..structure.deposit_names import with_deposit_names
from ..structure.polymer import Polymer
from ..structure.sequences import NamedSequence, parse_sequence_argument
from ..validation.superpose import kabsch, rmsd
from ..validation.torsions import linked_residues
from .cost import job_cost, planned_runs
from .export import write_models
from .layout import layout_of_polymer
from .outcome import CONVERGENCE, describe_geometry, show_trajectory
from .plots import plot_confidence, plot_convergence
from .problem import reference_ca, sequence_polymer
from .updates import gradient_updates

__all__ = ["distance_updates", "polymer_of_sequences", "run"]

_STIFFNESS, _ITERATIONS, _LONGEST_STEP = 0.1, 8, 5.0
_CHAIN_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def distance_updates(
    correlation: Correlation,
    likelihood: DistanceLikelihood,
    weights: Mapping[str, float] | None = None,
    preview: Preview | None = None,
) -> list[Update]:
    """Return the proximal update that suits distances: loose at high noise, many inner iterations."""
    potential = LikelihoodPotential("distances", likelihood)
    return [
        ProximalUpdate(
            correlation,
            None,
            [potential],
            stiffness=_STIFFNESS,
            iterations=_ITERATIONS,
            longest_step=_LONGEST_STEP,
            weights=weights or {},
            preview=preview,
        )
    ]


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
    restraints = load_restraints(spec.restraints, polymer, None, events)
    likelihood = DistanceLikelihood.from_restraints(restraints, device, torch.float32)
    prior = load_prior(spec.prior, polymer, device)
    reference = None if spec.reference is None else reference_ca(spec.reference, polymer)
    cost = job_cost(spec, polymer.n_residues, device)
    events.message(cost.sentence(2 * spec.replicas))
    labels = _labels(polymer)
    events.layout(layout_of_polymer(polymer, labels))
    sampling = Sampling(job, events, control, lambda settings: None, plan=planned_runs(spec))
    origin = torch.zeros(3, device=device)
    if spec.update == "gradient":
        potential = LikelihoodPotential("distances", likelihood)
        updates = gradient_updates(prior.correlation, None, [potential], origin, {})
    else:
        updates = distance_updates(prior.correlation, likelihood, preview=sampling.preview)

    def watch(x: Tensor, level: Level) -> dict[str, Tensor]:
        return {"log_likelihood": likelihood(x), "satisfied": likelihood.satisfied(x)}

    def sample(name: str, times: NDArray[np.float64], replicas: int, start: Tensor | None) -> Tensor:
        stage = Stage(name, times, replicas, spec.seed, cost.batch, merit=DISTANCES.merit)
        return sampling.run(stage, prior, updates, origin, watch, start, _watch_residues)

    judge = InterruptiblePrior(prior, control.obey)

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
        "restraints": len(restraints),
        "restraints_skipped": len(restraints.skipped),
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


def _watch_residues(x: Tensor, best: int) -> dict[str, NDArray[np.float64]]:
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
        return {"ca_rmsd_all": None}
    seen = np.isfinite(reference).all(1)
    ca = x[:, seen, 1]
    truth = np.broadcast_to(reference[seen], ca.shape)
    per_replica = rmsd(ca, truth, superposed=True)
    mirrored = rmsd(ca, truth, superposed=True, mirror=True)
    return {
        "ca_rmsd_all": round(float(per_replica[0]), 4),
        "ca_rmsd_by_replica": [round(float(v), 4) for v in per_replica],
        "ca_rmsd_mirrored": round(float(mirrored[0]), 4),
    }
