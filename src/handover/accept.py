"""Accepting a result: into the user's model as one step that can be undone, if nothing speaks against it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .accepted import Accepted, accepted_into, register_step, set_accepted
from .atoms import MOVED, Address, ModelAtoms, ResidueRow
from .attributes import CONFIDENCE_ATTRIBUTE, Confidences
from .b_factors import B_FACTORS, with_b_factors
from .changes import Changes, find_changes
from .edit import ModelEdit
from .model_export import read_open_model
from .results import input_atoms, result_atoms, result_confidence
from .secondary import known_kinds

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = [
    "B_FACTORS",
    "Acceptance",
    "accept_into",
    "is_accepted",
    "is_as_written",
    "obstacle",
    "problems",
    "tell",
]

_SAME = 1e-3
"""Angstrom within which an atom is where a result has it."""


@dataclass(frozen=True)
class Acceptance:
    """What accepting did.

    Parameters
    ----------
    changed, inserted : int
        Residues whose atoms moved, and residues that are new.
    chains : tuple of str
        Chains concerned.
    replaced : tuple of int
        Jobs whose accepted results this one replaced; 0 for one that is not listed any more.
    b_factors : str
        What the B-factors of the residues are now: one of `B_FACTORS`.
    already : bool
        Whether the result was in the model before, so that nothing was done.
    """

    changed: int
    inserted: int
    chains: tuple[str, ...]
    replaced: tuple[int, ...]
    b_factors: str = "plausible"
    already: bool = False

    def sentence(self, job_id: int, model: str, replica: int = 0) -> str:
        """Say what was done; of a part, with the replica that it comes from (1: the result), else 0."""
        if self.already:
            what = "These residues" if replica else "The result"
            return (
                f"{what} of ADP-3D job {job_id} {'are' if replica else 'is'} already in {model}; nothing was changed."
            )
        source = {0: "Result", 1: "Part of the result"}.get(replica, f"Part of replica {replica}")
        text = (
            f"{source} of ADP-3D job {job_id} is written into {model}: {self.changed} residues moved, "
            f"{self.inserted} new, in chain {', '.join(self.chains)}. 'undo' takes all of it back."
        )
        if self.replaced:
            listed = [str(number) for number in self.replaced if number]
            earlier = ["an earlier job"] if 0 in self.replaced else []
            jobs = [f"job {', '.join(listed)}"] if listed else []
            text += f" It replaces what {' and '.join(jobs + earlier)} had written there."
        if self.b_factors == "confidence":
            text += " Their B-factors are now the confidence, 0 to 100."
        return f"{text} The confidence of each residue is its attribute {CONFIDENCE_ATTRIBUTE}."


def accept_into(session: Session, job: Job, structure: AtomicStructure, *, b_factors: str = "plausible") -> Acceptance:
    """Write a job's result into an open model, as one undoable step.

    Only residues that the job moved or made are touched; all others keep their atoms to the last bit. What
    another job wrote into the same residues before, and was accepted, is replaced, also if that was in an earlier
    session, unless these residues were changed since. A job that was prepared after it goes on from it instead. A
    result that is in the model but not known to have been accepted is recognised by its coordinates, and left as
    it is.

    Parameters
    ----------
    session : Session
    job : Job
    structure : AtomicStructure
    b_factors : str
        ``plausible``: those of the result; ``confidence``: its confidence, 0 to 100, for every atom of the
        residues; ``keep``: atoms that were there keep theirs, and only new ones have those of the result.

    Raises
    ------
    UserError
        If the model is not any more what the job started from, in the residues concerned.
    """
    from chimerax.core.errors import UserError

    confidence = result_confidence(job)
    before = input_atoms(job)
    changes = find_changes(before, with_b_factors(result_atoms(job), before, confidence, b_factors))
    name = f"#{structure.id_string}"
    _refuse_lost(job, changes, name)
    if not changes.changed and not changes.inserted:
        raise UserError(f"ADP-3D job {job.id} changed nothing in {name}; there is nothing to accept.")
    applied = accepted_into(structure)
    present = read_open_model(structure)
    if not problems(before, present, changes):
        taken_back: tuple[Accepted, ...] = ()
    elif all(item.folder != str(job.folder) for item in applied) and _is_in(present, changes):
        return Acceptance(0, 0, changes.chains(), (), already=True)
    else:
        found = _in_the_way(applied, before, present, changes)
        if not found:
            found, taken_back = _take_back(structure, applied, before, changes)
        if found:
            raise UserError(
                f"{name} has changed since ADP-3D job {job.id} started ({_few(found)}); take parts of the result with "
                f"'adp3d accept {job.id} residues ...' or all of it as a model of its own with 'adp3d accept {job.id} "
                "newModel true', or run the job again."
            )
    stated: Confidences = {address: confidence.get(address) for address in sorted(changes.addresses())}
    new_ones = [item.residue.address for item in changes.inserted]
    edit = ModelEdit(changes, b_factors == "keep", stated, secondary=known_kinds(session, job, new_ones))
    new = Accepted(str(job.folder), job.id, edit, applied, taken_back)
    new.edit.apply(structure)
    set_accepted(structure, new.after())
    register_step(session, structure, new)
    replaced = tuple(sorted({item.job_id for item in taken_back}))
    return Acceptance(len(changes.changed), len(changes.inserted), changes.chains(), replaced, b_factors)


def is_accepted(job: Job, structure: AtomicStructure) -> bool:
    """Whether a model is where the job's result is, in every residue that the job changed or made.

    Raises
    ------
    UserError
        If the files of the job were removed or damaged.
    """
    changes = find_changes(input_atoms(job), result_atoms(job))
    return bool(changes.chains()) and _is_in(read_open_model(structure), changes)


def obstacle(job: Job, structure: AtomicStructure) -> str:
    """What is in the way of accepting a job's result into a model, in words; '' if nothing is.

    Raises
    ------
    UserError
        If the files of the job were removed or damaged.
    """
    before = input_atoms(job)
    changes = find_changes(before, result_atoms(job))
    if changes.lost:
        return tell(changes.lost, "changes")
    present = read_open_model(structure)
    if not problems(before, present, changes):
        return ""
    return _few(_in_the_way(accepted_into(structure), before, present, changes))


def problems(before: ModelAtoms, now: ModelAtoms, changes: Changes, apart_from: Collection[Address] = ()) -> list[str]:
    """What makes it unsafe to write changes into a model, in words; empty if nothing does.

    The model must still have, unmoved, every residue that the job changed, and none at the addresses of those
    that it made. Anything else may have changed: colours, styles, positions of the whole model, ligands,
    waters and chains that the job left alone. Residues at the addresses ``apart_from`` are not looked at.
    """
    old, present = before.by_address(), now.by_address()
    gone, other, moved, taken = [], [], [], []
    for address in changes.changed:
        if address in apart_from:
            continue
        residue = present.get(address)
        if residue is None:
            gone.append(address)
        elif residue.name != old[address].name or residue.conformers().keys() != old[address].conformers().keys():
            other.append(address)
        else:
            ours = old[address].conformers()
            rows = [(atom.index, ours[key].index) for key, atom in residue.conformers().items()]
            apart = now.xyz[[i for i, _ in rows]] - before.xyz[[j for _, j in rows]]
            if rows and np.abs(apart).max() > MOVED:
                moved.append(address)
    made = [item.residue.address for item in changes.inserted]
    taken = [address for address in made if address in present and address not in apart_from]
    counted = (
        (gone, "deleted or renumbered"),
        (other, "has other atoms"),
        (moved, "was moved"),
        (taken, "is there by now"),
    )
    return [tell(addresses, what) for addresses, what in counted if addresses]


def _in_the_way(applied: Sequence[Accepted], before: ModelAtoms, present: ModelAtoms, changes: Changes) -> list[str]:
    """Why taking back earlier accepted results would not make room for changes, as far as can be told untouched."""
    ours = changes.addresses()
    overlapping = [item for item in applied if item.edit.changes.addresses() & ours]
    if not overlapping:
        return problems(before, present, changes)
    theirs = set().union(*(item.edit.changes.addresses() for item in overlapping))
    found = problems(before, present, changes, apart_from=theirs)
    newest = applied[-1]
    if not found and newest in overlapping and not _is_in(present, newest.edit.changes):
        found = [_edited(newest)]
    return found


def _take_back(
    structure: AtomicStructure, applied: Sequence[Accepted], before: ModelAtoms, changes: Changes
) -> tuple[list[str], tuple[Accepted, ...]]:
    """Take earlier accepted results back, the newest first, until there is room for changes.

    Returns
    -------
    found : list of str
        What is still in the way; then the model is as it was.
    taken_back : tuple of Accepted
    """
    ours, taken_back = changes.addresses(), list[Accepted]()
    present = read_open_model(structure)
    found = problems(before, present, changes)
    for item in reversed(applied):
        if not found:
            break
        if not set(item.edit.changes.chains()) & set(changes.chains()):
            continue
        if not item.edit.changes.addresses() & ours:
            # chains go back as a whole: a later result elsewhere in this one would be lost with them
            found = [f"a later result, of {_job(item)}, is in chain {', '.join(item.edit.changes.chains())}"]
            break
        if not _is_in(present, item.edit.changes):
            found = [_edited(item)]
            break
        item.edit.revert(structure)
        taken_back.append(item)
        present = read_open_model(structure)
        found = problems(before, present, changes)
    if found:
        for item in reversed(taken_back):
            item.edit.apply(structure)
    return found, tuple(taken_back)


def _job(item: Accepted) -> str:
    return f"job {item.job_id}" if item.job_id else "an earlier job"


def _edited(item: Accepted) -> str:
    return f"residues of {_job(item)}'s accepted result were changed since"


def is_as_written(now: ModelAtoms, residue: ResidueRow, changes: Changes) -> bool:
    """Whether a residue of a model is one that changes wrote, and as they have it."""
    made = (item.residue for item in changes.inserted if item.residue.address == residue.address)
    row = changes.changed.get(residue.address) or next(made, None)
    return row is not None and _has(now, residue, changes.result, row)


def _is_in(now: ModelAtoms, changes: Changes) -> bool:
    """Whether a model has everything that a job changed or made where the result has it."""
    present = now.by_address()
    wanted = [*changes.changed.values(), *(item.residue for item in changes.inserted)]
    return all(row.address in present and _has(now, present[row.address], changes.result, row) for row in wanted)


def _has(now: ModelAtoms, residue: ResidueRow, result: ModelAtoms, row: ResidueRow) -> bool:
    """Whether a residue is as the result has it; conformations that the result does not know lie in one place."""
    if residue.name != row.name or residue.names() != row.names():
        return False
    places = row.conformers()
    first = {atom.name: atom for atom in reversed(row.atoms)}
    pairs = [(atom.index, places.get((atom.name, atom.altloc), first[atom.name]).index) for atom in residue.atoms]
    apart = now.xyz[[i for i, _ in pairs]] - result.xyz[[j for _, j in pairs]]
    return bool((np.abs(apart) < _SAME).all())


def _refuse_lost(job: Job, changes: Changes, name: str) -> None:
    from chimerax.core.errors import UserError

    if changes.lost:
        raise UserError(
            f"The result of ADP-3D job {job.id} joins or renumbers residues of {name} "
            f"({tell(changes.lost, 'changes')}), which cannot be written into it; take it as a model of its own "
            f"with 'adp3d accept {job.id} newModel true'."
        )


def tell(addresses: Sequence[Address], what: str) -> str:
    """What is the matter with residues, by the first of them and their number."""
    chain, number, code = addresses[0]
    more = len(addresses) - 1
    others = f" and {more} more" if more else ""
    return f"residue {chain or '?'} {number}{code} {what}{others}"


def _few(found: Sequence[str]) -> str:
    return "; ".join(found)
