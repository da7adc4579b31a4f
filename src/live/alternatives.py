"""The replicas' traces of one stretch, beside the result, to choose from."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..engine.contract.segments import Alternative, Segment
from ..handover.atoms import ModelAtoms
from ..handover.colouring import REPLICA_COLOURS
from ..handover.replicas import read_replicas
from ..handover.segments import addresses_of

if TYPE_CHECKING:
    from chimerax.atomic import AtomicStructure
    from chimerax.core.models import Model
    from chimerax.core.session import Session

    from ..jobs.job import Job

__all__ = ["alternative_words", "close_alternatives", "open_alternatives"]

_ATTRIBUTE = "_adp3d_alternatives"
_BACKBONE = (("N", "CA"), ("CA", "C"), ("C", "O"))
_PEPTIDE_BOND = 2.2
"""Longest distance C to N, in angstrom, that is bonded."""


def open_alternatives(session: Session, job: Job, segment: Segment, place: AtomicStructure) -> Model:
    """Open the backbones of all replicas but the result, of one stretch, as a group of models.

    Parameters
    ----------
    session : Session
    job : Job
    segment : Segment
    place : AtomicStructure
        Model in whose frame the stretch is shown.

    Raises
    ------
    UserError
        If there is no other replica.
    """
    from chimerax.core.errors import UserError

    close_alternatives(session)
    if len(segment.alternatives) < 2:
        raise UserError(f"ADP-3D job {job.id} has one replica only; run it with more to have alternatives.")
    replicas = read_replicas(job, addresses_of(segment))
    made = [
        _trace(session, replicas[one.replica - 1], one)
        for one in segment.alternatives
        if 1 < one.replica <= len(replicas)
    ]
    group = session.models.add_group(made, name=f"{segment.name}, other replicas")
    group.position = place.scene_position
    group.SESSION_SAVE = False  # a look at other replicas: in a restored session nothing would close it
    setattr(session, _ATTRIBUTE, group)
    return group


def close_alternatives(session: Session) -> None:
    """Close what `open_alternatives` has opened, if it is there."""
    group: Model | None = getattr(session, _ATTRIBUTE, None)
    if group is not None:
        delattr(session, _ATTRIBUTE)
        if not group.deleted:
            session.models.close([group])


def alternative_words(one: Alternative) -> str:
    """What tells an alternative from the others."""
    fit = "" if one.fit is None else f"fit {one.fit:.2f}"
    energy = "" if one.energy is None else f"energy {one.energy:.2f}"
    away = "the result" if one.replica == 1 else f"{one.away:.1f} \u00c5 from the result"
    return ", ".join(filter(None, (fit, energy, away)))


def _trace(session: Session, atoms: ModelAtoms, one: Alternative) -> AtomicStructure:
    """Backbone sticks of a replica."""
    from chimerax.atomic import Atom, AtomicStructure

    name = f"replica {one.replica}: {alternative_words(one)}"
    model = AtomicStructure(session, name=name, auto_style=False, log_info=False)
    made: list[dict[str, tuple[Atom, int]]] = []  # atoms with their rows
    for row in atoms.residues:
        residue = model.new_residue(row.name, *row.address[:2], row.address[2] or " ")
        own: dict[str, tuple[Atom, int]] = {}
        for atom in row.atoms:
            if atom.name in ("N", "CA", "C", "O"):
                new = model.new_atom(atom.name, atom.element)
                residue.add_atom(new)
                own[atom.name] = new, atom.index
        for first, second in _BACKBONE:
            if first in own and second in own:
                model.new_bond(own[first][0], own[second][0])
        made.append(own)
    for before, after in pairwise(made):
        if "C" in before and "N" in after:
            (carbon, at), (nitrogen, other) = before["C"], after["N"]
            if np.linalg.norm(atoms.xyz[at] - atoms.xyz[other]) < _PEPTIDE_BOND:
                model.new_bond(carbon, nitrogen)
    # all at once: to ChimeraX's editing of single atoms the same takes three times as long
    rows = [row for own in made for _, row in own.values()]
    model.atoms.coords = np.array(atoms.xyz[rows], dtype=np.float64)
    model.atoms.serial_numbers = np.arange(1, len(rows) + 1, dtype=np.int32)
    model.atoms.draw_modes = Atom.STICK_STYLE
    model.atoms.colors = np.array((*REPLICA_COLOURS[(one.replica - 2) % len(REPLICA_COLOURS)], 255), dtype=np.uint8)
    return model
