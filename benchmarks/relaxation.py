"""Relax deposited models, as they are and shaken: in their maps, and without them held by firm or weak springs.

Usage: ``python benchmarks/relaxation.py --map MAP --model MODEL --resolution 1.75 [--shake 0 0.3] [--out OUT]``.
Writes ``relaxation.csv`` row by row and prints it as a table. Shaken models have all atoms displaced at random by that
many A (rms); ``from_deposited`` is the RMSD of the heavy atoms to the deposited model without superposition. Seconds
are those of the processor and of the clock, without validation; memory is the process's largest until then.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import gemmi
import numpy as np
from command import begin, positive, run_command
from report import Row, Table

from adp3d.density.map import DensityMap
from adp3d.density.read import read_map
from adp3d.relax.relaxation import InMap, relax
from adp3d.structure.read import read_structure
from adp3d.validation.validate import validate_model

FIGURES = ("clashscore", "bond_rmsz", "angle_rmsz", "ramachandran_favoured_percent", "cc_mask", "q_score")


def main() -> None:
    options = _options()
    begin(options)
    table = Table(options.out / "relaxation.csv")
    deposited, density = read_structure(options.model), read_map(options.map)
    for shake in options.shake:
        start = shaken(deposited, shake, options.seed)
        table.add(_row(shake, "start", start, deposited, density, options.resolution))
        for kind in ("map", "firm", "weak"):
            where = InMap(density, options.resolution) if kind == "map" else None
            everything = np.ones(sum(len(chain) for chain in start[0]), bool)
            clock, processor = time.monotonic(), time.process_time()
            relaxed, report = relax(start, everything, where, everything & (kind == "weak"))
            cost = time.process_time() - processor, time.monotonic() - clock
            row = _row(shake, kind, relaxed, deposited, density, options.resolution, report.left_out, cost)
            table.add(row)
    for row in table.rows:
        print("  ".join(f"{key} {value:.3g}" if isinstance(value, float) else str(value) for key, value in row.items()))


def shaken(structure: gemmi.Structure, distance: float, seed: int) -> gemmi.Structure:
    """Copy with all atoms of its polymers displaced at random, by ``distance`` A (rms)."""
    random = np.random.default_rng(seed)
    copy = structure.clone()
    for found in copy[0].all():
        if found.residue.entity_type == gemmi.EntityType.Polymer:
            step = random.normal(0.0, distance / np.sqrt(3.0), 3)
            found.atom.pos += gemmi.Position(*step.tolist())
    return copy


def _row(
    shake: float,
    kind: str,
    structure: gemmi.Structure,
    deposited: gemmi.Structure,
    density: DensityMap,
    resolution: float,
    left_out: tuple[object, ...] = (),
    cost: tuple[float, float] = (0.0, 0.0),
) -> Row:
    figures = validate_model(structure, density, resolution).figures()
    pairs = [(a.atom, b.atom) for a, b in zip(structure[0].all(), deposited[0].all(), strict=True)]
    way = [a.pos.dist(b.pos) for a, b in pairs if not a.is_hydrogen()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "shake": shake,
        "kind": kind,
        **{name: figures[name] for name in FIGURES},
        "from_deposited": float(np.sqrt(np.square(way).mean())),
        "left_out": len(left_out),
        "processor_seconds": cost[0],
        "seconds": cost[1],
        "memory_gb": peak,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--map", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="deposited model")
    parser.add_argument("--resolution", type=float, required=True, help="of the map in angstrom")
    parser.add_argument("--shake", type=float, nargs="*", default=[0.0, 0.3], help="A (rms)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "relaxation")
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
