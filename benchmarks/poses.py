"""Protein complexes and poses of one partner against the other, with what docking is judged by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from held_out import letters_of
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from adp3d.contract.errors import InputError
from adp3d.structure.missing_oxygen import place_missing_oxygen
from adp3d.structure.polymer import Polymer
from adp3d.training.dataset import Chain
from adp3d.validation.c_beta import ideal_c_beta
from adp3d.validation.superpose import kabsch, rmsd

__all__ = ["Complex", "Pose", "cb_of", "load_complexes", "poses_of", "touching", "validation_complexes"]

BOND = 2.0
"""Angstrom between C and the next N above which a chain is broken, or another one begins."""
INTERFACE = 10.0
"""Angstrom from CA to any CA of the partner: residues whose RMSD tells a pose (CAPRI takes 10 A between any atoms)."""
CONTACT = 8.0
"""Angstrom between two CB."""
FEWEST_CONTACTS = 20
SHORTEST = 60
"""Residues of either side of a validation complex, and contacts between them: folds of their own that bind."""
CLOSEST = 3.0
"""Angstrom: backbone atoms and CB of the partners come no closer in a pose. In the 12 bound complexes the 1st
percentile of such distances below 6 A is 2.9 to 3.7 A."""
SLIDE = 0.25
"""Angstrom of a step apart, until nothing is too close."""
SIZES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Angstrom: ligand RMSD that small perturbations of the bound pose are drawn for, a fifth of them each."""


@dataclass(frozen=True)
class Complex:
    """Receptor and ligand as they are bound.

    Attributes
    ----------
    name : str
    polymer : Polymer
        Chain R, then chain L; positions jump at breaks.
    x : ndarray, shape (N, 4, 3)
        N, CA, C, O in angstrom.
    receptor : int
        How many residues belong to the receptor; the first ones.
    """

    name: str
    polymer: Polymer
    x: NDArray[np.float64]
    receptor: int


@dataclass(frozen=True)
class Pose:
    """Where the ligand lies.

    Attributes
    ----------
    kind : str
        ``bound``, ``perturbed`` or ``random``.
    x : ndarray, shape (N, 4, 3)
        The complex, the receptor in its place.
    ligand_rmsd : float
        CA, the receptors superposed, in angstrom.
    interface_rmsd : float
        CA of residues at the true interface, superposed, in angstrom.
    """

    kind: str
    x: NDArray[np.float64]
    ligand_rmsd: float
    interface_rmsd: float


def load_complexes(path: Path) -> list[Complex]:
    """Complexes of an archive with ``NAME_receptor_seq``, ``NAME_receptor_xyz`` and the same of the ligand, by name.

    Raises
    ------
    InputError
        If there is no such file.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}: give the data folder with --data.")
    with np.load(path, allow_pickle=False) as archive:
        names = sorted(key.removesuffix("_ligand_xyz") for key in archive.files if key.endswith("_ligand_xyz"))
        return [
            _joined(
                name, [(str(archive[f"{name}_{s}_seq"]), archive[f"{name}_{s}_xyz"]) for s in ("receptor", "ligand")]
            )
            for name in names
        ]


def validation_complexes(held_out: Sequence[Chain], trained: Sequence[Chain]) -> list[Complex]:
    """Two chains in contact of which one at least is held out for validation: for choices, not for results.

    The partner may be a training chain, but batches pair training chains only, so the two were never seen together.
    Of each entry the pair with the most contacts; the smallest complexes first.
    """
    groups: dict[str, list[tuple[bool, Chain]]] = defaultdict(list)
    for chains, unseen in ((held_out, True), (trained, False)):
        for chain in chains:
            # files without a PDB code in their name hold a structure more than once
            if not chain.ca_only and len(chain.xyz) >= SHORTEST and not chain.entry.startswith("_"):
                groups[chain.source].append((unseen, chain))
    pairs = [pair for members in groups.values() if (pair := _closest_pair(members)) is not None]
    complexes: dict[str, Complex] = {}
    for pair in pairs:
        larger_first = sorted(pair, key=lambda chain: -len(chain.xyz))
        name = pair[0].entry[:4].upper()
        complexes.setdefault(
            name, _joined(name, [(letters_of(chain.aatype), chain.xyz[:, :3]) for chain in larger_first])
        )
    return sorted(complexes.values(), key=lambda one: (len(one.x), one.name))


def touching(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pairs of residues (pair, 2) of two backbones whose CB are in contact."""
    near = cKDTree(cb_of(a)).query_ball_tree(cKDTree(cb_of(b)), CONTACT)
    return np.array([(i, j) for i, row in enumerate(near) for j in row], np.int64).reshape(-1, 2)


