"""Residues that the user names, as positions in the layout of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .manager import job_manager
from .state import Layout

if TYPE_CHECKING:
    from chimerax.atomic import Residues
    from chimerax.core.session import Session

    from .job import Job

__all__ = ["fix_residues", "positions"]


def positions(layout: Layout, residues: Residues) -> list[int]:
    """Positions of residues in a layout, by chain name, number and insertion code.

    Parameters
    ----------
    layout : Layout
    residues : Residues
        Of any model with the numbering of the layout; those that the layout lacks are left out.
    """
    numbered = zip(layout.chains, layout.numbers, layout.insertion_codes, strict=True)
    places = {(chain, number, code.strip()): i for i, (chain, number, code) in enumerate(numbered)}
    labels = ((r.chain_id, int(r.number), r.insertion_code.strip()) for r in residues)
    return sorted({places[label] for label in labels if label in places})


def fix_residues(session: Session, residues: Residues, job_id: int | None, *, fixed: bool) -> Job:
    """Hold or release residues of a running job.

    Raises
    ------
    UserError
        If the job does not run yet or any more, or has none of the residues.
    """
    from chimerax.core.errors import UserError

    manager = job_manager(session)
    manager.pump()
    job = manager.get(job_id)
    if job.ended:
        raise UserError(f"ADP-3D job {job.id} does not run (it is {job.state}).")
    if job.layout is None:
        raise UserError(f"ADP-3D job {job.id} is still being prepared; try again when it runs.")
    # With several models open, '/A:5' means the job's own one.
    own = [r for r in residues if r.structure is job.model]
    found = positions(job.layout, own or residues)
    if not found:
        raise UserError(f"None of these residues is part of ADP-3D job {job.id}; name residues of its model.")
    job.fix(found, fixed)
    verb = "held" if fixed else "free"
    noun = "residue is" if len(found) == 1 else "residues are"
    session.logger.info(f"ADP-3D job {job.id}: {len(found)} {noun} {verb} now.")
    return job
