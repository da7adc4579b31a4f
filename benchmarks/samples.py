"""What the prior makes up by itself: unconditional samples, judged as proteins.

Usage: ``python benchmarks/samples.py --data FOLDER [--out FOLDER] [--lengths 100 150 200] [--replicas 8] ...``.
Writes ``samples.csv``: for each length samples without a sequence, and with the sequences of as many
held-out proteins as come nearest to that length; beside them the true structures of these proteins.

No measurement takes part. ``helix_percent`` and ``strand_percent`` count residues in the alpha and beta regions
of the Ramachandran plot that have a neighbour there; ``radius_ratio`` is the radius of gyration over
2.2 N^0.38 angstrom, the usual size of a folded chain of N residues; ``right_handed`` and ``right_handed_fold``
are the shares of structures whose local twist and whose crossings of distant segments look natural
(`adp3d.validation.handedness`; the second is right for 93 % of real chains).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from command import begin, benchmark_parser, positive, run_command
from final_model import finish, geometry_figures
from held_out import Protein, held_out_proteins
from numpy.typing import NDArray
from report import Row, Table
from torch import Tensor

from adp3d.prior.registry import load_prior
from adp3d.prior.schedule import step_times
from adp3d.solver.folding import plain_sampler
from adp3d.solver.posterior import Posterior
from adp3d.structure.polymer import Polymer
from adp3d.validation.handedness import handedness
from adp3d.validation.torsions import backbone_torsions, linked_residues

LENGTHS = (100, 150, 200)
HELD_OUT = 21
ALPHA, BETA = ((-110.0, -35.0), (-75.0, 0.0)), ((-170.0, -70.0), (95.0, 180.0))
"""Ranges of phi and psi, in degrees."""


def describe(x: Tensor, polymer: Polymer) -> Row:
    """Figures of one structure, (N, 4, 3)."""
    backbone = x.double().numpy()
    torsions = backbone_torsions(backbone, linked_residues(polymer))
    ca = backbone[:, 1]
    hand = handedness(ca)
    radius = float(np.sqrt(((ca - ca.mean(0)) ** 2).sum(1).mean()))
    return {
        "helix_percent": 100 * float(_regular(torsions.phi, torsions.psi, ALPHA).mean()),
        "strand_percent": 100 * float(_regular(torsions.phi, torsions.psi, BETA).mean()),
        "radius_ratio": radius / (2.2 * len(ca) ** 0.38),
        "right_handed": float(not hand.mirrored),
        "right_handed_fold": float(hand.fold > 0),
        **asdict(geometry_figures(x, polymer)),
    }


def _regular(
    phi: NDArray[np.float64], psi: NDArray[np.float64], region: tuple[tuple[float, float], tuple[float, float]]
) -> NDArray[np.bool_]:
    """Residues in a region with at least one neighbour in it."""
    (phi_low, phi_high), (psi_low, psi_high) = region
    inside = (phi > phi_low) & (phi < phi_high) & (psi > psi_low) & (psi < psi_high)
    beside = np.zeros_like(inside)
    beside[1:] |= inside[:-1]
    beside[:-1] |= inside[1:]
    return inside & beside


def average(kind: str, length: int, figures: Sequence[Row], seconds: float) -> Row:
    """Row of the table: means over structures."""
    means = {name: float(np.mean([float(str(one[name])) for one in figures])) for name in figures[0]}
    return {"kind": kind, "residues": length, "structures": len(figures), **means, "seconds": seconds}


def sample(polymer: Polymer, name: str, steps: int, replicas: int, seed: int) -> Tensor:
    """Samples of the prior alone, with ideal bonds and angles, (replica, N, 4, 3)."""
    prior = load_prior(name, polymer, torch.device("cpu"))
    x = plain_sampler(Posterior(prior, [], torch.zeros(3)), seed)("sampling", step_times(steps), replicas, None)
    return finish(x, polymer)


def nearest(proteins: Sequence[Protein], length: int, count: int) -> list[Protein]:
    """Proteins whose length is nearest."""
    return sorted(proteins, key=lambda protein: (abs(protein.n_residues - length), protein.name))[:count]


def main() -> None:
    """Sample and write the table."""
    parser = benchmark_parser("samples", __doc__, steps=200)
    parser.add_argument("--lengths", type=positive, nargs="+", default=LENGTHS)
    options = parser.parse_args()
    begin(options)
    table = Table(options.out / "samples.csv")
    proteins = held_out_proteins(options.data, HELD_OUT)[:HELD_OUT]
    for length in options.lengths:
        start = time.perf_counter()
        blank = Polymer.single_chain("A" * length)
        x = sample(blank, "builtin-nosequence", options.steps, options.replicas, options.seed)
        figures = [describe(one, blank) for one in x]
        table.add(average("samples without sequence", length, figures, time.perf_counter() - start))
        start = time.perf_counter()
        near = nearest(proteins, length, options.replicas)
        figures = [
            describe(sample(p.polymer, "builtin", options.steps, 1, options.seed + i)[0], p.polymer)
            for i, p in enumerate(near)
        ]
        table.add(average("samples with sequence", length, figures, time.perf_counter() - start))
        table.add(average("true structures", length, [describe(p.x, p.polymer) for p in near], 0.0))
        for row in table.rows[-3:]:
            print(", ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{v}" for k, v in row.items()), flush=True)


if __name__ == "__main__":
    run_command(main)
