"""Atoms of a model that a job does not move, but whose density is not free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from .observed import BACKBONE_ATOMS
from .symmetry import apply, inverse

__all__ = ["OtherAtoms", "other_atoms", "other_scatterers"]

Label = tuple[str, int, str]


@dataclass(frozen=True)
class OtherAtoms:
    """K heavy atoms that are not the job's.

    Attributes
    ----------
    xyz : ndarray, shape (K, 3)
        In angstrom.
    elements : tuple of str, length K
    occupancy : ndarray, shape (K,)
    """

    xyz: NDArray[np.float64]
    elements: tuple[str, ...]
    occupancy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.elements)

    def only(self, chosen: NDArray[np.bool_]) -> OtherAtoms:
        """Those that are chosen, shape (K,)."""
        rows = np.flatnonzero(chosen)
        return OtherAtoms(self.xyz[rows], tuple(self.elements[row] for row in rows), self.occupancy[rows])

    def averaged(self, operators: NDArray[np.float64]) -> OtherAtoms:
        """What they look like in the mean of a map over copies: as atoms around the first one, each partly there.

        Parameters
        ----------
        operators : ndarray, shape (n, 3, 4)
            That take the first copy to each of those in the mean.
        """
        moved = [apply(inverse(operator), self.xyz) for operator in operators]
        n = len(operators)
        return OtherAtoms(np.concatenate(moved), self.elements * n, np.tile(self.occupancy, n) / n)


def other_atoms(
    structure: gemmi.Structure, labels: Sequence[Label], with_side_chains: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Atoms of the first model beside the job's backbone, (K, 3), in angstrom; no waters.

    Parameters
    ----------
    structure : gemmi.Structure
        The user's model.
    labels : sequence of (str, int, str)
        Chain, number and insertion code of the job's N residues.
    with_side_chains : ndarray of bool, shape (N,)
        Residues of the job whose side chains count. All of what is not the job's (ligands, nucleic acids, other
        chains) does anyway.
    """
    found = _others(structure, labels, with_side_chains)
    return np.array([atom.pos.tolist() for atom in found], dtype=np.float64).reshape(-1, 3)


def other_scatterers(structure: gemmi.Structure, labels: Sequence[Label]) -> OtherAtoms:
    """Atoms of the first model that are not of the job's residues, as they scatter.

    No waters, no hydrogens, and no elements of which that is not known.

    Parameters
    ----------
    structure : gemmi.Structure
        The user's model.
    labels : sequence of (str, int, str)
        Chain, number and insertion code of the job's N residues.
    """
    atoms = [
        atom
        for atom in _others(structure, labels, np.zeros(len(labels), bool))
        if not atom.is_hydrogen() and atom.element.name != "X" and atom.element.c4322 is not None
    ]
    return OtherAtoms(
        np.array([atom.pos.tolist() for atom in atoms], dtype=np.float64).reshape(-1, 3),
        tuple(atom.element.name for atom in atoms),
        np.array([atom.occ for atom in atoms], dtype=np.float64),
    )


def _others(
    structure: gemmi.Structure, labels: Sequence[Label], with_side_chains: NDArray[np.bool_]
) -> Iterator[gemmi.Atom]:
    job: dict[tuple[str, int | None, str], int] = {
        (chain, number, icode.strip()): i for i, (chain, number, icode) in enumerate(labels)
    }
    for chain in structure[0]:
        for residue in chain:
            row = job.get((chain.name, residue.seqid.num, residue.seqid.icode.strip()))
            if residue.is_water() or (row is not None and not with_side_chains[row]):
                continue
            yield from (atom for atom in residue if row is None or atom.name not in BACKBONE_ATOMS)
