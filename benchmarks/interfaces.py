"""Docking by energy: whether the prior's interface energy tells right poses of a complex from wrong ones.

Usage: ``python benchmarks/interfaces.py --data DATA [--poses 100] [--complexes N] [--names NAME ...] [--resume]``.
Each complex of ``docking/db5_bound.npz`` gets poses of its ligand, half of them perturbed by 0.5 to 8 A, half of them
placed at random in contact (``poses.py``). With ``--validation`` pairs of chains of the archive do, one of them at
least in the validation split: choices are made there. Writes ``poses.csv`` (each pose and score), ``cases.csv`` (for
each complex and score Spearman's rank correlation with interface RMSD, whether the best and one of the five best poses
are near-native, and the rank of the bound pose, which has no part in the others) and ``interfaces.png``.

Scores, low where a pose is good: *energy*, -log p of the complex less those of its parts, in nats, by errors of
denoising of either part beside the other (``--at-once``: of both parts at once); *sequence*,
-log p(sequence | pose) of ProteinMPNN, in nats (that of the parts is the same in all poses); *contacts*, less the
number of pairs of CB within 8 A; *pairs*, the sum over those pairs of minus the log of how much more often than by
chance two types touch in complexes of the training split (the complexes tested are left out of it, their relatives are
not); *together*, the energy and three times that of the sequence, as `adp3d score --interface A:B
--sequence-weight 3` has it. All come from the backbone and the sequence alone.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from command import begin, benchmark_parser, positive, run_command
from held_out import shared_runs, training_runs
from numpy.typing import NDArray
from poses import Complex, Pose, load_complexes, poses_of, touching, validation_complexes
from report import Row, Table, column, write_table
from scipy.stats import spearmanr

from adp3d.energy.structure import METHODS, EnergySettings
from adp3d.pipeline.joint_energy import joint_interface_energy
from adp3d.pipeline.sequence_energy import SequenceSettings, sequence_energy
from adp3d.structure.polymer import AMINO_ACIDS
from adp3d.training.dataset import Chain, load_chains

matplotlib.use("Agg")
import matplotlib.pyplot as plt

NEAR_NATIVE = 4.0
"""Angstrom of interface RMSD: CAPRI's bound for an acceptable pose."""
SCORES = ("energy", "sequence", "contacts", "pairs", "together")
WEIGHT = 3.0
"""Of the sequence beside the energy, as for decoys. On six complexes of validation chains Spearman's correlation with
interface RMSD is 0.83 without the sequence and 0.89 with weights of 1 to 4, and the first pose is best with 3 and 4."""
FIRST = 5
"""So many best poses may hold a near-native one."""


def pair_potential(chains: Sequence[Chain], without: Sequence[str]) -> NDArray[np.float64]:
    """Minus the log-odds of types in contact across chains of an entry, (21, 21), in nats; unknown types have none.

    The chance is that of the types among all residues in such contacts; each pair of types has one count beforehand.
    """
    entries: dict[str, list[Chain]] = defaultdict(list)
    for chain in chains:
        if not chain.ca_only and chain.entry[:4].upper() not in without:
            entries[chain.source].append(chain)
    kinds = len(AMINO_ACIDS)
    counts = np.ones((kinds, kinds))
    for members in entries.values():
        for i, one in enumerate(members):
            for other in members[i + 1 :]:
                pairs = touching(one.xyz.astype(np.float64), other.xyz.astype(np.float64))
                types = np.stack([one.aatype[pairs[:, 0]], other.aatype[pairs[:, 1]]], 1)
                for a, b in types[(types < kinds).all(1)].tolist():
                    counts[a, b] += 0.5
                    counts[b, a] += 0.5
    share = counts / counts.sum()
    alone = share.sum(0)
    potential = np.zeros((kinds + 1, kinds + 1))
    potential[:kinds, :kinds] = -np.log(share / np.outer(alone, alone))
    return potential


