"""Stretches of the replicas of a job, from its ensemble, in the frame of the user's model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import frames
from .atoms import Address, AtomRow, ModelAtoms, ResidueRow
from .ensemble_file import read_ensemble
from .record import Handover

if TYPE_CHECKING:
    from ..jobs.job import Job

__all__ = ["read_replicas", "with_replica"]


def read_replicas(job: Job, addresses: Collection[Address], only: int | None = None) -> list[ModelAtoms]:
    """Some residues of all replicas, the result first, in the user's model's own frame and under its chain names.

    Parameters
    ----------
    job : Job
    addresses : collection of Address
    only : int, optional
        Read this replica alone, from 1.

    Raises
    ------
    UserError
        If the job has no ensemble or no such replica, or its file was removed or damaged.
    """
    from chimerax.core.errors import UserError

    path = job.paths.get("ensemble")
    if path is None:
        raise UserError(f"ADP-3D job {job.id} has no replicas to choose from; it has not finished, or has none.")
    handover = Handover.of(job.prepared.extra)
    theirs = {mine: name for mine, name in handover.chain_names.items()}
    wanted = {(theirs.get(chain, chain), number, code) for chain, number, code in addresses}
    try:
        ensemble = read_ensemble(Path(path))
        count = len(ensemble.models)
        if only is not None and not 1 <= only <= count:
            raise UserError(f"ADP-3D job {job.id} has no replica {only}; they are numbered 1 to {count}.")
        models = [ensemble.residues(at, wanted) for at in (range(count) if only is None else (only - 1,))]
    except (OSError, ValueError) as error:
        raise UserError(f"'{path}' cannot be read ({error}); run the job again.") from error
    back = frames.invert(handover.matrix)
    return [atoms.moved(back).renamed(handover.session_chain) for atoms in models]


def with_replica(result: ModelAtoms, replica: ModelAtoms) -> ModelAtoms:
    """A result in which the residues of a replica stand in the place of its own.

    Replicas have one conformation and no B-factors: each atom gets that of the same atom of the result, or the mean of
    its residue.
    """
    there = result.by_address()
    own = (row for row in replica.residues if row.address in there)
    rows = {row.address: _placed(there[row.address], row, len(result.xyz)) for row in own}
    return result.with_rows(rows, replica.xyz)


def _placed(row: ResidueRow, other: ResidueRow, first: int) -> ResidueRow:
    known: Mapping[str, AtomRow] = {atom.name: atom for atom in reversed(row.atoms)}
    mean = float(np.mean([atom.bfactor for atom in row.atoms])) if row.atoms else 0.0
    atoms = tuple(
        replace(
            atom,
            altloc="",
            index=first + atom.index,
            occupancy=1.0,
            bfactor=known[atom.name].bfactor if atom.name in known else mean,
        )
        for atom in other.atoms
    )
    return replace(row, name=other.name, atoms=atoms)
