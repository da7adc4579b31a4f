"""Whether the sequence as a measurement improves completions, and the choice of replicas, on validation proteins.

Usage: ``python benchmarks/sequence_weight.py --data FOLDER [--proteins 6] [--replicas 4] [--steps 30] [--resume] ...``.
Writes ``sequence_weight.csv`` (protein x k x weight) as it goes and prints the means.

Every k-th residue is known; Algorithm 1 with the default prior, which has been given the sequence itself, and beside
the known atoms -weight log p(s|x) by ProteinMPNN. ``rmsd`` is over all backbone atoms, in place. ``log_probability`` is
log p(s|x) of the chosen replica a residue, ``truth`` that of the true backbone. The choice is judged on the independent
replicas (before the last descent, which makes them alike): ``by_energy`` is the RMSD of the one that known atoms and
denoising energy prefer, ``by_sequence`` of the one with the highest log p(s|x), ``by_both`` of the one that all three
prefer, ``independent_best`` and ``independent_mean`` what there was to choose from.
"""

from __future__ import annotations

import argparse
import time

import torch
from command import begin, benchmark_parser, run_command
from completion import SIGMA, known_atoms, rmsd
from final_model import finish
from held_out import Protein, validation_proteins
from parallel import add_options, compute
from report import Row, Table, column, replica_figures

from adp3d.ensemble.denoising_energy import denoising_energy
from adp3d.ensemble.ranking import SCALES, rank_replicas
from adp3d.likelihood.sequence import SequenceLikelihood
from adp3d.measurement.design_networks import DESIGN_NETWORKS
from adp3d.measurement.sequence import SequenceMeasurement
from adp3d.prior.evidence import Evidence, KnownAtoms
from adp3d.prior.registry import load_prior
from adp3d.solver.completion import complete as run_completion
from adp3d.solver.folding import plain_sampler
from adp3d.solver.posterior import Posterior
from adp3d.solver.updates import ProximalUpdate

SPACINGS = (8, 16)
WEIGHTS = (0.0, 0.1, 0.3, 1.0)
SCALE = 5.0
"""Nats of log p(s|x) that count one when replicas are ranked, as for other log-likelihoods."""


def complete(protein: Protein, k: int, weight: float, options: argparse.Namespace) -> Row:
    """Complete one protein with one weight."""
    torch.set_num_threads(options.threads)
    start = time.perf_counter()
    device = torch.device("cpu")
    prior = load_prior("builtin", protein.polymer, device)
    entry = DESIGN_NETWORKS["proteinmpnn"]
    likelihood = SequenceLikelihood.of_polymer(entry.load(device), protein.polymer, device)
    known = known_atoms(protein, k)
    model = KnownAtoms.measured(protein.x, known, torch.full(known.shape, SIGMA))
    origin = model.observe(model.target).mean(0)
    potentials = [SequenceMeasurement(likelihood, weight, entry).potential] if weight else []
    update = ProximalUpdate(prior.correlation, model, potentials)
    sample = plain_sampler(Posterior(prior, [update], origin, Evidence(model)), options.seed)
    found = run_completion(sample, options.steps, options.replicas)

    def terms(x: torch.Tensor) -> dict[str, torch.Tensor]:
        energy = denoising_energy(prior, x, torch.Generator().manual_seed(options.seed))
        return {"log_likelihood": -0.5 * model.misfit(x), "energy": -energy}

    chosen = rank_replicas(terms(found.x), SCALES).chosen
    final = finish(found.x, protein.polymer, model)
    suited = told(likelihood, found.independent)
    wrong = rmsd(found.independent, protein.x)
    plain = terms(found.independent)
    both = rank_replicas({**plain, "sequence": suited}, {**SCALES, "sequence": SCALE}).chosen
    return {
        "protein": protein.name,
        "residues": protein.n_residues,
        "k": k,
        "weight": weight,
        "replicas": options.replicas,
        "steps": options.steps,
        **replica_figures(rmsd(final, protein.x), chosen, "rmsd"),
        "log_probability": float(told(likelihood, final[chosen, None])[0]) / protein.n_residues,
        "truth": float(told(likelihood, protein.x[None])[0]) / protein.n_residues,
        "independent_mean": float(wrong.mean()),
        "independent_best": float(wrong.min()),
        "by_energy": float(wrong[rank_replicas(plain, SCALES).chosen]),
        "by_sequence": float(wrong[int(suited.argmax())]),
        "by_both": float(wrong[both]),
        "seconds": time.perf_counter() - start,
    }


@torch.no_grad()
def told(likelihood: SequenceLikelihood, x: torch.Tensor) -> torch.Tensor:
    """Log p(s|x) of structures (replica, N, 4, 3), one at a time, (replica,)."""
    return torch.stack([likelihood(one[None])[0] for one in x])


def main() -> None:
    """Run all rows and print the means of proteins that have all of them."""
    parser = benchmark_parser("sequence_weight", __doc__, steps=30, replicas=4, proteins=6)
    parser.add_argument("--spacings", type=int, nargs="+", default=SPACINGS, metavar="K")
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS, metavar="W")
    add_options(parser)
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "sequence_weight.csv")
    if options.resume:
        table.restore(text=("protein",))
    done = {(row["protein"], int(str(row["k"])), float(str(row["weight"]))) for row in table.rows}
    proteins = sorted(validation_proteins(options.data, 20), key=lambda protein: protein.n_residues)
    tasks = [
        (protein, k, weight, options)
        for protein in proteins[: options.proteins]
        for k in options.spacings
        for weight in options.weights
        if (protein.name, k, weight) not in done
    ]
    for row in compute(complete, tasks, options.processes):
        table.add(row)
        print(
            f"{row['protein']} ({row['residues']} residues), k = {row['k']}, weight {row['weight']:g}: "
            f"mean {row['rmsd_mean']:.2f}, chosen {row['rmsd_chosen']:.2f} A, log p {row['log_probability']:.2f} a "
            f"residue, {row['seconds']:.0f} s",
            flush=True,
        )
    shown = ("rmsd_mean", "rmsd_chosen", "log_probability", "truth", "independent_mean", "by_energy", "by_sequence")
    shown += ("by_both", "independent_best", "seconds")
    print("| k | weight | proteins | " + " | ".join(shown) + " |")
    for k in options.spacings:
        for weight in options.weights:
            part = [row for row in table.rows if int(str(row["k"])) == k and float(str(row["weight"])) == weight]
            if part:
                means = " | ".join(f"{column(part, name).mean():.2f}" for name in shown)
                print(f"| {k} | {weight:g} | {len(part)} | {means} |")


if __name__ == "__main__":
    run_command(main)
