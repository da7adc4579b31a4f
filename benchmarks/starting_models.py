"""Starting models of refinements: incomplete, bent, or moved."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
from make_demo import without
from numpy.typing import NDArray

from adp3d.contract.errors import InputError
from adp3d.placing.target import build_target
from adp3d.structure.read import read_structure
from adp3d.structure.sequences import NamedSequence

__all__ = ["bend", "incomplete_model", "segments_to_remove", "shifted_model", "smooth_field"]

KEPT = 22
LENGTHS = (8, 12, 6, 16, 10, 20)
"""Residues kept before each removed segment, and lengths of those in turn: about a third is removed."""
BEND = 0.8
WAVES, WAVE_LENGTHS = 12, (20.0, 40.0)
"""Size of the field that bends models, its number of waves and their lengths, in angstrom."""


def segments_to_remove(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    """First and last residue number of each segment to remove from a chain with these residue numbers."""
    found: list[tuple[int, int]] = []
    start = KEPT
    while start + (length := LENGTHS[len(found) % len(LENGTHS)]) + KEPT // 2 <= len(numbers):
        found.append((numbers[start], numbers[start + length - 1]))
        start += length + KEPT
    return tuple(found)


def bend(structure: gemmi.Structure, rms: float, seed: int) -> None:
    """Move all atoms by a smooth random field of this size, in angstrom."""
    atoms = [atom for chain in structure[0] for residue in chain for atom in residue]
    xyz = np.array([atom.pos.tolist() for atom in atoms])
    for atom, position in zip(atoms, xyz + smooth_field(xyz, rms, seed), strict=True):
        atom.pos = gemmi.Position(*position)


def smooth_field(xyz: NDArray[np.float64], rms: float, seed: int) -> NDArray[np.float64]:
    """Steps (n, 3) of a smooth random field of this size at positions (n, 3), in angstrom."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(WAVES, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    wave = direction * (2 * np.pi / rng.uniform(*WAVE_LENGTHS, size=(WAVES, 1)))
    field = np.sin(xyz @ wave.T + rng.uniform(0, 2 * np.pi, WAVES)) @ rng.normal(size=(WAVES, 3))
    return np.asarray(field * (rms / np.sqrt((field**2).sum(1).mean())))


def incomplete_model(deposited: Path, path: Path, removed: tuple[tuple[int, int], ...] | None, seed: int) -> None:
    """Write the deposited model bent, and without these segments of its only protein chain (or some of our choice)."""
    structure = read_structure(deposited)
    numbers = [int(residue.seqid.num or 0) for residue in structure[0][0].get_polymer()]
    if len(structure[0]) != 1 or len(set(numbers)) != len(numbers):
        raise InputError(f"{deposited} is not one chain with plain numbers: choose another model.")
    bend(structure, BEND, seed)
    without(structure, removed or segments_to_remove(numbers)).make_mmcif_document().write_file(str(path))


def shifted_model(model: Path, deposited: Path, path: Path) -> None:
    """Write a model moved, without any turn, by its mean CA offset from the deposited one."""
    truth = build_target(read_structure(deposited), None)
    structure = read_structure(model)
    placed = build_target(structure, [NamedSequence("deposited", truth.polymer.sequence)])
    common = placed.known[:, 1] & truth.known[:, 1]
    shift = (truth.xyz[common, 1] - placed.xyz[common, 1]).mean(0)
    for chain in structure[0]:
        for residue in chain:
            for atom in residue:
                atom.pos += gemmi.Position(*shift)
    structure.make_mmcif_document().write_file(str(path))
    print(f"  starting model shifted by {np.round(shift, 2).tolist()} A onto the deposited one", flush=True)
