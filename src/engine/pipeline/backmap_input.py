"""What a backmapping is given: frames and their atoms, checked, and named as far as they are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..contract.errors import InputError
from ..contract.specification import BackmapSpec
from ..structure.coarse_grained import Beads, ca_of_beads, take_beads
from ..structure.frames import Frames, ModelFrames, TrajectoryFrames, is_trajectory
from ..structure.observed import observe_chains
from ..structure.read import READ_NOTE, read_structure
from ..structure.residues import is_protein_residue
from ..structure.sequences import parse_sequence_argument
from ..validation.geometry import d_amino_acids
from .backmap_types import ChainEnds, apply_sequences, chain_ends

__all__ = ["BackmapInput", "impossible_steps", "named", "read_input"]

_CLOSEST, _FARTHEST = 2.6, 4.2
"""Angstrom between bonded CA atoms: cis peptides have 2.95, trans ones 3.81; a peptide group stretched further has
broken bonds."""
_BRIDGED = 2.0, 2.75
"""Angstrom across one atom of a peptide group, C to CA or CA to N: ideal ones have 2.43, and bonds of 1.33 and 1.46
reach no further than 2.79."""
_SAME = 1.5
"""Angstrom: nearer than a bond, two CA atoms are one."""
_LISTED = 5
_NAMELESS = "string"
"""What the library calls PDB files without an entry's name."""
_WRONG_UNIT = 0.6
"""Angstrom: median CA-CA distance of a trace in nanometres is 0.38."""


@dataclass(frozen=True)
class BackmapInput:
    """Frames, and what their atoms are.

    Attributes
    ----------
    frames : Frames
    first : ndarray, shape (A, 3)
        Atoms of the first frame in angstrom, CA in place of beads.
    structure : gemmi.Structure
        One model, whose serial numbers are rows of the frames; coordinates of the first, types those of the sequence.
    beads : Beads or None
    ends : dict of str to ChainEnds
    is_pdb : bool
        Whether the atoms came in a PDB file.
    """

    frames: Frames
    first: NDArray[np.float64]
    structure: gemmi.Structure
    beads: Beads | None
    ends: dict[str, ChainEnds]
    is_pdb: bool


