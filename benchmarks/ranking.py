"""Which energy chooses the best replica: errors of denoising, flow and path beside what ranks replicas now.

Usage: ``python benchmarks/ranking.py --data DATA [--split val] [--proteins 4] [--tasks completion_8 ...]``. Writes
``replicas.csv`` (RMSD, fit and energies of each replica), ``choices.csv`` (for each job and way the RMSD of the replica
that it would choose) and ``summary.csv`` (their means, and by how much they miss the best replica).

Jobs are those of `completion.py` (every 8th or 16th residue known), `distances.py` (500 distances; the replicas of the
first descent, mirror images among them) and `gaps.py` (35 % missing, map at 4 A). Ways: ``fit`` alone, which is the
likelihood or the correlation with the map; ``now``, fit and denoising energy as `adp3d.ensemble.ranking` adds them up;
fit and -log p0 by each method of `adp3d score` in place of the denoising energy; and these energies alone. With
``--sequence``, -log p(sequence | structure) of ProteinMPNN is one of them, whose weights it needs, and is also added to
what ranks replicas now, as in jobs with the sequence as a measurement. ``best`` needs the truth, ``mean`` is a replica
at random.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace

import gemmi
import numpy as np
import torch
from command import begin, benchmark_parser, positive, run_command
from completion import SIGMA, known_atoms
from distances import measure
from gaps import specification, write_case
from held_out import Protein, add_split, proteins_of_split
from report import Row, Table, column, write_table
from torch import Tensor

from adp3d.energy.structure import METHODS, EnergySettings, structure_energy
from adp3d.ensemble.denoising_energy import denoising_energy
from adp3d.ensemble.ranking import SCALES, rank_replicas
from adp3d.job.events import Control, NullEvents
from adp3d.job.execute import execute
from adp3d.job.folder import JobFolder
from adp3d.pipeline.sequence_energy import SequenceSettings, sequence_energy
from adp3d.prior.evidence import Evidence, KnownAtoms
from adp3d.prior.protocol import Prior
from adp3d.prior.registry import load_prior
from adp3d.prior.schedule import step_times
from adp3d.solver.choose_updates import Pull, choose_updates
from adp3d.solver.completion import complete as run_completion
from adp3d.solver.folding import plain_sampler
from adp3d.solver.likelihood_potential import LikelihoodPotential
from adp3d.solver.posterior import Posterior
from adp3d.solver.updates import ProximalUpdate
from adp3d.validation.superpose import rmsd

NATS = 5.0
"""Differences of -log p0 that count one where replicas do not differ by more, as those of log-likelihoods."""
DISTANCES = 500
RESOLUTION = 4.0
Replicas = tuple[Tensor, str, Tensor]
"""Structures (replica, N, 4, 3), the name of their fit in `SCALES`, and the fit, (replica,)."""


def completed(spacing: int) -> Callable[[Protein, Prior, int, argparse.Namespace], Replicas]:
    """Replicas of a completion from every ``spacing``-th residue."""

    def work(protein: Protein, prior: Prior, number: int, options: argparse.Namespace) -> Replicas:
        known = known_atoms(protein, spacing)
        model = KnownAtoms.measured(protein.x, known, torch.full(known.shape, SIGMA))
        origin = model.observe(model.target).mean(0)
        posterior = Posterior(prior, [ProximalUpdate(prior.correlation, model)], origin, Evidence(model))
        x = run_completion(plain_sampler(posterior, options.seed), options.steps, options.replicas).x
        return x, "log_likelihood", -0.5 * model.misfit(x)

    return work


def folded(protein: Protein, prior: Prior, number: int, options: argparse.Namespace) -> Replicas:
    """Replicas folded from distances, before their hands are looked at."""
    likelihood = measure(protein, DISTANCES, options.seed)
    origin = torch.zeros(3)
    pull = Pull(potentials=[LikelihoodPotential("distances", likelihood)])
    posterior = Posterior(prior, choose_updates("proximal", prior.correlation, pull, origin), origin)
    # folding takes more steps than what starts from known atoms
    x = plain_sampler(posterior, options.seed)("folding", step_times(2 * options.steps), options.replicas, None)
    return x, "log_likelihood", likelihood(x)


def refined(protein: Protein, prior: Prior, number: int, options: argparse.Namespace) -> Replicas:
    """Replicas of a refinement with missing segments."""
    place = options.out / "runs"
    _, model, volume = write_case(place, protein.name, number, protein, RESOLUTION, options.seed)
    spec = specification(
        place, protein.name, model, volume, protein, RESOLUTION, options.replicas, options.steps, options.seed
    )
    job = JobFolder.create(replace(spec, side_chains="none", relax=False), overwrite=True)
    metrics = execute(job, NullEvents(), Control())
    ensemble = gemmi.read_structure(str(job.path / "ensemble.cif"))
    return (
        torch.tensor(np.stack([_backbone(model) for model in ensemble]), dtype=torch.float32),
        "correlation",
        torch.tensor(metrics["map_cc_by_replica"], dtype=torch.float32),
    )


TASKS: Mapping[str, Callable[[Protein, Prior, int, argparse.Namespace], Replicas]] = {
    "completion_8": completed(8),
    "completion_16": completed(16),
    "distances_500": folded,
    "refinement_4A": refined,
}


def choices(fit_name: str, fit: Tensor, energies: Mapping[str, Tensor]) -> dict[str, int]:
    """The replica that each way chooses.

    Parameters
    ----------
    fit_name : str
        In `SCALES`.
    fit : Tensor, shape (replica,)
        Higher is better.
    energies : mapping of Tensor, shape (replica,)
        ``denoising energy`` has no unit, the others are in nats; lower is better.
    """
    found = {"fit": rank_replicas({fit_name: fit}, SCALES).chosen}
    for name, energy in energies.items():
        scale = SCALES["energy"] if name == "denoising energy" else NATS
        both = rank_replicas({fit_name: fit, name: -energy}, {**SCALES, name: scale})
        found["now" if name == "denoising energy" else f"fit and {name}"] = both.chosen
        found[f"{name} alone"] = int(energy.argmin())
    if "sequence" in energies:
        terms = {fit_name: fit, "energy": -energies["denoising energy"]}
        found["now and sequence"] = rank_replicas(terms, SCALES, {"sequence": -energies["sequence"]}).chosen
    return found


def summarise(rows: list[Row]) -> list[Row]:
    """Means over the proteins of each task, for each way."""
    out: list[Row] = []
    for task, way in dict.fromkeys((row["task"], row["way"]) for row in rows):
        own = [row for row in rows if (row["task"], row["way"]) == (task, way)]
        out.append(
            {
                "task": task,
                "way": way,
                "proteins": len(own),
                "rmsd": float(column(own, "rmsd").mean()),
                "above_best": float(column(own, "above_best").mean()),
            }
        )
    return out


def _backbone(model: gemmi.Model) -> np.ndarray:
    return np.array([[r.sole_atom(name).pos.tolist() for name in ("N", "CA", "C", "O")] for r in model[0]])


def main() -> None:
    """Make replicas, compute their energies, and write what each way would choose."""
    parser = benchmark_parser("ranking", __doc__, steps=30, proteins=4)
    parser.add_argument("--tasks", nargs="+", choices=tuple(TASKS), default=list(TASKS))
    parser.add_argument("--draws", type=positive, default=2, help="probes, paths or sets of noise of an energy")
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--sequence", action="store_true", help="ask ProteinMPNN, too")
    add_split(parser, "val")
    options = parser.parse_args()
    begin(options)
    torch.set_num_threads(options.threads)
    proteins = proteins_of_split(options.data, options.split)
    usable = [protein for protein in proteins if protein.atoms is not None][: options.proteins]
    every, chosen = Table(options.out / "replicas.csv"), Table(options.out / "choices.csv")
    usual = EnergySettings(steps=20, draws=options.draws, seed=options.seed)
    for task in options.tasks:
        for number, protein in enumerate(usable):
            prior = load_prior("builtin", protein.polymer, torch.device("cpu"))
            x, fit_name, fit = TASKS[task](protein, prior, number, options)
            truth = protein.x.double().numpy().reshape(1, -1, 3)
            away = rmsd(x.double().numpy().reshape(len(x), -1, 3), np.repeat(truth, len(x), 0), superposed=True)
            energies = {"denoising energy": denoising_energy(prior, x, torch.Generator().manual_seed(options.seed))}
            for method in options.methods:
                energies[method] = structure_energy(prior, x, replace(usual, method=method)).total
            if options.sequence:
                suits = sequence_energy(protein.polymer, x, SequenceSettings(options.draws, options.seed))
                energies["sequence"] = suits.total
            for k, value in enumerate(away.tolist()):
                own = {name: float(energy[k]) for name, energy in energies.items()}
                every.add(
                    {"task": task, "protein": protein.name, "replica": k, "rmsd": value, "fit": float(fit[k]), **own}
                )
            ways = {"best": float(away.min()), "mean": float(away.mean())}
            ways |= {way: float(away[k]) for way, k in choices(fit_name, fit, energies).items()}
            for way, value in ways.items():
                chosen.add(
                    {
                        "task": task,
                        "protein": protein.name,
                        "way": way,
                        "rmsd": value,
                        "above_best": value - float(away.min()),
                    }
                )
            print(task, protein.name, " ".join(f"{way} {value:.2f}" for way, value in ways.items()), flush=True)
            write_table(options.out / "summary.csv", summarise(chosen.rows))


if __name__ == "__main__":
    run_command(main)
