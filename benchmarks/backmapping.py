"""All atoms from CA traces of crystal structures and of ensembles, beside cgback and PULCHRA.

    python benchmarks/backmapping.py --data DATA

Every program gets the same CA atoms; nothing is superposed. Programs that are not installed are named, and left out.

DIV = 1 - RMSD_gen / RMSD_ref, where RMSD_gen is the mean RMSD of pairs of samples of one frame and RMSD_ref that of
samples to the truth, over heavy atoms. For an ensemble, ``chi1_spread`` is the mean over residues of the circular
variance of chi1 among its frames, of one sample of each frame beside the ensemble's own: their ratio is 1 where the
samples differ from frame to frame as much as the frames do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import gemmi
import numpy as np
import torch
from all_atom_figures import atom14, diversity, fidelity, mean_of, validity
from all_atom_rivals import BACKMAPPERS, RivalError, available
from atomic_chains import atomic_chains, ensembles
from command import begin, positive, run_command
from packing import CRYSTAL, OURS, built_by_us, stripped
from report import Row, Table, write_table

from adp3d.contract.errors import InputError
from adp3d.sidechain.measure import measure_chi
from adp3d.sidechain.weights_file import default_side_chain_model, load_side_chain_model

__all__ = ["chi1_spread", "main"]

LEAST_FRAMES = 5


def chi1_spread(models: Sequence[gemmi.Model]) -> float:
    """Mean over residues of the circular variance of chi1 among models, 0 (all alike) to 1."""
    angles = []
    for model in models:
        atoms, types = atom14(model)
        kinds = torch.from_numpy(types)
        chi, known = measure_chi(
            torch.from_numpy(np.nan_to_num(atoms)), kinds, torch.from_numpy(np.isfinite(atoms).all(-1))
        )
        angles.append(torch.where(known[:, 0], chi[:, 0], torch.full_like(chi[:, 0], torch.nan)).numpy())
    turns = np.exp(1j * np.array(angles))
    seen = np.isfinite(turns).all(0)
    return float(1.0 - np.abs(turns[:, seen].mean(0)).mean())


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with structures/, ensembles/ and backmapping/")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "backmapping")
    parser.add_argument("--weights", type=Path, help="weights of the side-chain model; the packaged ones by default")
    parser.add_argument(
        "--samples", type=positive, default=5, help="of each program for each frame, as far as it draws any"
    )
    parser.add_argument("--frames", type=positive, default=20, help="of each ensemble")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--chains", type=int, default=1000, help="how many crystal structures, in the list's order")
    parser.add_argument("--ensembles", type=int, default=1000, help="how many ensembles, in the list's order")
    parser.add_argument("--only", nargs="+", help="names of chains and ensembles, such as 1ab1; all by default")
    parser.add_argument("--rivals", nargs="*", choices=tuple(BACKMAPPERS), help="all by default; cgback is slow")
    options = parser.parse_args()
    begin(options)
    model = default_side_chain_model() if options.weights is None else load_side_chain_model(options.weights)
    wanted = tuple(BACKMAPPERS) if options.rivals is None else options.rivals
    rivals = available({name: rival for name, rival in BACKMAPPERS.items() if name in wanted})
    table = Table(options.out / "backmapping.csv")
    spreads = Table(options.out / "ensembles.csv")
    sources = list(_sources(options))
    if not sources:
        raise InputError(f"{options.data} has nothing to build from.")
    for name, group, truth in sources:
        firsts: dict[str, list[gemmi.Model]] = {}
        for frame in range(len(truth)):
            true = _frame(truth, frame)
            given = stripped(true, ("CA",))
            firsts.setdefault(CRYSTAL, []).append(true[0])
            table.add(_figures(name, group, frame, CRYSTAL, [true], true, 0.0))
            start = time.perf_counter()
            samples = built_by_us(model, given, options.samples, options.seed + 1000 * frame)
            seconds = (time.perf_counter() - start) / options.samples
            table.add(_figures(name, group, frame, OURS, samples, true, seconds))
            firsts.setdefault(OURS, []).append(samples[0][0])
            for rival in rivals:
                made, seconds = [], 0.0
                try:
                    # PULCHRA has one answer
                    for seed in range(options.samples if rival != "PULCHRA" else 1):
                        one, spent = rivals[rival].run(given, seed + 1)
                        made.append(one)
                        seconds += spent
                except RivalError as error:
                    print(f"{name}, frame {frame + 1}: {error}", file=sys.stderr)
                    continue
                table.add(_figures(name, group, frame, rival, made, true, seconds / len(made)))
                firsts.setdefault(rival, []).append(made[0][0])
        if len(truth) >= LEAST_FRAMES:
            own = chi1_spread(firsts[CRYSTAL])
            for program, models in firsts.items():
                spread = chi1_spread(models)
                spreads.add({"name": name, "program": program, "chi1_spread": spread, "ratio": spread / own})
    write_table(options.out / "summary.csv", _summary(table.rows))


def _sources(options: argparse.Namespace) -> Iterator[tuple[str, str, gemmi.Structure]]:
    chains = atomic_chains(options.data)[: options.chains] if options.chains else []
    wanted = options.only
    for chain in chains:
        if wanted is None or chain.name in wanted:
            yield chain.name, chain.split, chain.structure
    for number, (name, structure) in enumerate(ensembles(options.data, options.frames)):
        if number < options.ensembles and (wanted is None or name in wanted):
            yield name, "ensemble" if len(structure) > 1 else "model", structure


def _frame(structure: gemmi.Structure, frame: int) -> gemmi.Structure:
    """One model, without residues that lack a CA."""
    copy = structure.clone()
    for k in reversed(range(len(copy))):
        if k != frame:
            del copy[k]
    for chain in copy[0]:
        for r in reversed(range(len(chain))):
            if "CA" not in chain[r]:
                del chain[r]
    return copy


def _figures(
    name: str, group: str, frame: int, program: str, made: list[gemmi.Structure], true: gemmi.Structure, seconds: float
) -> Row:
    """Means over samples."""
    rows = [{**fidelity(one[0], true[0]), **validity(one)} for one in made]
    means = {key: mean_of(rows, key) if any(row[key] is not None for row in rows) else None for key in rows[0]}
    spread = diversity([one[0] for one in made], true[0]) if len(made) > 1 else None
    return {
        "name": name, "group": group, "frame": frame + 1, "program": program, **means, "div": spread, "seconds": seconds
    }  # fmt: skip


def _summary(rows: list[Row]) -> list[Row]:
    """Means by group and program."""
    found: list[Row] = []
    for group in dict.fromkeys(str(row["group"]) for row in rows):
        for program in dict.fromkeys(str(row["program"]) for row in rows):
            own = [row for row in rows if (row["group"], row["program"]) == (group, program)]
            if own:
                numbers = [key for key in own[0] if key not in ("name", "group", "frame", "program")]
                means = {
                    key: mean_of(own, key) if any(row[key] is not None for row in own) else None for key in numbers
                }
                found.append({"group": group, "program": program, "frames": len(own), **means})
    return found


if __name__ == "__main__":
    run_command(main)