def read_input(spec: BackmapSpec, told: Callable[[str, str], None]) -> BackmapInput:
    """Read and check the input of a job.

    Parameters
    ----------
    spec : BackmapSpec
    told : callable
        Receives a sentence and its level for whatever is odd.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    path = Path(spec.model)
    moving = is_trajectory(path)
    if moving and spec.topology is None:
        raise InputError(f"'{path}' is a trajectory, which names no atoms: give its model as 'topology'.")
    if not moving and spec.topology is not None:
        raise InputError(f"'{path}' is no DCD or XTC trajectory; a model needs no 'topology'.")
    structure = read_structure(path if spec.topology is None else spec.topology, number_atoms=moving)
    if READ_NOTE in structure.info:
        told(f"In the model, {structure.info[READ_NOTE]}.", "warning")
        del structure.info[READ_NOTE]
    if structure.name in ("", _NAMELESS):
        structure.name = path.name.split(".")[0]
    template = structure.clone()
    del template[1:]
    frames: Frames
    frames = TrajectoryFrames(path, _file_order(template)) if moving else ModelFrames(structure, str(path))
    _refuse_repeated(template)
    for row, atom in enumerate(a for chain in template[0] for residue in chain for a in residue):
        atom.serial = row
    sequences = None if spec.sequence is None else parse_sequence_argument(spec.sequence)
    beads = take_beads(template[0])
    first = frames.read(0)
    if beads is not None:
        first[beads.rows] = ca_of_beads(first, beads)
    # what is bonded is read from the first frame, whatever the topology shows
    for atom in (a for chain in template[0] for residue in chain for a in residue):
        atom.pos = gemmi.Position(*first[atom.serial])
    if sequences is not None:
        changed = apply_sequences(template, sequences)
        if changed:
            told(f"{_residues(changed)} got the type that the sequence has there.", "warning")
    ends = chain_ends(template, sequences)
    _tell_odd(template, told)
    return BackmapInput(frames, first, template, beads, ends, template.input_format == gemmi.CoorFormat.Pdb)


def impossible_steps(atoms: NDArray[np.float64], bonded: NDArray[np.bool_], backbones: NDArray[np.bool_]) -> list[int]:
    """Residues from which no peptide group of usual lengths can be built to the next, although they are bonded.

    Parameters
    ----------
    atoms : ndarray, shape (N, 14, 3)
        In angstrom, atom14 order; N and C of residues without a backbone mean nothing.
    bonded : ndarray of bool, shape (N,)
        Whether a residue is bonded to the next one.
    backbones : ndarray of bool, shape (N,)
        Residues whose backbone is built, so that only their CA is given.
    """
    n, ca, c = atoms[:, 0], atoms[:, 1], atoms[:, 2]
    here, ahead = backbones[:-1], backbones[1:]

    def outside(one: NDArray[np.float64], other: NDArray[np.float64], least: float, most: float) -> NDArray[np.bool_]:
        apart = np.linalg.norm(other[1:] - one[:-1], axis=-1)
        return np.asarray((apart < least) | (apart > most))

    wrong = here & outside(ca, ca, _CLOSEST, _FARTHEST)
    wrong |= ~here & ahead & outside(c, ca, *_BRIDGED)
    wrong |= here & ~ahead & outside(ca, n, *_BRIDGED)
    return np.flatnonzero(bonded[:-1] & wrong).tolist()


def named(rows: list[int], labels: tuple[tuple[str, int, str], ...], names: tuple[str, ...]) -> str:
    """Residues as the user knows them, the first few of many."""
    return _residues([f"{labels[i][0]} {labels[i][1]}{labels[i][2]} {names[i]}" for i in rows])


def _residues(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _file_order(structure: gemmi.Structure) -> list[int]:
    """Row in the file of each atom of the first model: reading may have brought parts of a chain together."""
    serials = [atom.serial for chain in structure[0] for residue in chain for atom in residue]
    return [int(row) for row in np.argsort(np.argsort(serials))]


def _refuse_repeated(structure: gemmi.Structure) -> None:
    for chain in structure[0]:
        seen: set[str] = set()
        for residue in chain:
            if not is_protein_residue(residue):
                continue
            label = f"{chain.name} {residue.seqid} {residue.name}"
            twice = [name for (name, _), n in Counter((a.name, a.altloc) for a in residue).items() if n > 1]
            if twice:
                raise InputError(
                    f"Residue {label} has the atom {twice[0]} more than once; leave one, or give the residues "
                    "different numbers."
                )
            if str(residue.seqid) + residue.name in seen:
                raise InputError(f"There are two residues {label}; give them different numbers or chains.")
            seen.add(str(residue.seqid) + residue.name)


def _tell_odd(structure: gemmi.Structure, told: Callable[[str, str], None]) -> None:
    """Tell gaps, mirrored residues and residues without CA; refuse traces that are none."""
    gaps: list[str] = []
    lost: list[str] = []
    mirrored: list[str] = []
    steps: list[float] = []
    for chain in observe_chains(structure):
        labels = [chain.label(row) for row in range(len(chain))]
        lost += [label for label, ca in zip(labels, chain.xyz[:, 1], strict=True) if not np.isfinite(ca).all()]
        distance = chain.ca_steps
        steps += distance[np.isfinite(distance)].tolist()
        for row in np.flatnonzero(distance < _SAME):
            if np.nanmedian(distance) > _WRONG_UNIT:
                raise InputError(
                    f"The CA atoms of {labels[row]} and {labels[row + 1]} are {distance[row]:.2f} A apart, so that no "
                    "chain leads through them; correct the trace."
                )
        gaps += [f"{labels[row]} and {labels[row + 1]}" for row in np.flatnonzero(~chain.bonded)]
        five = [structure[0][s.chain][s.residue].find_atom("CB", "*") for s in chain.sources]
        beta = np.array([[np.nan] * 3 if atom is None else atom.pos.tolist() for atom in five])
        mirrored += [labels[row] for row in np.flatnonzero(d_amino_acids(chain.xyz, beta))]
    if steps and np.median(steps) < _WRONG_UNIT:
        raise InputError(
            f"The CA atoms of neighbours are {np.median(steps):.2f} A apart, so the coordinates seem to be in "
            "nanometres; multiply them by ten."
        )
    if len(steps) > 1 and len(gaps) == len(steps):
        raise InputError(
            f"No two CA atoms of neighbours are near enough for a peptide bond (their median distance is "
            f"{np.median(steps):.1f} A, a bond has 3.8); give a trace with one bead for each residue."
        )
    if lost:
        told(f"Without a CA, nothing can be built of {_residues(lost)}.", "warning")
    if gaps:
        told(f"The chain is broken between {_residues(gaps)}: what is missing there is not built.", "warning")
    if mirrored:
        told(
            f"{_residues(mirrored)} have the hand of D-amino acids: they stay where their side chains are whole, and "
            "are built as L-amino acids where not.",
            "warning",
        )
