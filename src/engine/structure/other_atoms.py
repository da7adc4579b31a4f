"""Atoms of a model that a job does not move, but whose density is not free."""

from __future__ import annotations

from collections.abc import Sequence

import gemmi
import numpy as np
from numpy.typing import NDArray

from .observed import BACKBONE_ATOMS

__all__ = ["other_atoms"]


def other_atoms(
    structure: gemmi.Structure, labels: Sequence[tuple[str, int, str]], with_side_chains: NDArray[np.bool_]
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
    job: dict[tuple[str, int | None, str], int] = {
        (chain, number, icode.strip()): i for i, (chain, number, icode) in enumerate(labels)
    }
    positions = []
    for chain in structure[0]:
        for residue in chain:
            row = job.get((chain.name, residue.seqid.num, residue.seqid.icode.strip()))
            if residue.is_water() or (row is not None and not with_side_chains[row]):
                continue
            positions += [a.pos.tolist() for a in residue if row is None or a.name not in BACKBONE_ATOMS]
    return np.array(positions, dtype=np.float64).reshape(-1, 3)
