"""Accepting parts of a result: the residues that are named, as the result or another replica has them, and no others.

It goes on top of what is in the model by then, so that parts can be taken one after the other, each as a step of its
own, and edits elsewhere in the chain do not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from .accept import Acceptance, is_as_written, tell
from .accepted import Accepted, accepted_into, register_step, set_accepted
from .atoms import Address, ModelAtoms
from .attributes import Confidences
from .b_factors import with_b_factors
from .changes import Changes, find_changes, same_residue
from .edit import ModelEdit, find_residues
from .model_export import read_open_model
from .replicas import read_replicas, with_replica
from .results import input_atoms, result_atoms, result_confidence
from .secondary import known_kinds

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["accept_residues"]


def accept_residues(
    session: Session,
    job: Job,
    structure: AtomicStructure,
    addresses: Collection[Address],
    *,
    replica: int = 1,
    b_factors: str = "plausible",
) -> Acceptance:
    """Write some residues of a job's result into an open model, as one undoable step.

    Parameters
    ----------
    session : Session
    job : Job
    structure : AtomicStructure
    addresses : collection of Address
        Residues to be taken; those that the job did not change stay as they are.
    replica : int
        Which replica has them, from 1; 1 is the result.
    b_factors : str
        As in `accept_into`.

    Raises
    ------
    UserError
        If there is nothing to accept, or one of these residues was edited since; nothing is changed then.
    """
    from chimerax.core.errors import UserError

    name = f"#{structure.id_string}"
    before, result = input_atoms(job), result_atoms(job)
    if replica > 1:
        result = with_replica(result, read_replicas(job, addresses, replica)[0])
    confidence = result_confidence(job)
    result = with_b_factors(result, before, confidence, b_factors)
    if not find_changes(before, result, addresses).addresses():
        raise UserError(f"ADP-3D job {job.id} changed none of these residues of {name}; there is nothing to accept.")
    residues = find_residues(structure)
    present = read_open_model(structure, addresses)
    changes = find_changes(present, result, addresses, residues)
    if not changes.changed and not changes.inserted:
        return Acceptance(0, 0, changes.chains(), (), already=True)
    applied = accepted_into(structure)
    edited = _edited(before, present, changes, applied)
    if edited:
        raise UserError(
            f"{name} has changed since ADP-3D job {job.id} started ({tell(edited, 'was edited')}); name other "
            "residues, or undo that."
        )
    stated: Confidences = {address: confidence.get(address) for address in sorted(changes.addresses())}
    new_ones = [item.residue.address for item in changes.inserted]
    kinds = known_kinds(session, job, new_ones) if replica == 1 else None
    edit = ModelEdit(changes, b_factors == "keep", stated, secondary=kinds)
    new = Accepted(str(job.folder), job.id, edit, applied)
    edit.apply(structure, residues)
    set_accepted(structure, new.after())
    register_step(session, structure, new)
    return Acceptance(len(changes.changed), len(changes.inserted), changes.chains(), (), b_factors)


def _edited(before: ModelAtoms, present: ModelAtoms, changes: Changes, applied: Sequence[Accepted]) -> list[Address]:
    """Residues to be written that are neither as the job was given them nor as an accepted result has left them."""
    given, now = before.by_address(), present.by_address()

    def known(address: Address) -> bool:
        residue = now.get(address)
        if residue is None:  # to be made: fine where it was missing all the time, or an undo took it away again
            return address not in given
        if address in given and same_residue(before, given[address], present, residue):
            return True
        return any(is_as_written(present, residue, item.edit.changes) for item in reversed(applied))

    return [address for address in sorted(changes.addresses()) if not known(address)]