def cb_of(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ideal CB of each residue of a backbone (N, 4, 3), of glycine too: (N, 3)."""
    return ideal_c_beta(["ALA"] * len(x), x)


def poses_of(one: Complex, count: int, rng: np.random.Generator) -> list[Pose]:
    """The bound pose, then perturbations of it and random placements in contact, half of ``count`` each."""
    found = [_judged(one, "bound", one.x[one.receptor :])]
    for k in range(count):
        kind = "perturbed" if k % 2 == 0 else "random"
        moved = _perturbed(one, SIZES[k // 2 % len(SIZES)], rng) if kind == "perturbed" else _anywhere(one, rng)
        found.append(_judged(one, kind, moved))
    return found


def _closest_pair(members: Sequence[tuple[bool, Chain]]) -> tuple[Chain, Chain] | None:
    """The two chains of an entry with the most contacts, one of them held out."""
    most, best = FEWEST_CONTACTS - 1, None
    for i, (unseen, a) in enumerate(members):
        for other_unseen, b in members[i + 1 :]:
            if not (unseen or other_unseen):
                continue
            contacts = len(touching(a.xyz.astype(np.float64), b.xyz.astype(np.float64)))
            # copies that lie on top of each other are no partners
            if contacts > most and cKDTree(a.xyz[:, 1]).query(b.xyz[:, 1])[0].min() > BOND:
                most, best = contacts, (a, b)
    return best


def _joined(name: str, parts: list[tuple[str, NDArray[np.float32]]]) -> Complex:
    positions, backbones = [], []
    for _, xyz in parts:
        backbone = np.full((len(xyz), 4, 3), np.nan)
        backbone[:, :3] = xyz
        bonded = np.append(np.linalg.norm(backbone[1:, 0] - backbone[:-1, 2], axis=-1) < BOND, False)
        backbone[:, 3] = place_missing_oxygen(backbone, bonded)
        positions.append(np.concatenate([[0], np.cumsum(np.where(bonded[:-1], 1, 2))]))
        backbones.append(backbone)
    lengths = [len(backbone) for backbone in backbones]
    polymer = Polymer(
        "".join(sequence for sequence, _ in parts),
        np.repeat(np.arange(2), lengths),
        np.concatenate(positions).astype(np.int64),
        ("R", "L"),
    )
    return Complex(name, polymer, np.concatenate(backbones), lengths[0])


def _perturbed(one: Complex, size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """The bound ligand turned and shifted such that its CA move by about ``size``, half of it by either."""
    ligand = one.x[one.receptor :]
    middle = ligand[:, 1].mean(0)
    spread = np.sqrt(((ligand[:, 1] - middle) ** 2).sum(-1).mean())
    share = size / np.sqrt(2)
    # a turn by an angle moves points at distance r by r angle sqrt(2/3) on average over axes
    axis = rng.normal(size=3)
    turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * share / (spread * np.sqrt(2 / 3)))
    shift = rng.normal(size=3)
    moved = turn.apply((ligand - middle).reshape(-1, 3)).reshape(ligand.shape)
    return _apart(one, moved + middle + shift / np.linalg.norm(shift) * share)


def _anywhere(one: Complex, rng: np.random.Generator) -> NDArray[np.float64]:
    """The ligand turned at random, on a random side of the receptor, slid up to it from afar."""
    receptor, ligand = one.x[: one.receptor], one.x[one.receptor :]
    turned = Rotation.random(random_state=rng).apply((ligand - ligand[:, 1].mean(0)).reshape(-1, 3))
    way = rng.normal(size=3)
    return _apart(one, turned.reshape(ligand.shape) + receptor[:, 1].mean(0), way / np.linalg.norm(way))


def _apart(one: Complex, ligand: NDArray[np.float64], way: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """The ligand moved away, along a way or straight from the receptor's middle, until nothing is too close."""
    receptor = one.x[: one.receptor]
    tree = cKDTree(np.concatenate([receptor.reshape(-1, 3), cb_of(receptor)]))
    atoms = np.concatenate([ligand.reshape(-1, 3), cb_of(ligand)])
    if way is None:
        way = ligand[:, 1].mean(0) - receptor[:, 1].mean(0)
        way = way / np.linalg.norm(way)
    step = 0.0
    while tree.query(atoms + step * way, distance_upper_bound=CLOSEST)[0].min() < CLOSEST:
        step += SLIDE
    return np.asarray(ligand + step * way)


def _judged(one: Complex, kind: str, ligand: NDArray[np.float64]) -> Pose:
    x = np.concatenate([one.x[: one.receptor], ligand])
    true, posed = one.x[:, 1], x[:, 1]
    away = np.linalg.norm(true[: one.receptor, None] - true[None, one.receptor :], axis=-1) < INTERFACE
    rows = np.concatenate([away.any(1), away.any(0)])
    placed = kabsch(posed[rows], true[rows]).apply(posed[rows])
    return Pose(
        kind,
        x,
        float(rmsd(posed[one.receptor :], true[one.receptor :])),
        float(np.sqrt(((placed - true[rows]) ** 2).sum(-1).mean())),
    )
