"""How energies depend on the diffusion time at which integrals end, on the number of steps, and on the integrator.

Usage: ``python benchmarks/energy_settings.py --data DATA [--proteins 2] [--lowest 0.02 0.05 0.1 0.2] [--steps 40]
[--decoys 6] [--draws 2] [--resume]``. Writes ``energy_settings.csv``, a row for each protein, method, integrator, time
and number of steps: all, half and a quarter of them.

Validation chains, each with decoys as `decoys.py` makes them (bent, renoised, refolded; 0.5 to 10 A). ``step_error`` is
how much energies above the true structure's differ from those of the largest number of steps (root mean square over the
decoys, nats), for the flow from those of its fourth-order integrator where that is run (at 0.05). ``standard_error`` is
what the draws leave open of a total, ``spread`` by how much decoys differ.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from command import begin, benchmark_parser, positive, run_command
from decoys import decoys_of, judge
from held_out import Protein, validation_proteins
from report import Row, Table

from adp3d.energy.structure import Energy, EnergySettings, structure_energy
from adp3d.prior.registry import load_prior
from adp3d.validation.superpose import rmsd

TEXT = ("protein", "method", "integrator")
"""Columns that are not numbers."""
USUAL = 0.05
"""Diffusion time at which integrators are compared."""


def settings_to_try(options: argparse.Namespace) -> Iterator[EnergySettings]:
    """Largest number of steps first, which the others are compared with."""
    numbers = [max(1, options.steps // part) for part in (1, 2, 4)]
    for lowest in options.lowest:
        for method in ("denoising", "path", "flow"):
            usual = EnergySettings(method=method, draws=options.draws, lowest=lowest, seed=options.seed)
            integrators = ("rk4", "heun", "euler") if method == "flow" and lowest == USUAL else ("heun",)
            for integrator in integrators:
                yield from (replace(usual, steps=steps, integrator=integrator) for steps in numbers)


def row_of(
    protein: Protein, settings: EnergySettings, energy: Energy, best: Energy, away: np.ndarray, took: float
) -> Row:
    """Figures of one setting; ``best`` is the energy by the largest number of steps."""
    total, reference = energy.total.double().numpy(), best.total.double().numpy()
    change = (total - total[0]) - (reference - reference[0])
    return {
        "protein": protein.name,
        "method": settings.method,
        "integrator": settings.integrator if settings.method == "flow" else "",
        "lowest": settings.lowest,
        "steps": settings.steps,
        "true_energy": float(total[0]),
        "step_error": float(np.sqrt((change[1:] ** 2).mean())),
        "standard_error": float(energy.standard_error.mean()),
        "spread": float(total.std()),
        "spearman": judge(total, away)["spearman"],
        "seconds": took / len(total),
    }


def main() -> None:
    """Score the same decoys with each setting."""
    parser = benchmark_parser("energy_settings", __doc__, steps=40, proteins=2)
    parser.add_argument("--decoys", type=positive, default=6)
    parser.add_argument("--draws", type=positive, default=2)
    parser.add_argument("--lowest", nargs="+", type=float, default=[0.02, 0.05, 0.1, 0.2])
    parser.add_argument("--resume", action="store_true", help="keep the rows that the table has")
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "energy_settings.csv")
    if options.resume:
        table.restore(TEXT)
    done = {row["protein"] for row in table.rows}
    for number, protein in enumerate(validation_proteins(options.data, 30)[: options.proteins]):
        if protein.name in done:
            continue
        prior = load_prior("builtin", protein.polymer, torch.device("cpu"))
        _, x = decoys_of(protein, prior, options.decoys, options.seed + number)
        away = rmsd(x[:, :, 1].double().numpy(), x[0, :, 1].double().numpy(), superposed=True)
        best: dict[tuple[object, ...], Energy] = {}
        found = []
        for settings in settings_to_try(options):
            begun = time.process_time()  # other work may hold this one up
            energy = structure_energy(prior, x, settings)
            took = time.process_time() - begun
            first = best.setdefault((settings.method, settings.lowest), energy)
            found.append(row_of(protein, settings, energy, first, away, took))
            print(" ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in found[-1].values()))
        for row in found:  # of whole proteins, so that rows can be taken up
            table.add(row)


if __name__ == "__main__":
    run_command(main)
