"""Residues that the user names, as positions in the layout of a job."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .state import Layout

if TYPE_CHECKING:
    from chimerax.atomic import Residue

    from .job import Job

__all__ = ["held_positions", "kept_positions", "positions"]

_KEPT = re.compile(r"(?P<chain>[^:]+)(:(?P<first>-?\d+)(?P<code>[A-Za-z]?)(-(?P<last>-?\d+))?)?")
"""One item of the setting ``keep``: ``A:12-40``, ``B:7``, ``C``."""


def positions(layout: Layout, residues: Iterable[Residue]) -> list[int]:
    """Positions of residues in a layout, by chain name, number and insertion code.

    Parameters
    ----------
    layout : Layout
    residues : iterable of Residue
        Of any model with the chain names and numbering of the layout; those that the layout lacks are left out.
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
