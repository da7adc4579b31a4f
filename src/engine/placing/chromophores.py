"""Residues of a result that stand for several of the job, such as the chromophores of fluorescent proteins."""

from __future__ import annotations

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..structure.observed import BACKBONE_ATOMS, preferred_altloc
from .b_factors import AtomB
from .target import Target

__all__ = ["moved_chromophore", "own_row", "parts_of_chromophores"]


def parts_of_chromophores(target: Target) -> dict[int, list[int]]:
    """Rows that show one residue that moves as a whole, such as a chromophore, by each of them."""
    at: dict[tuple[int, int], list[int]] = {}
    for row, source in enumerate(target.sources):
        if source is not None and source.rigid and target.names[row] == source.name:
            at.setdefault(source.place, []).append(row)
    return {row: rows for rows in at.values() for row in rows}


def own_row(template: gemmi.Model, target: Target, rows: list[int]) -> int:
    """Return the row of a chromophore whose label it has in the result: that of its own number, or the middle one."""
    source = target.sources[rows[0]]
    assert source is not None
    seqid = template[source.chain][source.residue].seqid
    own = (seqid.num or 0, seqid.icode.strip())
    return next((row for row in rows if target.labels[row][1:] == own), rows[len(rows) // 2])


def moved_chromophore(
    template: gemmi.Model, target: Target, rows: list[int], xyz: NDArray[np.float64], b_of: AtomB, keep: bool
) -> gemmi.Residue:
    """Build a residue that moves as a whole, or stands for several: the template's, superposed by least squares."""
    source = target.sources[rows[0]]
    assert source is not None
    old = template[source.chain][source.residue]
    residue = old.clone()
    _, number, icode = target.labels[own_row(template, target, rows)]
    residue.seqid = gemmi.SeqId(number, icode or " ")
    residue.entity_type = gemmi.EntityType.Polymer
    if not keep:
        before, after = [], []
        for row in rows:
            part = target.sources[row]
            for slot, name in enumerate(BACKBONE_ATOMS):
                atom = _conformer_atom(old, f"{name}{part.suffix}") if part is not None else None
                if atom is not None:
                    before.append(atom.pos)
                    after.append(gemmi.Position(*xyz[row, slot].tolist()))
        if len(before) > 2:
            motion = gemmi.superpose_positions(after, before).transform
        else:  # too few atoms for a rotation
            shift = np.mean([(b - a).tolist() for a, b in zip(before, after, strict=True)], axis=0)
            motion = gemmi.Transform(gemmi.Mat33(), gemmi.Vec3(*shift.tolist()))
        for atom in residue:
            atom.pos = gemmi.Position(motion.apply(atom.pos))
    for atom in residue:
        b_iso = b_of(rows[0], atom.b_iso)
        if not keep or b_iso != atom.b_iso:
            atom.b_iso = b_iso
            atom.aniso = gemmi.SMat33f(0, 0, 0, 0, 0, 0)
    return residue


def _conformer_atom(residue: gemmi.Residue, name: str) -> gemmi.Atom | None:
    """Atom of the conformer that the job worked on; None if it is absent."""
    chosen = preferred_altloc(residue)
    atoms = [atom for atom in residue if atom.name == name]
    return max(atoms, key=lambda atom: (atom.altloc == chosen, not atom.has_altloc()), default=None)
