"""Chains along a helix or another open set of operators: which is the first one, which is computed, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..contract.errors import InputError
from .symmetric_copies import TOLERANCE, SequenceChain, linked_chains, nearest_chain
from .symmetry import IDENTITY, Symmetry, inverse, product

__all__ = ["refuse_other_hand", "seen_from_best"]


def seen_from_best(
    chains: Sequence[SequenceChain], symmetry: Symmetry, tolerance: float = 2 * TOLERANCE
) -> tuple[Symmetry, str]:
    """An open set of operators as the most complete chain has them, and the name of that chain.

    Operators of a helix count from its first copy. Which chain of a model that is, operators tell and not the order in
    the file: the one from which they reach all that follow each other. Of equally complete chains the one nearest to
    it is computed, so that copies that the model lacks go on where the helix leads.

    Parameters
    ----------
    chains : sequence of SequenceChain
    symmetry : Symmetry
        Is not closed.
    tolerance : float
        Largest deviation of copies, rms of CA atoms in angstrom.

    Returns
    -------
    symmetry : Symmetry
        The same copies: its operators take the chain that is computed to all of them, itself first.
    name : str

    Raises
    ------
    InputError
        If the operators do not reach all chains that follow each other from any of them.
    """
    best = min(chains, key=lambda chain: (-chain.shown, chain.name))
    linked = sorted(linked_chains(best, chains, symmetry, tolerance), key=lambda chain: chain.name)
    for start in linked:
        images = [nearest_chain(operator, start, linked, tolerance) for operator in symmetry.operators]
        if set(images) >= set(range(len(linked))):
            break
    else:
        raise InputError(
            f"Chains {', '.join(chain.name for chain in linked)} follow each other by {symmetry.name}, but it reaches "
            f"all of them from none: check the number of its copies ({len(symmetry)}) and the signs of its rise and "
            "its angle."
        )
    number, row = min(
        ((number, row) for number, row in enumerate(images) if row is not None),
        key=lambda one: (-linked[one[1]].shown, one[0]),
    )
    back = inverse(symmetry.operators[number])
    others = (product(one, back) for k, one in enumerate(symmetry.operators) if k != number)
    return replace(symmetry, operators=np.array([IDENTITY, *others])), linked[row].name


def refuse_other_hand(
    chains: Sequence[SequenceChain], symmetry: Symmetry, mirrored: Symmetry, tolerance: float = 2 * TOLERANCE
) -> None:
    """Refuse a helix that turns the other way than the chains of the model do.

    Parameters
    ----------
    chains : sequence of SequenceChain
    symmetry, mirrored : Symmetry
        The helix, and the same one with the other sign of its angle.
    tolerance : float
        Largest deviation of copies, rms of CA atoms in angstrom.

    Raises
    ------
    InputError
        If the other one explains more chains as copies.
    """
    best = min(chains, key=lambda chain: (-chain.shown, chain.name))
    names, others = (
        {chain.name for chain in linked_chains(best, chains, one, tolerance)} for one in (symmetry, mirrored)
    )
    if len(others) > len(names):
        raise InputError(
            f"By {symmetry.name}, chain {min(others - names)} is no copy of chain {best.name}, but by {mirrored.name} "
            "it is: check the signs of the rise and of the angle."
        )
