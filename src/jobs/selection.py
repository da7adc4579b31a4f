"""Residues that the user names, as positions in the layout of a job."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .manager import job_manager
from .state import Layout

if TYPE_CHECKING:
    from chimerax.atomic import Residue, Residues
    from chimerax.core.session import Session

    from .job import Job

__all__ = ["fix_residues", "held_positions", "kept_positions", "positions"]

_KEPT = re.compile(r"(?P<chain>[^:]+)(:(?P<first>-?\d+)(?P<code>[A-Za-z]?)(-(?P<last>-?\d+))?)?")
"""One item of the setting ``keep``: ``A:12-40``, ``B:7``, ``C``."""


def positions(layout: Layout, residues: Iterable[Residue]) -> list[int]:
    """Positions of residues in a layout, by chain name, number and insertion code.

    Parameters
    ----------
    layout : Layout
    residues : iterable of Residue
        Of any model with the numbering of the layout; those that the layout lacks are left out.
    """
    numbered = zip(layout.chains, layout.numbers, layout.insertion_codes, strict=True)
    places = {(chain, number, code.strip()): i for i, (chain, number, code) in enumerate(numbered)}
    labels = ((r.chain_id, int(r.number), r.insertion_code.strip()) for r in residues)
    return sorted({places[label] for label in labels if label in places})


def kept_positions(layout: Layout, keep: Iterable[str]) -> set[int]:
    """Positions of the residues that a job holds from its start, as its setting ``keep`` names them."""
    found: set[int] = set()
    for match in filter(None, map(_KEPT.fullmatch, keep)):
        first, code = match["first"], match["code"] or ""
        low = float("-inf") if first is None else int(first)
        high = float("inf") if first is None else int(match["last"] or first)
        numbered = enumerate(zip(layout.chains, layout.numbers, layout.insertion_codes, strict=True))
        found.update(
            i
            for i, (chain, number, own) in numbered
            if chain == match["chain"] and low <= number <= high and (not code or own.strip() == code)
        )
    return found


def held_positions(job: Job) -> frozenset[int]:
    """Positions of the residues that a job holds: those that it keeps from its start, and what was changed since."""
    if job.layout is None:
        return frozenset()
    if job.held is None:
        return frozenset(kept_positions(job.layout, job.prepared.spec.get("keep") or ()))
    return frozenset(job.held)


def fix_residues(session: Session, residues: Residues, job_id: int | None, *, fixed: bool) -> Job:
    """Hold or release residues of a running job.

    Raises
    ------
    UserError
        If the job does not run yet or any more, or has none of the residues; if none that is to be released is held.
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
    before = held_positions(job)
    concerned = set(found) - before if fixed else before.intersection(found)
    if not concerned and not fixed:
        raise UserError(f"None of these residues is held in ADP-3D job {job.id}; 'adp3d fix' holds residues.")
    job.fix(found, fixed)
    job.held = {*before, *found} if fixed else {*before.difference(found)}
    session.logger.info(f"ADP-3D job {job.id}: {_change(len(concerned), len(before), fixed)}")
    return job


def _change(changed: int, before: int, fixed: bool) -> str:
    """Say how many residues changed, and how many are held now."""
    noun = "residue" if changed == 1 else "residues"
    if not fixed:
        left = before - changed
        return f"{changed} {noun} released; {left or 'none'} {'is' if left == 1 or not left else 'are'} still held."
    return f"{changed} {noun} held; {before + changed} {'is' if before + changed == 1 else 'are'} held in all."
