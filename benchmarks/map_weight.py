"""Cross-validate the weight of simulated maps with noisy halves, against what the true model tells.

Usage: ``python benchmarks/map_weight.py --data DATA [--resolutions 3.5 4] [--noise 0.3 1] [--weights 0.3 1 3 10]``.
Writes ``trials.csv``.

Validation chains are bent by a smooth field of 0.5 A. Two half maps, of the atoms of ``gaps.py`` with independent
noise, make the map; its noise is the given fraction of the signal. For each weight, refinement's last stage is run from
the bent model in the whole map, whose CA RMSD to the true model is the column ``rmsd``, and in each half map, scored by
the mean FSC with that (``fsc_work``) and with the other (``fsc_free``), and in the map without its finest shell, scored
by what it was refined in (``shell_work``) and by that shell (``shell_free``), as `adp3d refine` does by itself.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from bent_models import WAVE_LENGTHS, write_model
from command import begin, benchmark_parser, run_command
from gaps import MARGIN
from held_out import Protein, validation_proteins
from numpy.typing import NDArray
from report import Row, Table
from starting_models import smooth_field

from adp3d.contract.specification import RefineSpec
from adp3d.density.map import DensityMap
from adp3d.density.write import write_map
from adp3d.job.events import Control, NullEvents
from adp3d.job.folder import JobFolder
from adp3d.job.sampling import Running, Sampling
from adp3d.measurement.density import DensityMeasurement
from adp3d.measurement.folds import Fold, folds_of
from adp3d.measurement.half_maps import soft_mask
from adp3d.pipeline.course import Course
from adp3d.pipeline.density_weight import DensityWeight
from adp3d.pipeline.outcome import describe_geometry
from adp3d.pipeline.prepared import prepare
from adp3d.pipeline.problem import load_problem
from adp3d.pipeline.refiner import Refiner
from adp3d.prior.standard_map import SPACING
from adp3d.solver.planned_run import PlannedRun
from adp3d.training.simulated_map import simulate_map
from adp3d.training.surroundings import join, ordered_waters, scatterers_of
from adp3d.training.validation import ordinary_conditions

BEND = 0.5
"""Angstrom by which models are bent: what is left to refine after bending."""


def write_halves(
    folder: Path, protein: Protein, resolution: float, noise: float, rng: np.random.Generator
) -> list[str]:
    """Half maps with independent noise, and the map that is their mean; the paths, the map's first."""
    assert protein.atoms is not None
    own = scatterers_of(protein.atoms, rng)
    conditions = replace(ordinary_conditions(resolution), noise=noise * 2**0.5)
    everything = join([own, ordered_waters(own, round(conditions.waters * len(protein.x)), rng)])
    low, high = protein.x.numpy().min((0, 1)) - MARGIN, protein.x.numpy().max((0, 1)) + MARGIN
    made = [
        simulate_map(everything, low, high, conditions, own.xyz, torch.Generator().manual_seed(int(seed)))
        for seed in rng.integers(2**62, size=2)
    ]
    halves = [DensityMap(m.values.numpy(), m.origin.astype(np.float64), SPACING * np.eye(3)) for m in made]
    whole = halves[0].with_values(0.5 * (halves[0].values + halves[1].values))
    paths = [folder / f"{protein.name}_{name}.mrc" for name in ("map", "half1", "half2")]
    for density, path in zip([whole, *halves], paths, strict=True):
        write_map(density, path)
    return [str(path) for path in paths]


def main() -> None:
    """Run the trials and write the table."""
    parser = benchmark_parser("map_weight", __doc__, steps=16, replicas=1, proteins=3)
    parser.add_argument("--resolutions", nargs="+", type=float, default=[3.5, 4.0])
    parser.add_argument("--noise", nargs="+", type=float, default=[0.3, 1.0], help="noise over signal in the map")
    parser.add_argument("--weights", nargs="+", type=float, default=[0.3, 1.0, 3.0, 10.0, 30.0])
    parser.add_argument("--names", nargs="+", help="only these of the proteins")
    options = parser.parse_args()
    begin(options)
    folder = options.out / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    table = Table(options.out / "trials.csv")
    usable = [p for p in validation_proteins(options.data, 30) if p.atoms is not None]
    for number, protein in enumerate(usable[: options.proteins]):
        if options.names and protein.name not in options.names:
            continue
        for resolution in options.resolutions:
            for noise in options.noise:
                rng = np.random.default_rng([options.seed, number])
                for row in trials(protein, resolution, noise, options, folder, rng):
                    table.add(row)
                    print(
                        " ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in row.values())
                    )


