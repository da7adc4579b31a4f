"""Names that ChimeraX selects residues of jobs by, such as ``select adp3d-new``."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..handover.accepted import accepted_into
from ..handover.atoms import Address
from ..handover.results import result_model
from ..jobs.manager import job_manager
from .residue_groups import HELD, residues_of_group
from .views import views_of

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure, Residues
    from chimerax.core.logger import Logger
    from chimerax.core.models import Model
    from chimerax.core.objects import Objects
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["register_group", "residues_shown"]


def register_group(name: str, description: str, logger: Logger) -> None:
    """Make one of the groups of residues known to ChimeraX as a specifier.

    What it means is found when it is used, so that nothing is to be kept up to date or taken away.
    """
    from chimerax.core.commands import register_selector

    def find(session: Session, models: Collection[Model], results: Objects) -> None:
        for job in job_manager(session).jobs:
            for residues in residues_shown(session, job, name):
                structure = residues[0].structure
                if structure in models:
                    results.add_model(structure)
                    results.add_atoms(residues.atoms, bonds=True)

    register_selector(name, find, logger, desc=description)


def residues_shown(session: Session, job: Job, name: str) -> list[Residues]:
    """Residues of a group in each model that shows the job and is shown: result, live model, and the job's own model.

    That one has the residues that were accepted into it, and those that are held. What cannot be read of a job is told
    as a warning: an error would look like one of ChimeraX.
    """
    from chimerax.atomic import Residues
    from chimerax.core.errors import UserError

    try:
        group = residues_of_group(job, name)
    except UserError as error:
        session.logger.warning(str(error))
        return []
    found = []
    for model, limit in _models(session, job):
        addresses = group if limit is None or name == HELD else group & limit
        there = (model.find_residue(chain, number, code or " ") for chain, number, code in sorted(addresses))
        residues = [residue for residue in there if residue is not None]
        if residues:
            found.append(Residues(residues))
    return found


def _models(session: Session, job: Job) -> list[tuple[AtomicStructure, set[Address] | None]]:
    """Models that are shown, and the residues in them that come from the job; None for all."""
    view = views_of(session).get(job.id)
    own = (result_model(session, job), None if view is None else view.best)
    found: list[tuple[AtomicStructure, set[Address] | None]] = [
        (model, None) for model in own if model is not None and not model.deleted and model.display
    ]
    if job.model is not None and job.model.display:
        edits = [item.edit for item in accepted_into(job.model) if item.folder == str(job.folder)]
        found.append((job.model, set().union(*(edit.changes.addresses() for edit in edits))))
    return found