@torch.no_grad()
def energies_of(one: Complex, poses: Sequence[Pose], settings: EnergySettings, prior: str) -> NDArray[np.float64]:
    """Interface energy of each pose, in nats."""
    rows = [np.arange(one.receptor), np.arange(one.receptor, len(one.x))]
    x = torch.as_tensor(np.stack([pose.x for pose in poses]), dtype=torch.float32)
    return joint_interface_energy(one.polymer, prior, x, rows, settings).total.double().numpy()


def sequence_scores(one: Complex, poses: Sequence[Pose], draws: int, seed: int) -> NDArray[np.float64]:
    """-log p(s | pose) of each pose, in nats."""
    x = torch.as_tensor(np.stack([pose.x for pose in poses]), dtype=torch.float32)
    return sequence_energy(one.polymer, x, SequenceSettings(draws, seed)).total.double().numpy()


def contact_scores(
    one: Complex, poses: Sequence[Pose], potential: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Less the number of contacts of each pose, and the sum of their potentials."""
    types = one.polymer.aatype
    number, pairs = [], []
    for pose in poses:
        found = touching(pose.x[: one.receptor], pose.x[one.receptor :])
        number.append(-float(len(found)))
        pairs.append(float(potential[types[found[:, 0]], types[found[:, 1] + one.receptor]].sum()))
    return np.array(number), np.array(pairs)


def judge(score: NDArray[np.float64], away: NDArray[np.float64]) -> dict[str, float | bool | int]:
    """What a score is worth for poses of one complex, the first of which is the bound one."""
    order = np.argsort(score[1:], kind="stable")
    near = away[1:][order] < NEAR_NATIVE
    return {
        "spearman": float(spearmanr(score[1:], away[1:]).statistic),
        "top_1": bool(near[0]),
        "top_5": bool(near[:FIRST].any()),
        "best_interface_rmsd": float(away[1:][order[0]]),
        "rank_of_bound": int(1 + (score[1:] < score[0]).sum()),
    }


def draw(out: Path, rows: Sequence[Row]) -> None:
    """A funnel of energies for each complex."""
    names = sorted({str(row["complex"]) for row in rows})
    across = min(4, len(names))
    down = -(-len(names) // across)
    figure, panels = plt.subplots(down, across, figsize=(3 * across, 2.6 * down), squeeze=False, layout="constrained")
    for axes in panels.flat[len(names) :]:
        axes.axis("off")
    for axes, name in zip(panels.flat, names, strict=False):
        own = [row for row in rows if row["complex"] == name]
        for k, kind in enumerate(("random", "perturbed", "bound")):
            group = [row for row in own if row["kind"] == kind]
            axes.plot(column(group, "interface_rmsd"), column(group, "energy"), "..*"[k], color=f"C{k}", label=kind)
        axes.axvline(NEAR_NATIVE, color="0.7", linewidth=0.8)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
    panels[0, 0].legend(fontsize=7)
    figure.supxlabel("interface RMSD (\u00c5)", fontsize=9)
    figure.supylabel("interface energy (nats)", fontsize=9)
    figure.savefig(out / "interfaces.png", dpi=150)
    plt.close(figure)


def _trained_share(one: Complex, trained: NDArray[np.int64]) -> tuple[float, float]:
    """Share of the runs of ten residues of receptor and ligand that some training chain has."""
    types = one.polymer.aatype
    parts = (types[: one.receptor], types[one.receptor :])
    return tuple(shared_runs(part, trained) / max(len(part) - 9, 1) for part in parts)  # type: ignore[return-value]


def _cases(rows: Sequence[Row], known: dict[str, tuple[float, float]]) -> list[Row]:
    cases: list[Row] = []
    for name in dict.fromkeys(str(row["complex"]) for row in rows):
        own = [row for row in rows if row["complex"] == name]
        away = column(own, "interface_rmsd")
        shares = {"receptor_in_training": known[name][0], "ligand_in_training": known[name][1]}
        scores = [score for score in SCORES if np.isfinite(column(own, score)).all()]
        cases += [{"complex": name, "score": score, **judge(column(own, score), away), **shares} for score in scores]
    return cases


def _summary(cases: Sequence[Row]) -> None:
    for score in dict.fromkeys(str(row["score"]) for row in cases):
        own = [row for row in cases if row["score"] == score]
        print(
            f"{score}: Spearman {np.mean(column(own, 'spearman')):.2f}, near-native first in "
            f"{sum(bool(row['top_1']) for row in own)} and among the first {FIRST} in "
            f"{sum(bool(row['top_5']) for row in own)} of {len(own)}"
        )


def _options() -> argparse.Namespace:
    parser = benchmark_parser("interfaces", __doc__, steps=8)
    parser.add_argument("--poses", type=positive, default=100)
    parser.add_argument("--complexes", type=positive, default=100, help="how many, the smallest first")
    parser.add_argument("--validation", action="store_true", help="complexes of validation chains, for choices")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--draws", type=positive, default=2)
    parser.add_argument("--method", choices=METHODS, default="denoising")
    parser.add_argument("--lowest", type=float, default=0.05, help="diffusion time at which integrals end")
    parser.add_argument("--prior", default="builtin")
    parser.add_argument("--at-once", action="store_true", help="add noise to both parts at once")
    parser.add_argument("--no-sequence", action="store_true", help="leave out ProteinMPNN, whose weights it needs")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run stopped")
    return parser.parse_args()


def main() -> None:
    """Make poses, score them, write tables and picture."""
    options = _options()
    begin(options)
    folder = options.data / "structures"
    training = load_chains(folder, "train")
    if options.validation:
        complexes = validation_complexes(load_chains(folder, "val"), training)
    else:
        complexes = sorted(load_complexes(options.data / "docking" / "db5_bound.npz"), key=lambda one: len(one.x))
    complexes = complexes[: options.complexes]
    trained = training_runs(folder)
    known = {one.name: _trained_share(one, trained) for one in complexes}
    potential = pair_potential(training, [one.name for one in complexes])
    settings = EnergySettings(
        options.method,
        options.steps,
        options.draws,
        lowest=options.lowest,
        seed=options.seed,
        batch=4,
        in_turn=not options.at_once,
    )
    table = Table(options.out / "poses.csv")
    if options.resume:
        table.restore(("complex", "kind"))
    done = {row["complex"] for row in table.rows}
    for number, one in enumerate(complexes):
        if one.name in done or one.name not in (options.names or [one.name]):
            continue
        poses = poses_of(one, options.poses, np.random.default_rng([options.seed, number]))
        begun = time.monotonic()
        energies = energies_of(one, poses, settings, options.prior)
        seconds = time.monotonic() - begun
        sequence = np.full(len(poses), np.nan)
        if not options.no_sequence:
            sequence = sequence_scores(one, poses, options.draws, options.seed)
        contacts, pairs = contact_scores(one, poses, potential)
        for k, pose in enumerate(poses):
            found = {
                "energy": energies, "sequence": sequence, "contacts": contacts, "pairs": pairs,
                "together": energies + WEIGHT * sequence,
            }  # fmt: skip
            figures = {score: float(found[score][k]) for score in SCORES}
            away = {"ligand_rmsd": pose.ligand_rmsd, "interface_rmsd": pose.interface_rmsd}
            table.add({"complex": one.name, "kind": pose.kind, **away, **figures})
        print(f"{one.name}: {len(one.x)} residues, {len(poses)} poses, {seconds:.0f} s", flush=True)
    cases = _cases(table.rows, known)
    write_table(options.out / "cases.csv", cases)
    draw(options.out, table.rows)
    _summary(cases)


if __name__ == "__main__":
    run_command(main)