def trials(
    protein: Protein, resolution: float, noise: float, options: Namespace, folder: Path, rng: np.random.Generator
) -> Iterator[Row]:
    """Yield a row for each weight."""
    truth = protein.x.numpy().astype(np.float64)
    bent = truth + smooth_field(truth.reshape(-1, 3), BEND, rng, WAVE_LENGTHS).reshape(truth.shape)
    model = folder / f"{protein.name}_start.cif"
    write_model(model, bent, protein.polymer.sequence, np.full(len(truth), 30.0))
    whole, *halves = write_halves(folder, protein, resolution, noise, rng)
    spec = RefineSpec(
        output=str(folder / protein.name), map=whole, half_maps=(halves[0], halves[1]), model=str(model),
        sequence=protein.polymer.sequence, resolution=resolution, replicas=options.replicas, seed=options.seed,
        trajectory_interval=0,
    )  # fmt: skip
    events, control = NullEvents(), Control()
    job = JobFolder.create(spec, overwrite=True)
    problem = load_problem(spec, events)
    prepared = prepare(spec, problem, events, control).settled(events)
    weight = DensityWeight(prepared.density.name, None)
    course = Course(spec, (), weight.table, Sampling(job, Running(events, control), problem.pins()), problem.pins())
    firm = prepared.support.trusted
    whole_map = prepared.density.whole
    halves_apart = folds_of(prepared.density)
    shell_apart = folds_of(replace(prepared.density, whole=replace(whole_map, halves=None)))
    full = Refiner(course, prepared, firm)
    built = full.build(events)
    mask = soft_mask(prepared.density, built.x)

    def run(density: DensityMeasurement, name: str) -> torch.Tensor:
        refiner = Refiner(course, replace(prepared, density=density), firm)
        return refiner.polish(built, PlannedRun(f"{name} {weight.value}", options.steps, options.replicas))

    def scores(folds: Sequence[Fold], name: str) -> tuple[float, float, torch.Tensor]:
        found = torch.cat([run(fold.work, f"{name} {k}") for k, fold in enumerate(folds)])
        each = found.chunk(len(folds))
        work, free = np.mean([fold.score(x, mask) for fold, x in zip(folds, each, strict=True)], axis=(0, 2))
        return float(work), float(free), found

    for value in options.weights:
        weight.propose(value)
        x = run(prepared.density, "whole")
        geometry = [describe_geometry(one, protein.polymer) for one in x.double().numpy()]
        work, free, in_halves = scores(halves_apart, "half")
        shell_work, shell_free, without = scores(shell_apart, "shell")
        yield {
            "protein": protein.name,
            "residues": len(truth),
            "resolution": resolution,
            "noise": noise,
            "weight": value,
            "rmsd": rmsd(x, truth),
            "rmsd_in_halves": rmsd(in_halves, truth),
            "rmsd_without_shell": rmsd(without, truth),
            "favoured": float(np.mean([one["ramachandran_favoured_percent"] for one in geometry])),
            "fsc_work": work,
            "fsc_free": free,
            "shell_work": shell_work,
            "shell_free": shell_free,
        }


def rmsd(x: torch.Tensor, truth: NDArray[np.float64]) -> float:
    """Mean CA RMSD of replicas (replica, N, 4, 3), in angstrom."""
    return float(np.sqrt(np.square(x.double().numpy()[:, :, 1] - truth[:, 1]).sum(-1).mean(-1)).mean())


if __name__ == "__main__":
    run_command(main)
