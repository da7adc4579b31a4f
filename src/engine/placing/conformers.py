"""Alternative conformers of atoms that lie in one place after a move."""

from __future__ import annotations

from collections.abc import Sequence

import gemmi

__all__ = ["join_coincident"]

_ONE_PLACE = 0.02
"""Angstrom within which conformers of an atom are one: several roundings of a file's 0.001 A, and far below what any
map tells apart. Chosen."""


def join_coincident(atoms: Sequence[gemmi.Atom]) -> list[gemmi.Atom]:
    """Atoms of a residue, those conformers of an atom that came to lie in one place joined.

    Two backbones of a residue carry their side chains with them; where both backbones become one, side chains that
    were alike meet. Of conformers that meet the most occupied one stays, with the occupancy of all of them (at most
    1) and without a label if no other conformer of the atom is left.

    Parameters
    ----------
    atoms : sequence of gemmi.Atom
        In any order; those that are joined are changed.
    """
    alike: dict[str, list[gemmi.Atom]] = {}
    for atom in atoms:
        alike.setdefault(atom.name, []).append(atom)
    kept: set[int] = set()
    for conformers in alike.values():
        left: list[gemmi.Atom] = []
        for atom in sorted(conformers, key=lambda atom: -atom.occ):
            twin = next((other for other in left if other.pos.dist(atom.pos) < _ONE_PLACE), None)
            if twin is None:
                left.append(atom)
            else:
                twin.occ = min(1.0, twin.occ + atom.occ)
        if len(left) == 1 and len(conformers) > 1:
            left[0].altloc = "\0"
        kept.update(map(id, left))
    return [atom for atom in atoms if id(atom) in kept]
