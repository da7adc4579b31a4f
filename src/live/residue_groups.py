"""Residues of a job by what became of them: new, moved, held, doubtful."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..engine.contract.segments import MOVED_BY
from ..handover.atoms import Address
from ..handover.record import Handover
from ..handover.residue_values import ResidueValues, read_residue_values
from ..handover.segments import addresses_of, read_segments
from ..jobs.selection import held_positions

if TYPE_CHECKING:
    from ..jobs.job import Job

__all__ = ["GROUPS", "HELD", "NEW", "residues_of_group"]

NEW, HELD = "adp3d-new", "adp3d-held"

_DOUBTED = 50.0
"""Confidence, 0 to 100, below which a residue is in doubt whatever else is said of it: the replicas are 2 angstrom
apart."""


def residues_of_group(job: Job, name: str) -> set[Address]:
    """Residues of one of `GROUPS`, under the chain names of the user's model.

    Of a job without a result they are those that are known by then.

    Raises
    ------
    UserError
        If files of the job were removed or damaged.
    """
    return GROUPS[name](job)


def _new(job: Job) -> set[Address]:
    """Those that the starting model lacks."""
    layout = job.layout
    if job.result is not None and "residues" in job.paths:
        values = read_residue_values(job)
        return {address for address, way in _ways(values).items() if way is None}
    if layout is None:
        return set()
    return {address for address, known in zip(_addresses(job), layout.known, strict=True) if not known}


def _moved(job: Job) -> set[Address]:
    """Those whose CA atom lies `MOVED_BY` or more from where the starting model has it."""
    if job.result is None or "residues" not in job.paths:
        return set()
    ways = _ways(read_residue_values(job))
    return {address for address, way in ways.items() if way is not None and way >= MOVED_BY}


def _held(job: Job) -> set[Address]:
    """Those that a job which goes on holds, from its start (``keep``) or since ``adp3d fix``."""
    if job.layout is None or not job.state.active:
        return set()
    addresses = _addresses(job)
    return {addresses[row] for row in held_positions(job)}


def _doubtful(job: Job) -> set[Address]:
    """Those of stretches with something against them, and those of little confidence."""
    if job.result is None:
        return set()
    found: set[Address] = set()
    if "segments" in job.paths:
        found = {address for one in read_segments(job) if one.trouble > 0 for address in addresses_of(one)}
    if "residues" in job.paths:
        values = read_residue_values(job)
        confidence = values.figures.get("confidence")
        if confidence is not None:
            found |= {one for one, value in zip(values.addresses, confidence, strict=True) if value < _DOUBTED}
    return found


GROUPS: Mapping[str, Callable[[Job], set[Address]]] = {
    NEW: _new,
    "adp3d-moved": _moved,
    HELD: _held,
    "adp3d-doubtful": _doubtful,
}
"""How the residues are found, by the names that ChimeraX selects them by; the descriptions are in bundle_info.xml."""


def _ways(values: ResidueValues) -> dict[Address, float | None]:
    """How far each residue moved, in angstrom; None for those that the starting model lacks."""
    ways = values.figures.get("displacement")
    if ways is None:  # nothing of the job was there before, or the job has no starting model
        return dict.fromkeys(values.addresses, None)
    return {one: float(way) if way == way else None for one, way in zip(values.addresses, ways, strict=True)}


def _addresses(job: Job) -> list[Address]:
    """Residues of a job that has a layout, in its order."""
    assert job.layout is not None
    layout, rename = job.layout, Handover.of(job.prepared.extra).session_chain
    rows = zip(layout.chains, layout.numbers, layout.insertion_codes, strict=True)
    return [(rename(chain), int(number), code.strip()) for chain, number, code in rows]
