"""Energies of decoys: whether the prior's energy falls towards the true structure.

Usage: ``python benchmarks/decoys.py --data DATA [--proteins 10] [--decoys 40] [--split test] [--settle 0.4]
[--sequence-weight 3]``. Writes
``decoys.csv`` (each decoy), ``proteins.csv`` (for each protein and method Spearman's rank correlation of energy and CA
RMSD, and whether the true structure is the lowest) and ``decoys.png``.

Decoys are of three kinds, in turn, all 0.5 to 10 A (CA RMSD) from the true structure: bent by a smooth random field;
renoised as a whole and brought down by the prior; and refolded in one third of the chain, the rest shown to the prior.
The last two have the geometry that the prior likes, the first that of the true structure, distorted. With ``--settle``
all, the true structure too, are first denoised twice from that diffusion time, which gives them the same local
geometry; RMSDs are those before. With a weight of the sequence, -log p(sequence | structure) of ProteinMPNN is judged
as well, by itself (``sequence``) and so much of it added to each other energy (``with_sequence``).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, positive, run_command
from held_out import Protein, add_split, proteins_of_split
from numpy.typing import NDArray
from report import Row, Table, write_table
from scipy.stats import spearmanr
from starting_models import smooth_field
from torch import Tensor

from adp3d.contract.errors import InputError
from adp3d.energy.structure import METHODS, EnergySettings, structure_energy
from adp3d.pipeline.sequence_energy import SequenceSettings, sequence_energy
from adp3d.prior.evidence import NOTHING, Evidence, KnownAtoms
from adp3d.prior.protocol import Prior
from adp3d.prior.registry import load_prior
from adp3d.validation.superpose import rmsd

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SMALLEST, LARGEST = 0.5, 10.0
"""Angstrom."""
TIMES = (0.35, 0.8)
"""Diffusion times that structures are renoised to, for the smallest and the largest change."""
LOG_RANGE = float(np.log(LARGEST / SMALLEST))
AGAIN = 1.25
"""Factor on the intended size of a decoy that came to lie too near or too far."""
TRIES = 20
"""For one decoy, before a protein is given up; chosen by hand."""
POSSIBLE = (0.1, 0.95)
"""Least and largest diffusion time, whatever the size."""
WAVES = (25.0, 50.0)
"""Angstrom: waves of smooth fields."""
COMING_DOWN = 20
"""Steps from there."""


def brought_down(prior: Prior, x: Tensor, t: float, free: NDArray[np.bool_], generator: torch.Generator) -> Tensor:
    """A structure (N, 4, 3), centred, renoised to a time and denoised, with residues that are not free (N,) shown."""
    correlation, schedule = prior.correlation, prior.schedule
    known = torch.as_tensor(~free)[:, None].expand(-1, 4)
    evidence = NOTHING if free.all() else Evidence(KnownAtoms.measured(x, known, torch.full(known.shape, 0.1)), None)
    alpha, sigma = schedule.at(t)
    noisy = (alpha * x + sigma * correlation.apply(torch.randn(x.shape, generator=generator)))[None]
    clean = noisy
    times = np.linspace(t, 0.02, COMING_DOWN + 1)
    for high, low in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        clean = prior.denoise(noisy, high, evidence)
        (a, s), (b, r) = schedule.at(high), schedule.at(low)
        noisy = b * clean + r / s * (noisy - a * clean)
    return torch.where(torch.as_tensor(free)[:, None, None], clean[0], x)


@torch.no_grad()
def decoys_of(protein: Protein, prior: Prior, count: int, seed: int) -> tuple[list[str], Tensor]:
    """Kinds, and structures (1 + decoy, N, 4, 3) with the true one first, centred."""
    rng = np.random.default_rng(seed)
    truth = protein.x - protein.x.mean((0, 1))
    kinds, found = ["true"], [truth.float()]
    for k, size in enumerate(np.geomspace(SMALLEST, LARGEST, count).tolist()):
        kind = ("bent", "renoised", "refolded")[k % 3]
        generator = torch.Generator().manual_seed(seed * 1000 + k)
        for _ in range(TRIES):
            made = changed(kind, truth, size, prior, rng, generator)
            away = float(rmsd(made[:, 1].double().numpy(), truth[:, 1].double().numpy(), superposed=True))
            if SMALLEST <= away <= LARGEST:
                break
            size = size * AGAIN if away < SMALLEST else size / AGAIN
        else:
            raise InputError(f"{protein.name}: no {kind} decoy came to lie between {SMALLEST} and {LARGEST} A.")
        kinds.append(kind)
        found.append(made.float())
    return kinds, torch.stack(found)


def changed(
    kind: str, truth: Tensor, size: float, prior: Prior, rng: np.random.Generator, generator: torch.Generator
) -> Tensor:
    """A decoy (N, 4, 3) of a true structure, centred; the size in angstrom is what is meant, not what comes out."""
    if kind == "bent":
        field = smooth_field(truth.double().numpy().reshape(-1, 3), size, rng, WAVES)
        return truth + torch.from_numpy(field.reshape(truth.shape)).to(truth)
    t = TIMES[0] + (TIMES[1] - TIMES[0]) * float(np.log(size / SMALLEST)) / LOG_RANGE
    n = len(truth)
    free = np.ones(n, bool)
    if kind == "refolded":
        first = int(rng.integers(0, n - n // 3))
        free = (np.arange(n) >= first) & (np.arange(n) < first + n // 3)
    return brought_down(prior, truth.float(), float(np.clip(t, *POSSIBLE)), free, generator)


def judge(energy: NDArray[np.float64], away: NDArray[np.float64]) -> dict[str, float | bool]:
    """Rank correlation over all structures, whether the true one (first) is the lowest, and how far the lowest is."""
    return {
        "spearman": float(spearmanr(energy, away).statistic),
        "true_is_lowest": bool(energy.argmin() == 0),
        "lowest_rmsd": float(away[energy.argmin()]),
    }


def draw(options: argparse.Namespace, rows: list[Row]) -> None:
    """Energy above that of the true structure against RMSD, a panel for each method."""
    methods = [name for name in rows[0] if name not in ("protein", "kind", "ca_rmsd")]
    figure, panels = plt.subplots(
        1, len(methods), figsize=(4.2 * len(methods), 3.6), squeeze=False, layout="constrained"
    )
    for axes, method in zip(panels[0], methods, strict=True):
        for k, kind in enumerate(("bent", "renoised", "refolded")):
            own = [row for row in rows if row["kind"] == kind]
            axes.plot([row["ca_rmsd"] for row in own], [row[method] for row in own], ".", color=f"C{k}", label=kind)
        axes.axhline(0.0, color="0.6", linewidth=0.8)
        axes.set(title=method.replace("_", " "), xlabel="CA RMSD (\u00c5)", xscale="log", yscale="symlog")
    panels[0, 0].set_ylabel("energy above the true structure's (nats)")
    panels[0, 0].legend(fontsize=8)
    figure.savefig(options.out / "decoys.png", dpi=150)
    plt.close(figure)


def main() -> None:
    """Make decoys, score them, write tables and picture."""
    parser = benchmark_parser("decoys", __doc__, steps=20, proteins=10)
    parser.add_argument("--decoys", type=positive, default=40)
    parser.add_argument("--draws", type=positive, default=2)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--lowest", type=float, default=0.05, help="diffusion time at which integrals end")
    parser.add_argument("--settle", type=float, default=0.0, help="diffusion time from which all are denoised first")
    parser.add_argument("--sequence-weight", type=float, default=0.0, help="of ProteinMPNN, whose weights it needs")
    add_split(parser)
    options = parser.parse_args()
    begin(options)
    proteins = proteins_of_split(options.data, options.split)
    table, judged = Table(options.out / "decoys.csv"), []
    for number, protein in enumerate(proteins[: options.proteins]):
        prior = load_prior("builtin", protein.polymer, torch.device("cpu"))
        kinds, x = decoys_of(protein, prior, options.decoys, options.seed + number)
        away = rmsd(x[:, :, 1].double().numpy(), x[0, :, 1].double().numpy(), superposed=True)
        energies: dict[str, NDArray[np.float64]] = {}
        usual = EnergySettings(
            steps=options.steps,
            draws=options.draws,
            lowest=options.lowest,
            seed=options.seed,
            settle=options.settle,
        )
        seconds: dict[str, float] = {}
        for method in options.methods:
            begun = time.monotonic()
            energies[method] = structure_energy(prior, x, replace(usual, method=method)).total.double().numpy()
            seconds[method] = time.monotonic() - begun
        if options.sequence_weight > 0:
            begun = time.monotonic()
            suits = sequence_energy(protein.polymer, x, SequenceSettings(seed=options.seed)).total.double().numpy()
            taken = time.monotonic() - begun
            for method in options.methods:
                energies[f"{method}_with_sequence"] = energies[method] + options.sequence_weight * suits
                seconds[f"{method}_with_sequence"] = seconds[method] + taken
            energies["sequence"], seconds["sequence"] = suits, taken
        for method, values in energies.items():
            figures = judge(values, away)
            judged.append({"protein": protein.name, "method": method, **figures, "seconds": seconds[method]})
            print(
                f"{protein.name} {method}: Spearman {figures['spearman']:.2f}, lowest {figures['lowest_rmsd']:.2f} A "
                f"away, {seconds[method]:.0f} s",
                flush=True,
            )
        for k, kind in enumerate(kinds):
            above = {method: float(values[k] - values[0]) for method, values in energies.items()}
            table.add({"protein": protein.name, "kind": kind, "ca_rmsd": float(away[k]), **above})
        write_table(options.out / "proteins.csv", judged)
    draw(options, table.rows)


if __name__ == "__main__":
    run_command(main)
