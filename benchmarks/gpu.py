"""Refinements on a graphics card, the smallest one beside the CPU: seconds, memory, and whether they are as right.

Usage: ``python benchmarks/gpu.py --data DATA [--device cuda] [--chains 1 2 7] [--replicas 8] [--steps 40]``.
Writes ``jobs.csv`` and ``segments.csv``; the job folders stay in ``OUT/runs``.

Complexes of the model of 3isr (289 residues a chain) are bent by 0.2 A, lack segments of 6 to 20 residues, and are
refined as a whole in maps simulated at 3 A, as in ``windows.py``; side chains and relaxation, which stay on the CPU,
are left out unless ``--side-chains`` is given. Each job runs in a process of its own; ``seconds`` is the time by the
clock from the start of the job to its result. Two chains stand for the goal of 400 residues in less than 60 s, seven
(2,023) for that of 1,900 in less than five minutes, 8 replicas each.
"""

from __future__ import annotations

import platform
from dataclasses import replace

import torch
from command import begin, benchmark_parser, positive, run_command
from report import Table
from windows import Case, measure_apart

from adp3d.job.runtime import choose_device


def name_of(device: torch.device) -> str:
    """What the maker calls it."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{platform.machine()} CPU"


def main() -> None:
    """Run the jobs and write the tables."""
    parser = benchmark_parser("gpu", __doc__, steps=40)
    parser.add_argument("--device", default="cuda", help="as 'adp3d refine' takes it")
    parser.add_argument("--chains", type=positive, nargs="+", default=[1, 2, 7])
    parser.add_argument("--resolution", type=float, default=3.0)
    parser.add_argument("--side-chains", action="store_true", help="place side chains and relax, too")
    options = parser.parse_args()
    begin(options)
    device = choose_device(options.device)  # which fails before hours of the CPU if there is no card
    table, segments = Table(options.out / "jobs.csv"), Table(options.out / "segments.csv")
    cases = [
        Case(
            chains, "all", options.data, options.out / "runs", options.resolution, None, not options.side_chains,
            options.replicas, options.steps, options.seed, str(device),
        )
        for chains in options.chains
    ]  # fmt: skip
    if device.type != "cpu":
        cases.append(replace(cases[0], device="cpu"))
    for case in cases:
        row, found = measure_apart(case)
        labels = {"device": case.device, "name": name_of(torch.device(case.device))}
        table.add({**labels, **row})
        for one in found:
            segments.add({**labels, **one})
        print(
            f"{labels['name']}: {row['residues']} residues, {case.replicas} replicas: {row['seconds']:.0f} s, "
            f"{row['device_memory_gb']:.2f} GB there and {row['peak_memory_gb']:.2f} GB here, missing segments "
            f"{row['median_rmsd']:.2f} A (median), {row['within_2']} of {row['segments']} within 2 A",
            flush=True,
        )


if __name__ == "__main__":
    run_command(main)
