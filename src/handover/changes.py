"""What a job changed: residue by residue, from the model that it was given and the one that it wrote."""

from __future__ import annotations

from collections.abc import Collection, Container
from dataclasses import dataclass

import numpy as np

from .atoms import Address, ModelAtoms, ResidueRow

__all__ = ["Changes", "Inserted", "find_changes", "same_residue"]

_TOLERANCE = 2e-3
"""Angstrom below which an atom has not moved: files keep three to five decimals."""


@dataclass(frozen=True)
class Inserted:
    """A residue that the model did not have.

    Parameters
    ----------
    residue : ResidueRow
    after, before : Address or None
        Neighbours in the chain that the model had; None at its ends.
    """

    residue: ResidueRow
    after: Address | None
    before: Address | None


@dataclass(frozen=True, eq=False)
class Changes:
    """Difference of two models.

    Parameters
    ----------
    changed : dict of Address to ResidueRow
        Residues of both, as they are in the result, that differ in any atom.
    inserted : tuple of Inserted
        In chain order.
    lost : tuple of Address
        Residues that the result does not have under the same address.
    result : ModelAtoms
        What the rows of `changed` and `inserted` refer to.
    """

    changed: dict[Address, ResidueRow]
    inserted: tuple[Inserted, ...]
    lost: tuple[Address, ...]
    result: ModelAtoms

    def chains(self) -> tuple[str, ...]:
        """Chains that differ."""
        names = [*(a[0] for a in self.changed), *(i.residue.address[0] for i in self.inserted)]
        return tuple(dict.fromkeys(names))

    def addresses(self) -> frozenset[Address]:
        """Residues that are changed or new."""
        return frozenset(self.changed) | {item.residue.address for item in self.inserted}


def find_changes(
    before: ModelAtoms,
    after: ModelAtoms,
    among: Collection[Address] | None = None,
    known: Container[Address] | None = None,
) -> Changes:
    """Compare two models in one frame by addresses.

    Parameters
    ----------
    before, after : ModelAtoms
    among : collection of Address, optional
        Residues that are compared; by default all.
    known : container of Address, optional
        Residues between which new ones may stand; by default those of ``before``.
    """
    old, new = before.by_address(), after.by_address()
    compared = new if among is None else sorted((one for one in among if one in new), key=after.places.__getitem__)
    changed = {
        address: new[address]
        for address in compared
        if address in old and not same_residue(before, old[address], after, new[address])
    }
    inserted: list[Inserted] = []
    last = -2
    for address in compared:
        if address in old:
            continue
        place = after.places[address]
        if inserted and place == last + 1 and address[0] == inserted[-1].residue.address[0]:
            neighbours = inserted[-1].after, inserted[-1].before  # of the same gap
        else:
            beside = old if known is None else known
            neighbours = _known_beside(after, place, -1, beside), _known_beside(after, place, 1, beside)
        inserted.append(Inserted(new[address], *neighbours))
        last = place
    lost = tuple(address for address in (old if among is None else among) if address in old and address not in new)
    return Changes(changed, tuple(inserted), lost, after)


def _known_beside(atoms: ModelAtoms, place: int, step: int, known: Container[Address]) -> Address | None:
    """Nearest residue of the same chain, before or after one, that is known."""
    chain = atoms.residues[place].address[0]
    end = len(atoms.residues) if step > 0 else -1
    for at in range(place + step, end, step):
        address = atoms.residues[at].address
        if address[0] == chain and address in known:
            return address
    return None


def same_residue(a: ModelAtoms, first: ResidueRow, b: ModelAtoms, second: ResidueRow) -> bool:
    """Whether two residues have the same name, atoms, conformations and places."""
    if first.name != second.name:
        return False
    one, two = first.conformers(), second.conformers()
    if one.keys() != two.keys():
        return False
    rows = [(one[key].index, two[key].index) for key in one]
    apart = a.xyz[[i for i, _ in rows]] - b.xyz[[j for _, j in rows]]
    return bool((np.abs(apart) < _TOLERANCE).all()) if rows else True
